using System.Net;
using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core.Policy;

/// <summary>Who gives way to whom at one address and of one id, and what the operator's word changes.</summary>
public sealed class AddressTablePlacingTests
{
    private static readonly PeerAddress One = AddressBed.Address(1, 1, id: 1);

    private readonly AddressBed _bed = new(random: new Drawn(1));

    private AddressTable Table => _bed.Table;

    [Theory]
    [InlineData(AddressSource.Manual)]
    [InlineData(AddressSource.Hello)]
    [InlineData(AddressSource.StaticFile)]
    public void Add_HearsayThenFirstHand_CountsForItsOwnSourceFromNowOn(AddressSource source)
    {
        _bed.Add(One, "8.8.8.8");
        AddressKey hearsay = Table.Find(One)!.SourceGroup;
        Assert.Equal(AddOutcome.Known, _bed.Add(One, "9.9.9.9", source));
        AddressEntry entry = Table.Find(One)!;
        Assert.Equal(source, entry.Source);
        Assert.NotEqual(hearsay, entry.SourceGroup);
        Assert.Equal((0, 1), (Table.CountOf(hearsay), Table.CountOf(entry.SourceGroup)));
        Assert.Equal(1, Table.Counts.Ready);

        // One first hand is as good as another.
        Assert.Equal(AddOutcome.Known, _bed.Add(One, "7.7.7.7", AddressSource.Manual));
        Assert.Equal(source, entry.Source);
        Assert.Equal(AddOutcome.Known, _bed.Add(One, "8.8.8.8"));
        Assert.Equal(source, entry.Source);
    }

    [Fact]
    public void Add_HearsayAgainFromAnother_StaysWithWhoSaidItFirst()
    {
        _bed.Add(One, "8.8.8.8");
        AddressKey first = Table.Find(One)!.SourceGroup;
        _bed.Wait(5);
        _bed.Add(One, "9.9.9.9");
        Assert.Equal(first, Table.Find(One)!.SourceGroup);
        Assert.Equal(_bed.Now, Table.Find(One)!.LastSeen);
    }

    [Fact]
    public void Add_WhatWaitsIsNamedByTheConfiguration_IsFixedAndWaitsASecondAtMost()
    {
        _bed.Add(One);
        for (int i = 0; i < 8; i++)
        {
            _bed.Fail(One);
            _bed.Wait(300);
        }

        _bed.Fail(One);
        _bed.Add(One, null, AddressSource.Manual);
        Assert.Equal(256, (Table.NextDue!.Value - _bed.Now).TotalSeconds);
        Assert.False(Table.Find(One)!.IsFixed);
        _bed.Add(One, null, AddressSource.Bootstrap);
        Assert.True(Table.Find(One)!.IsFixed);
        Assert.Equal(1, (Table.NextDue!.Value - _bed.Now).TotalSeconds);
        Assert.Equal(0, Table.CountOf(Table.Find(One)!.SourceGroup));

        // Named again it is in no more of a hurry.
        _bed.Wait(1);
        _bed.Fail(One);
        _bed.Add(One, null, AddressSource.Bootstrap);
        Assert.Equal(300, (Table.NextDue!.Value - _bed.Now).TotalSeconds);
    }

    [Fact]
    public void Add_ProvenIsNamedByTheConfiguration_StaysWhatItIs()
    {
        _bed.Add(One);
        _bed.Prove(One);
        _bed.Add(One, null, AddressSource.Bootstrap);
        Assert.True(Table.Find(One) is { IsProven: true, IsFixed: false, Source: AddressSource.PeerExchange });
    }

    [Fact]
    public void Add_MoreThanMayBeFixed_TheOthersAreAsAnyOther()
    {
        for (int i = 0; i <= AddressTable.MaxFixed; i++)
        {
            _bed.Add(AddressBed.Address(i, 1), null, AddressSource.Bootstrap);
        }

        Assert.True(Table.Find(AddressBed.Address(AddressTable.MaxFixed - 1, 1))!.IsFixed);
        Assert.False(Table.Find(AddressBed.Address(AddressTable.MaxFixed, 1))!.IsFixed);
        PeerAddress learned = AddressBed.Address(500, 1);
        _bed.Add(learned);
        _bed.Add(learned, null, AddressSource.Bootstrap);
        Assert.False(Table.Find(learned)!.IsFixed);
        Assert.Equal(AddressSource.Bootstrap, Table.Find(learned)!.Source);
        Table.Remove(AddressBed.Address(0, 1));
        _bed.Add(AddressBed.Address(0, 1), null, AddressSource.Bootstrap);
        Assert.True(Table.Find(AddressBed.Address(0, 1))!.IsFixed);
    }

    // Four at one address: whose source has two more there than the newcomer's gives way, the oldest of it first.
    [Theory]
    [InlineData("AAAA", "B", 0)]
    [InlineData("BAAA", "B", 1)]
    [InlineData("AABB", "C", 0)]
    [InlineData("ABCC", "D", 2)]
    [InlineData("ABCD", "E", -1)]
    [InlineData("AABB", "A", -1)]
    public void Add_FifthAtOneAddress_ALargerSourceGivesWay(string sources, string newcomer, int gone)
    {
        for (int i = 0; i < 4; i++)
        {
            _bed.Add(Port(i), From(sources[i]));
        }

        Assert.Equal(gone >= 0 ? AddOutcome.Added : AddOutcome.NoRoom, _bed.Add(Port(9), From(newcomer[0])));
        Assert.Equal(gone < 0 ? [0, 1, 2, 3] : Enumerable.Range(0, 4).Where(i => i != gone), Enumerable.Range(0, 4).Where(i => Table.Find(Port(i)) is not null));
    }

    [Fact]
    public void Add_FifthAtOneAddress_WhatWasTriedDoesNotGiveWay()
    {
        for (int i = 0; i < 4; i++)
        {
            _bed.Add(Port(i), From('A'));
            Table.Tried(Port(i), _bed.Now);
        }

        Assert.Equal(AddOutcome.NoRoom, _bed.Add(Port(9), From('B')));
    }

    [Fact]
    public void Add_FifthAtOneAddress_WhatThePeersThemselvesSaidStays()
    {
        for (int i = 0; i < 4; i++)
        {
            _bed.Add(Port(i), From('A'), AddressSource.Hello);
        }

        Assert.Equal(AddOutcome.NoRoom, _bed.Add(Port(9), From('B')));
    }

    // What led to nobody three times is worth nothing to anybody.
    [Theory]
    [InlineData(2, AddOutcome.NoRoom)]
    [InlineData(3, AddOutcome.Added)]
    public void Add_FifthAtOneAddress_WhatFailedThriceGivesWay(int failures, object outcome)
    {
        for (int i = 0; i < 4; i++)
        {
            _bed.Add(Port(i), From((char)('A' + i)));
        }

        for (int i = 0; i < failures; i++)
        {
            _bed.Fail(Port(2));
            _bed.Wait(300);
        }

        Assert.Equal((AddOutcome)outcome, _bed.Add(Port(9), From('E')));
        Assert.Equal((AddOutcome)outcome == AddOutcome.NoRoom, Table.Find(Port(2)) is not null);
    }

    // The peer's own word: hearsay goes, first what failed, then what was seen longest ago; not one that is dialled, fixed or proven.
    [Fact]
    public void Add_FirstHandAtAFullAddress_TheWorstHearsayGivesWay()
    {
        for (int i = 0; i < 4; i++)
        {
            _bed.Add(Port(i), From((char)('A' + i)), i == 3 ? AddressSource.Hello : AddressSource.PeerExchange);
            _bed.Wait(1);
        }

        Assert.NotNull(Table.TryTake(Port(0), _bed.Now));
        _bed.Add(Port(1), From('F'));
        Assert.Equal(AddOutcome.Added, _bed.Add(Port(10), From('E'), AddressSource.Hello));
        Assert.Null(Table.Find(Port(2)));
        Assert.Equal(AddOutcome.Added, _bed.Add(Port(11), From('E'), AddressSource.Hello));
        Assert.Null(Table.Find(Port(1)));
        Assert.Equal(AddOutcome.Added, _bed.Add(Port(12), From('E'), AddressSource.Hello));
        Assert.Null(Table.Find(Port(3)));
        Assert.NotNull(Table.Find(Port(0)));
    }

    // A slot among the proven whose holder has been dead for a week is nobody's.
    [Theory]
    [InlineData(10, 8, true)]
    [InlineData(9, 8, false)]
    [InlineData(10, 6, false)]
    public void Succeeded_TheSlotsHolderIsLongDead_TakesItsPlaceAtOnce(int failures, int days, bool taken)
    {
        (PeerAddress old, PeerAddress newcomer) = Collide();
        _bed.Wait(TimeSpan.FromDays(days).TotalSeconds);
        for (int i = 0; i < failures; i++)
        {
            _bed.Fail(old);
            _bed.Wait(300);
        }

        _bed.Prove(newcomer);
        Assert.Equal((!taken, taken), (Table.Find(old)?.IsProven ?? false, Table.Find(newcomer)!.IsProven));
    }

    [Fact]
    public void HasProven_OnlyWhoHasAnswered()
    {
        _bed.Add(One);
        Assert.False(Table.HasProven(One.Id!.Value));
        _bed.Prove(One);
        Assert.True(Table.HasProven(One.Id!.Value));
        Assert.False(Table.HasProven(AddressBed.Id(99)));
    }

    // What the configuration names comes from there again, unless it is known to be right.
    [Fact]
    public void Snapshot_WhatIsFixed_OnlyOnceItHasAnswered()
    {
        _bed.Add(One, null, AddressSource.Bootstrap);
        _bed.Add(AddressBed.Address(2, 2));
        Assert.Equal([AddressBed.Address(2, 2)], Table.Snapshot().Select(r => r.Address));
        _bed.Prove(One);
        Assert.Equal([One, AddressBed.Address(2, 2)], Table.Snapshot().Select(r => r.Address));
    }

    [Fact]
    public void Rename_WhoAnsweredAtANameOfTheConfiguration_IsTheNewOneThere()
    {
        PeerAddress name = new("boot.example", 4040), other = new("other.example", 4040);
        NodeId old = AddressBed.Id(1), renamed = AddressBed.Id(2), third = AddressBed.Id(3);
        _bed.Add(name, null, AddressSource.Bootstrap);
        _bed.Add(other, null, AddressSource.Bootstrap);
        Table.TryTake(name, _bed.Now);
        Table.Succeeded(name, old, _bed.Now);
        Table.TryTake(other, _bed.Now);
        Table.Succeeded(other, third, _bed.Now);
        _bed.Check();
        Table.Rename(old, renamed, _bed.Now);
        _bed.Check();
        Assert.Equal((renamed, third), (Table.Find(name)!.AnsweredBy, Table.Find(other)!.AnsweredBy));
        Assert.Equal([name with { Id = renamed }], Table.Of(renamed).Select(e => e.Address));
    }

    // A flood must not choose its slots, and nodes of one machine must not share one.
    [Fact]
    public void Slots_DifferByEachPartOfTheAddressAndByTheGroup()
    {
        AddressSlots slots = new(AddressBed.Secret);
        AddressKey group = AddressGroups.KeysOf(IPAddress.Parse("20.1.0.1")).Wide;
        const int Many = 200;
        int Different(Func<int, int> slot) => Enumerable.Range(0, Many).Select(slot).Distinct().Count();

        Assert.InRange(Different(i => slots.Unproven(One with { Id = AddressBed.Id(i) }, group)), 100, Many);
        Assert.InRange(Different(i => slots.Unproven(AddressBed.Address(1, 1, id: 1, port: 1 + i), group)), 100, Many);
        Assert.InRange(Different(i => slots.Unproven(AddressBed.Address(1, i, id: 1), group)), 100, Many);
        Assert.InRange(Different(i => slots.Unproven(One, AddressGroups.KeysOf(IPAddress.Parse($"20.{i}.0.1")).Wide)), 100, Many);
        Assert.InRange(Different(i => slots.Unproven(AddressBed.Address(1, 1, id: 1, port: 1 + i), group) / AddressSlots.BucketSize), AddressSlots.BucketsPerSource / 2, AddressSlots.BucketsPerSource);
        Assert.InRange(Different(i => slots.Proven(AddressBed.Address(1, 1, id: 1, port: 1 + i), group) / AddressSlots.BucketSize), AddressSlots.BucketsPerGroup / 2, AddressSlots.BucketsPerGroup);
    }

    private static PeerAddress Port(int number) => AddressBed.Address(1, 1, id: 100 + number, port: 5000 + number);

    private static string From(char source) => $"{60 + source - 'A'}.1.1.1";

    // Two of one group that claim one slot among the proven.
    private (PeerAddress Old, PeerAddress New) Collide()
    {
        AddressSlots slots = new(AddressBed.Secret);
        AddressKey group = AddressGroups.KeysOf(IPAddress.Parse("20.1.0.1")).Wide;
        List<PeerAddress> proven = [];
        for (int i = 0; ; i++)
        {
            PeerAddress address = AddressBed.Address(1, i);
            _bed.Add(address, $"9.{i % 250}.1.1");
            int before = Table.Counts.Proven;
            _bed.Prove(address);
            if (Table.Counts.Proven == before)
            {
                return (proven.First(a => slots.Proven(a, group) == slots.Proven(address, group)), address);
            }

            proven.Add(address);
        }
    }
}
