using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core.Policy;

/// <summary>Whose turn it is.</summary>
public sealed class LanTablePickingTests
{
    private readonly LanTable _table = new(new Drawn(1));
    private readonly HashSet<NodeId> _unusable = [];
    private TimeSpan _now = TimeSpan.FromSeconds(100);
    private LanView _view;

    public LanTablePickingTests()
    {
        _table.SetInterfaces([LanBed.Eth, LanBed.Wlan], LanBed.OwnPorts);
        _view = new LanView(static _ => LanRank.Stranger, id => !_unusable.Contains(id), static _ => false, Wanted: true, Tells: false);
    }

    // Neither who comes first with many, nor who comes last, keeps another waiting.
    [Fact]
    public void Take_Strangers_TheNewestAndTheOldestInTurn()
    {
        for (int i = 1; i <= 8; i++)
        {
            Add(LanBed.Found(LanBed.Id(i), $"10.0.0.{i + 10}"));
        }

        Assert.Equal([8, 1, 7, 2, 6, 3, 5, 4], TakeNumbers(8));
    }

    // A sender who led to nobody comes last, but not in one turn of four: else a flood of senders who answer kept him out for ever.
    [Fact]
    public void Take_SendersWhoLedToNobody_LastButForOneTurnInFour()
    {
        Named(sender: 66, 1, 2);
        _table.Failed(Take()!, _now);
        Pass(10);
        Named(sender: 77, 11, 12, 13, 14, 15, 16, 17, 18);
        Named(sender: 88, 21, 22, 23, 24, 25, 26, 27, 28);

        List<int> senders = [];
        for (int i = 0; i < 7; i++, Pass(10))
        {
            LanEntry entry = Take()!;
            senders.Add(entry.From.GetAddressBytes()[3]);
            if (senders[^1] == 66)
            {
                _table.Failed(entry, _now);
                continue;
            }

            _table.Succeeded(entry);
            _unusable.Add(entry.Key.Id);
        }

        Assert.Equal([77, 88, 66, 77, 88, 77, 66], senders);
    }

    [Fact]
    public void Take_OneSenderNamesTwoMachines_TheyTakeTurns()
    {
        foreach (int i in new[] { 1, 2, 3 })
        {
            Add(LanBed.Found(LanBed.Id(i), "10.0.0.5", 5000 + i, from: "10.0.0.66"));
        }

        foreach (int i in new[] { 4, 5, 6 })
        {
            Add(LanBed.Found(LanBed.Id(i), "10.0.0.6", 5000 + i, from: "10.0.0.66"));
        }

        Assert.Equal([1, 4, 2, 5, 3, 6], TakeNumbers(6));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Take_ProvenHereBefore_OnlyWherePeersAreWanted_AndBeforeStrangers(bool wanted)
    {
        Add(LanBed.Found(LanBed.Id(1), "10.0.0.11"));
        Add(LanBed.Found(LanBed.Id(2), "10.0.0.12"));
        Add(LanBed.Found(LanBed.Id(3), "10.0.0.13"));
        Rank(wanted, strangers: [3]);
        Assert.Equal(wanted ? [1, 2, 3] : [], TakeNumbers(3));
    }

    // By its own word first, then by failures, then who was announced first.
    [Fact]
    public void Take_ProvenHereBefore_TheLikeliestFirst()
    {
        Rank(wanted: true, strangers: []);
        Add(LanBed.Found(LanBed.Id(1), "10.0.0.11"));
        _table.Failed(Take()!, _now);
        Pass(10);
        Add(LanBed.Found(LanBed.Id(2), "10.0.0.12", from: "10.0.0.66"));
        Add(LanBed.Found(LanBed.Id(3), "10.0.0.13"));
        Add(LanBed.Found(LanBed.Id(4), "10.0.0.14"));
        Assert.Equal([3, 4, 1, 2], TakeNumbers(4));
    }

    // They have a pace of their own: strangers do not use it up, and they do not use up that of strangers.
    [Fact]
    public void Take_ProvenHereBefore_SixteenAtOnceThenFiveASecond_BesideTheStrangers()
    {
        for (int i = 1; i <= 60; i++)
        {
            Add(LanBed.Found(LanBed.Id(i), $"10.0.0.{i + 10}"));
        }

        Rank(wanted: true, strangers: [.. Enumerable.Range(31, 30)]);
        List<int> first = TakeNumbers(60);
        Assert.Equal(LanTable.Burst, first.Count(n => n <= 30));
        Assert.Equal(LanTable.Burst, first.Count(n => n > 30));
        Assert.Equal(_now + TimeSpan.FromSeconds(0.2), _table.NextDue);
        Assert.Equal(_now + TimeSpan.FromSeconds(0.2), _table.StrangersAt(_now));
        Pass(1);
        List<int> next = TakeNumbers(60);
        Assert.Equal(LanTable.Rate, next.Count(n => n <= 30));
        Assert.Equal(LanTable.Rate, next.Count(n => n > 30));
    }

    [Fact]
    public void Take_AddressesOfOneId_ByItsOwnWord_ThenOfTheSendersFamily_ThenTheRest()
    {
        Add(LanBed.Found(LanBed.Id(1), "fe80::7", from: "10.0.0.66", service: "a"));
        Add(LanBed.Found(LanBed.Id(1), "10.0.0.7", from: "10.0.0.66", service: "b"));
        Add(LanBed.Found(LanBed.Id(1), "10.0.0.9", service: "c"));
        List<string> addresses = [];
        for (int i = 0; i < 3; i++, Pass(10))
        {
            addresses.Add(Take()!.Address.Host);
        }

        Assert.Equal(["10.0.0.9", "10.0.0.7", "fe80::7%eth0"], addresses);
    }

    [Fact]
    public void Take_AddressesOfOneId_WhatFailedLast()
    {
        Add(LanBed.Found(LanBed.Id(1), "a", LanBed.At("10.0.0.7", from: "10.0.0.66"), LanBed.At("10.0.0.8", from: "10.0.0.66")));
        LanEntry first = Take()!;
        Assert.Equal("10.0.0.7", first.Address.Host);
        _table.Failed(first, _now);
        Pass(60);
        Assert.Equal("10.0.0.8", Take()!.Address.Host);
    }

    [Theory]
    [InlineData(3, 5)]
    [InlineData(5, 3)]
    public void NextDue_OfSeveral_TheEarliest(double first, double second)
    {
        Add(LanBed.Found(LanBed.Id(1), "10.0.0.11"));
        Add(LanBed.Found(LanBed.Id(2), "10.0.0.12"));
        LanEntry one = Take()!, two = Take()!;
        _table.Dropped(one, TimeSpan.FromSeconds(first), _now);
        _table.Dropped(two, TimeSpan.FromSeconds(second), _now);
        Pass(1);
        Assert.Null(Take());
        Assert.Equal(_now + TimeSpan.FromSeconds(2), _table.NextDue);
    }

    // Whom it waits for ends by itself: there is nothing to look at before.
    [Fact]
    public void NextDue_OnlyAnotherDialStandsInTheWay_None()
    {
        Add(LanBed.Found(LanBed.Id(1), "10.0.0.5", from: "10.0.0.66"));
        Add(LanBed.Found(LanBed.Id(2), "10.0.0.5", from: "10.0.0.66"));
        Assert.NotNull(Take());
        Pass(10);
        Assert.Null(Take());
        Assert.Null(_table.NextDue);
    }

    [Fact]
    public void NextDue_HeldIds_TheFirstThatIsFree()
    {
        Add(LanBed.Found(LanBed.Id(1), "10.0.0.11"));
        Add(LanBed.Found(LanBed.Id(2), "10.0.0.12"));
        _table.Hold(LanBed.Id(1), _now + TimeSpan.FromSeconds(9));
        _table.Hold(LanBed.Id(1), _now + TimeSpan.FromSeconds(4));
        _table.Hold(LanBed.Id(2), _now + TimeSpan.FromSeconds(7));
        Assert.Null(Take());
        Assert.Equal(_now + TimeSpan.FromSeconds(7), _table.NextDue);
        Pass(7);
        Assert.Equal([2], TakeNumbers(2));
        Pass(2);
        Assert.Equal([1], TakeNumbers(2));
    }

    [Fact]
    public void Take_ShownTwiceTheMostThatAreRemembered_TheFirstIsShownAgain()
    {
        _view = _view with { Wanted = false, Tells = true };
        for (int i = 0; i <= LanTable.MaxTold; i++)
        {
            Add(LanBed.Found(LanBed.Id(i), $"10.0.{1 + (i / 250)}.{(i % 250) + 2}", service: $"s{i}"));
            Assert.True(_table.Take(_view, _now)!.Value.Tell);
            _table.Withdraw($"s{i}", _now);
            Pass(0.2);
        }

        foreach (int i in new[] { 1, 0 })
        {
            Add(LanBed.Found(LanBed.Id(i), $"10.0.1.{i + 2}"));
            Assert.Equal(i == 0, _table.Take(_view, _now) is not null);
        }
    }

    private void Rank(bool wanted, int[] strangers)
    {
        HashSet<NodeId> unknown = [.. strangers.Select(LanBed.Id)];
        _view = _view with { Wanted = wanted, RankOf = id => unknown.Contains(id) ? LanRank.Stranger : LanRank.Before };
    }

    // One sender's word about itself, many ids on one port.
    private void Named(int sender, params int[] numbers)
    {
        foreach (int number in numbers)
        {
            Add(LanBed.Found(LanBed.Id(number), $"10.0.0.{sender}"));
        }
    }

    private void Add(LanFound found) => Assert.True(_table.Add(found, static _ => false, _now));

    private LanEntry? Take() => _table.Take(_view, _now)?.Entry;

    // All that answer, with what is due within a second of each.
    private List<int> TakeNumbers(int most)
    {
        List<int> numbers = [];
        for (int i = 0; i < most; i++)
        {
            LanEntry? entry = Take();
            if (entry is null && most < 60)
            {
                Pass(1);
                entry = Take();
            }

            if (entry is null)
            {
                break;
            }

            byte[] id = new byte[NodeId.Size];
            entry.Key.Id.CopyTo(id);
            numbers.Add(BitConverter.ToInt32(id, 4));
            _table.Succeeded(entry);
            _unusable.Add(entry.Key.Id);
        }

        return numbers;
    }

    private void Pass(double seconds) => _now += TimeSpan.FromSeconds(seconds);
}
