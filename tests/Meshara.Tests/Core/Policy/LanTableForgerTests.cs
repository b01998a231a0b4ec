using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core.Policy;

/// <summary>One who wants an honest node's entry out of the table, or not to get into it.</summary>
public sealed class LanTableForgerTests
{
    private const string Home = "10.0.0.5", Forger = "10.0.0.66";

    private static readonly NodeId Honest = LanBed.Id(-1);
    private static readonly LanView Open = new(static _ => LanRank.Stranger, static _ => true, static _ => false, Wanted: true, Tells: false);

    private readonly LanTable _table = new(new Random(1));
    private TimeSpan _now = TimeSpan.FromSeconds(100);

    public LanTableForgerTests() => _table.SetInterfaces([LanBed.Eth], LanBed.OwnPorts);

    // He announces it under a name of his own, and takes that back.
    [Fact]
    public void Withdraw_OneOfTwoNames_TheEntryStays()
    {
        Add(LanBed.Found(Honest, Home, service: "honest"));
        Add(LanBed.Found(Honest, Home, from: Forger, service: "his"));
        _table.Withdraw("his", _now + LanTable.Grace);

        Pass(LanTable.Grace);
        Assert.Single(_table.Of(Honest));
        _table.Withdraw("honest", _now + LanTable.Grace);
        Pass(LanTable.Grace);
        Assert.Empty(_table.Of(Honest));
    }

    [Fact]
    public void Add_OtherAddressUnderOneOfTwoNames_TheEntryStays()
    {
        Add(LanBed.Found(Honest, Home, service: "honest"));
        Add(LanBed.Found(Honest, Home, from: Forger, service: "his"));
        Add(LanBed.Found(Honest, Forger, service: "his"));

        Pass(LanTable.Grace);
        Assert.Equal(2, _table.Of(Honest).Count);
    }

    [Fact]
    public void Add_UnderManyNames_FewAreKept_AndTheHonestOneComesBack()
    {
        Add(LanBed.Found(Honest, Home, service: "honest"));
        for (int i = 0; i < 50; i++)
        {
            Add(LanBed.Found(Honest, Home, from: Forger, service: $"his {i}"));
        }

        for (int i = 0; i < 50; i++)
        {
            _table.Withdraw($"his {i}", _now + LanTable.Grace);
        }

        // The source hands all on again, before the minute is over.
        Assert.True(Add(LanBed.Found(Honest, Home, service: "honest")));
        Pass(LanTable.Grace);
        Assert.Single(_table.Of(Honest));
    }

    // Whoever names an address first does not own it when it has spoken for itself.
    [Fact]
    public void Add_NamedByTheForgerFirst_IsItsOwnOnceItSpeaks()
    {
        Add(LanBed.Found(Honest, Home, from: Forger));
        Assert.True(Add(LanBed.Found(Honest, Home)));
        for (int i = 0; i < 2 * LanTable.MaxEntries; i++)
        {
            Add(LanBed.Found(LanBed.Id(i), $"10.0.{1 + (i / 250)}.{(i % 250) + 2}", from: Forger));
        }

        for (int i = 0; i < LanTable.MaxEntries - 8; i++)
        {
            Add(LanBed.Found(LanBed.Id(10_000 + i), $"10.0.{100 + (i / 250)}.{(i % 250) + 2}"));
        }

        Assert.Equal(LanTable.MaxEntries, _table.Count);
        Assert.Single(_table.Of(Honest));
    }

    [Fact]
    public void Add_WhatSpokeForItselfIsNamedByAnother_NothingIsNew()
    {
        Assert.True(Add(LanBed.Found(Honest, Home)));

        Assert.False(Add(LanBed.Found(Honest, Home, from: Forger)));
        Assert.False(Add(LanBed.Found(Honest, Home)));
        Assert.Equal(Home, Take()!.From.ToString());
    }

    // A sender can be forged too: what leads to nobody makes room.
    [Fact]
    public void Add_TwoPortsInItsName_WhichFailed_GiveWay()
    {
        Add(LanBed.Found(Honest, Home, 1, service: "a"));
        Add(LanBed.Found(Honest, Home, 2, service: "b"));
        Assert.False(Add(LanBed.Found(Honest, Home, service: "honest")));
        _table.Failed(Take()!, _now);

        Assert.True(Add(LanBed.Found(Honest, Home, service: "honest")));
        Assert.Contains(_table.Of(Honest), a => a.Port == 4040);
    }

    [Fact]
    public void Add_ATableFullInItsName_WhatFailedGivesWay()
    {
        for (int i = 0; i < LanTable.MaxEntries; i++)
        {
            Add(LanBed.Found(LanBed.Id(i), Home, i + 1));
        }

        Assert.False(Add(LanBed.Found(Honest, Home)));
        _table.Failed(Take()!, _now);
        Assert.True(Add(LanBed.Found(Honest, Home)));
        Assert.Equal(LanTable.MaxEntries, _table.Count);
    }

    [Fact]
    public void Add_ATableFullOfWhatItNamedItself_ItsOwnAddressGoesBefore()
    {
        for (int i = 0; i < LanTable.MaxEntries; i++)
        {
            Add(LanBed.Found(LanBed.Id(i), $"10.0.{1 + (i / 250)}.{(i % 250) + 2}", from: Home));
        }

        Assert.True(Add(LanBed.Found(Honest, Home)));
    }

    // Many senders with one entry each: neither the first nor the last is always the one who goes.
    [Fact]
    public void Add_ATableFullOfSingleSenders_WhoGoesIsDrawn()
    {
        for (int i = 0; i < LanTable.MaxEntries + 512; i++)
        {
            Add(LanBed.Found(LanBed.Id(i), $"10.0.{1 + (i / 250)}.{(i % 250) + 2}"));
        }

        Assert.InRange(Present(0, 200), 80, 160);
        Assert.InRange(Present(LanTable.MaxEntries + 312, 200), 120, 200);
    }

    private int Present(int first, int count) => Enumerable.Range(first, count).Count(i => _table.Of(LanBed.Id(i)).Count > 0);

    private bool Add(LanFound found) => _table.Add(found, static _ => false, _now);

    private LanEntry? Take() => _table.Take(Open, _now)?.Entry;

    private void Pass(TimeSpan time)
    {
        _now += time;
        _table.Take(Open with { Wanted = false }, _now);
    }
}
