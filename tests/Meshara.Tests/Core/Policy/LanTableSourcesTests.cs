using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core.Policy;

/// <summary>Who said what, how much of it is kept, and what is forgotten with it.</summary>
public sealed class LanTableSourcesTests
{
    private readonly LanTable _table = new(new Drawn(1));
    private TimeSpan _now = TimeSpan.FromSeconds(100);

    public LanTableSourcesTests() => _table.SetInterfaces([LanBed.Eth, LanBed.Wlan], LanBed.OwnPorts);

    [Fact]
    public void Add_ManyAddressesOfOneSender_ItsOwnAndOneOfItsFamilyAreKept()
    {
        Add(LanBed.Found(LanBed.Id(1), "a", LanBed.At("fe80::7", from: "10.0.0.25"), LanBed.At("10.0.0.8", from: "10.0.0.25"), LanBed.At("2001:db8::7", from: "10.0.0.25"), LanBed.At("10.0.0.25")));
        Assert.Equal(["10.0.0.25", "10.0.0.8"], Hosts(1));
    }

    [Fact]
    public void Add_ManyAddressesOfAnotherFamily_OneOfTheSendersFamilyIsKept()
    {
        Add(LanBed.Found(LanBed.Id(1), "a", LanBed.At("fe80::7", from: "10.0.0.25"), LanBed.At("2001:db8::7", from: "10.0.0.25"), LanBed.At("10.0.0.8", from: "10.0.0.25")));
        Assert.Equal(["10.0.0.8", "fe80::7%eth0"], Hosts(1));
    }

    // What one sender says of another takes no place of what he said before, also where that failed; his own address does.
    [Fact]
    public void Add_AThirdAddressByOneSender_OnlyHisOwnTakesAPlace()
    {
        Add(LanBed.Found(LanBed.Id(1), "10.0.0.5", from: "10.0.0.66", service: "a"));
        _table.Failed(Take(1)!, _now);
        Add(LanBed.Found(LanBed.Id(1), "10.0.0.6", from: "10.0.0.66", service: "b"));
        Assert.False(Add(LanBed.Found(LanBed.Id(1), "10.0.0.7", from: "10.0.0.66", service: "c")));
        Assert.Equal(["10.0.0.5", "10.0.0.6"], Hosts(1));
        Assert.True(Add(LanBed.Found(LanBed.Id(1), "10.0.0.66", service: "d")));
        Assert.Equal(["10.0.0.6", "10.0.0.66"], Hosts(1));
    }

    // Of eight of one id: who said goodbye first, then who led to nobody, then the newest; not one that is being dialled.
    [Fact]
    public void Add_ANinthAddressOfAnId_TheWorstGivesWay()
    {
        for (int i = 1; i <= 8; i++)
        {
            Add(LanBed.Found(LanBed.Id(1), $"10.0.1.{i}", from: $"10.0.2.{i}", service: $"s{i}"));
        }

        LanEntry first = Take(1)!;
        _table.Failed(first, _now);
        Pass(1);
        LanEntry second = Take(1)!;
        Assert.Equal(["10.0.1.1", "10.0.1.2"], [first.Address.Host, second.Address.Host]);
        _table.Withdraw("s3", _now + LanTable.Grace);

        int next = 11;
        foreach (int gone in new[] { 3, 1, 12 })
        {
            Assert.True(Add(LanBed.Found(LanBed.Id(1), $"10.0.1.{next}", from: $"10.0.2.{next}", service: $"s{next++}")));
            Assert.DoesNotContain($"10.0.1.{gone}", Hosts(1));
            Assert.Equal(8, Hosts(1).Count);
        }

        Assert.Contains("10.0.1.2", Hosts(1));
        Assert.Contains("10.0.1.13", Hosts(1));
    }

    [Fact]
    public void Add_TheSameThingAgainAndAgain_OneGoodbyeIsEnough()
    {
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(i == 0, Add(LanBed.Found(LanBed.Id(1), "10.0.0.5", service: "a")));
        }

        _table.Withdraw("a", _now + LanTable.Grace);
        Expire();
        Assert.Empty(_table.Ids);
        Assert.Equal(0, _table.Count);
        Assert.True(Add(LanBed.Found(LanBed.Id(1), "10.0.0.5", service: "a")));
        Assert.Equal([LanBed.Id(1)], _table.Ids);
    }

    // Four names are kept; of a fifth the oldest goes, so its goodbye says nothing any more.
    [Theory]
    [InlineData(4, true)]
    [InlineData(5, false)]
    public void Add_UnderManyNames_FourCount(int names, bool stays)
    {
        for (int i = 1; i <= names; i++)
        {
            Add(LanBed.Found(LanBed.Id(1), "10.0.0.5", service: $"s{i}"));
        }

        for (int i = 2; i <= names; i++)
        {
            _table.Withdraw($"s{i}", _now + LanTable.Grace);
        }

        Expire();
        Assert.Equal(stays ? 1 : 0, _table.Count);
    }

    [Fact]
    public void Clear_All_NothingIsLeft()
    {
        for (int i = 1; i <= 10; i++)
        {
            Add(LanBed.Found(LanBed.Id(i), $"10.0.0.{i + 1}"));
        }

        _table.Clear();
        Assert.Equal(0, _table.Count);
        Assert.Empty(_table.Ids);
        Assert.Empty(_table.Of(LanBed.Id(1)));
        Assert.Null(Take(1));
        Assert.Null(_table.NextDue);
    }

    // Who was never dialled has borne nothing: nothing of it is kept.
    [Fact]
    public void Withdraw_MoreMachinesThanAreRemembered_ANewOneFindsRoom()
    {
        for (int i = 0; i < 5000; i++)
        {
            Assert.True(Add(LanBed.Found(LanBed.Id(i), $"10.0.{1 + (i / 250)}.{(i % 250) + 2}", service: "a")));
            _table.Withdraw("a", _now);
            Expire();
        }

        Assert.True(Add(LanBed.Found(LanBed.Id(-1), "10.0.250.1")));
    }

    // Of all others of that interface together only two addresses of one id are kept, as of any one sender.
    [Fact]
    public void Add_SixtyFourIPv6Senders_FurtherOnesCountAsOne()
    {
        for (int i = 1; i <= LanTable.MaxIPv6Sources; i++)
        {
            Speak(i, i);
        }

        Assert.Equal(2, PlacesOfThreeSenders());
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(61, 3)]
    [InlineData(64, 2)]
    public void Add_IPv6SendersCameAndWent_TheyDoNotCount(int stay, int kept)
    {
        for (int i = 1; i <= 100; i++)
        {
            Speak(i, i);
            _table.Withdraw($"s{i}", _now);
            Expire();
        }

        for (int i = 1; i <= stay; i++)
        {
            Speak(i, i);
        }

        Assert.Equal(kept, PlacesOfThreeSenders());
    }

    // A sender who led to nobody is remembered after he has gone, but makes room for another.
    [Fact]
    public void Add_SixtyFourIPv6SendersLedToNobodyAndWent_AnotherCountsForItself()
    {
        for (int i = 1; i <= LanTable.MaxIPv6Sources; i++)
        {
            Speak(i, i);
            _table.Failed(Take(i)!, _now);
            _table.Withdraw($"s{i}", _now);
            Expire();
            Pass(1);
        }

        Assert.Equal(3, PlacesOfThreeSenders());
    }

    // An IPv4 address is one machine on whichever interface; a link-local one is another machine on each.
    [Theory]
    [InlineData("10.0.0.66", 2)]
    [InlineData("fe80::66", 4)]
    public void Add_OneSenderOnTwoInterfaces_IsOneWhereItsAddressIs(string from, int kept)
    {
        Add(LanBed.Found(LanBed.Id(1), "a", LanBed.At("10.0.0.5", from: from), LanBed.At("10.0.0.6", from: from), LanBed.At("192.168.7.5", from: from, @interface: 3), LanBed.At("192.168.7.6", from: from, @interface: 3)));
        Assert.Equal(kept, Hosts(1).Count);
    }

    [Fact]
    public void Take_OneLinkLocalAddressOnTwoInterfaces_AreTwoMachines()
    {
        for (int i = 1; i <= 6; i++)
        {
            Add(LanBed.Found(LanBed.Id(i), "fe80::9", service: $"s{i}", @interface: i <= 3 ? 2 : 3));
        }

        Assert.NotNull(Take(1));
        Assert.NotNull(Take(2));
        Assert.Null(Take(3));
        Assert.NotNull(Take(4));
        Assert.NotNull(Take(5));
        Assert.Null(Take(6));
    }

    // Of the sender who has most: what led to nobody first, then what he said of others, then the newest.
    [Fact]
    public void Add_AFullTable_WhatTheLargestSenderSaysWorstGivesWay()
    {
        for (int i = 1; i < LanTable.MaxEntries; i++)
        {
            Add(LanBed.Found(LanBed.Id(i), $"10.0.{1 + (i / 250)}.{(i % 250) + 2}", from: "10.0.66.6", service: $"s{i}"));
        }

        Add(LanBed.Found(LanBed.Id(2000), "10.0.66.6", service: "own"));
        Assert.Equal(LanTable.MaxEntries, _table.Count);
        _table.Failed(Take(10)!, _now);
        int newest = LanTable.MaxEntries - 1;
        Pass(10);
        Assert.NotNull(Take(newest));

        int sender = 1;
        foreach (int gone in new[] { 10, newest - 1, newest - 2 })
        {
            Assert.True(Add(LanBed.Found(LanBed.Id(3000 + sender), $"10.0.77.{sender++}")));
            Assert.Empty(Hosts(gone));
            Assert.Equal(LanTable.MaxEntries, _table.Count);
        }

        Assert.Single(Hosts(2000));
        Assert.Single(Hosts(newest));
    }

    // Who has most himself gets in only for what led to nobody.
    [Fact]
    public void Add_AFullTable_TheLargestSenderItself_OnlyForWhatFailed()
    {
        for (int i = 0; i < LanTable.MaxEntries; i++)
        {
            Add(LanBed.Found(LanBed.Id(i), $"10.0.{1 + (i / 250)}.{(i % 250) + 2}", from: "10.0.66.6", service: $"s{i}"));
        }

        Assert.False(Add(LanBed.Found(LanBed.Id(2000), "10.0.99.1", from: "10.0.66.6")));
        _table.Failed(Take(10)!, _now);
        Assert.True(Add(LanBed.Found(LanBed.Id(2000), "10.0.99.1", from: "10.0.66.6")));
        Assert.Empty(Hosts(10));
    }

    // Whom the mesh favours neither gives way nor is kept out by the sender who has most.
    [Fact]
    public void Add_AFullTable_AFavouredIdGetsInAndStays()
    {
        NodeId favoured = LanBed.Id(LanTable.MaxEntries - 1);
        for (int i = 0; i < LanTable.MaxEntries; i++)
        {
            Add(LanBed.Found(LanBed.Id(i), $"10.0.{1 + (i / 250)}.{(i % 250) + 2}", from: "10.0.66.6", service: $"s{i}"));
        }

        Assert.True(_table.Add(LanBed.Found(LanBed.Id(3000), "10.0.77.1"), id => id == favoured, _now));
        Assert.Single(Hosts(LanTable.MaxEntries - 1));
        Assert.Empty(Hosts(LanTable.MaxEntries - 2));
        Assert.True(_table.Add(LanBed.Found(LanBed.Id(2000), "10.0.99.1", from: "10.0.66.6"), static id => id == LanBed.Id(2000), _now));
        Assert.Single(Hosts(2000));
    }

    // A packet of its own: from then on it counts as its own word, not as that of who named it first.
    [Fact]
    public void Add_NamedByAnotherAndThenByItself_CountsAsItsOwn()
    {
        Add(LanBed.Found(LanBed.Id(1), "10.0.0.5", from: "10.0.0.66", service: "a"));
        Add(LanBed.Found(LanBed.Id(1), "10.0.0.6", from: "10.0.0.66", service: "b"));
        Assert.True(Add(LanBed.Found(LanBed.Id(1), "10.0.0.5", service: "c")));
        Assert.False(Add(LanBed.Found(LanBed.Id(1), "10.0.0.5", service: "c")));

        // He has one place again.
        Assert.True(Add(LanBed.Found(LanBed.Id(1), "10.0.0.7", from: "10.0.0.66", service: "d")));
        Assert.Equal(["10.0.0.5", "10.0.0.6", "10.0.0.7"], Hosts(1));
        Assert.Equal("10.0.0.5", Take(1)!.Address.Host);
    }

    private int PlacesOfThreeSenders()
    {
        for (int i = 1; i <= 3; i++)
        {
            Speak(1000 + i, 9999);
        }

        return Hosts(9999).Count;
    }

    private void Speak(int sender, int id) => Add(LanBed.Found(LanBed.Id(id), $"fe80::6:{sender:x}", service: $"s{sender}"));

    private List<string> Hosts(int number) => [.. _table.Of(LanBed.Id(number)).Select(a => a.Host).Order(StringComparer.Ordinal)];

    private bool Add(LanFound found) => _table.Add(found, static _ => false, _now);

    private LanEntry? Take(int number)
    {
        NodeId only = LanBed.Id(number);
        return _table.Take(new LanView(static _ => LanRank.Stranger, id => id == only, static _ => false, Wanted: true, Tells: false), _now)?.Entry;
    }

    private void Expire()
    {
        Pass(LanTable.Grace.TotalSeconds);
        _ = _table.Take(new LanView(static _ => LanRank.Stranger, static _ => false, static _ => false, Wanted: true, Tells: false), _now);
    }

    private void Pass(double seconds) => _now += TimeSpan.FromSeconds(seconds);
}
