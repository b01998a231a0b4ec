using System.Net;
using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core.Policy;

public sealed class AddressTableTests
{
    private readonly AddressBed _bed = new();

    [Fact]
    public void Add_NewAndAgain_IsAddedThenKnown()
    {
        PeerAddress address = AddressBed.Address(1, 1);

        Assert.Equal(AddOutcome.Added, _bed.Add(address));
        Assert.Equal(AddOutcome.Known, _bed.Add(address));
        Assert.Equal(new AddressCounts(1, 0, 1), _bed.Table.Counts);
    }

    [Theory]
    [InlineData("10.0.0.1", "8.8.8.8", AddressSource.PeerExchange, AddOutcome.NotAllowed)] // X4
    [InlineData("127.0.0.1", "8.8.8.8", AddressSource.Hello, AddOutcome.NotAllowed)]
    [InlineData("127.0.0.1", "127.0.0.1", AddressSource.Hello, AddOutcome.Added)]
    [InlineData("10.0.0.1", "10.0.0.1", AddressSource.Hello, AddOutcome.Added)]
    [InlineData("224.0.0.1", null, AddressSource.Manual, AddOutcome.NotAllowed)] // X3
    [InlineData("0.0.0.0", null, AddressSource.Manual, AddOutcome.NotAllowed)]
    [InlineData("example.org", "8.8.8.8", AddressSource.PeerExchange, AddOutcome.NotAllowed)]
    [InlineData("example.org", "8.8.8.8", AddressSource.Hello, AddOutcome.NotAllowed)]
    [InlineData("example.org", null, AddressSource.Manual, AddOutcome.Added)]
    [InlineData("10.0.0.1", null, AddressSource.Manual, AddOutcome.Added)]
    public void Add_HostAndSource_Outcome(string host, string? from, AddressSource source, object outcome) =>
        Assert.Equal((AddOutcome)outcome, _bed.Add(new PeerAddress(host, 4040, AddressBed.Id(1)), from, source));

    [Fact]
    public void Add_OwnAddress_IsNotAllowed()
    {
        AddressBed bed = new(isOwn: a => a.Port == 4041);

        Assert.Equal(AddOutcome.NotAllowed, bed.Add(AddressBed.Address(1, 1, port: 4041)));
        Assert.Equal(AddOutcome.Added, bed.Add(AddressBed.Address(1, 1, port: 4042)));
    }

    [Fact]
    public void Add_WithoutId_OnlyBootstrap()
    {
        PeerAddress address = new("198.51.100.1", 4040);

        Assert.Equal(AddOutcome.NotAllowed, _bed.Add(address, null, AddressSource.Manual));
        Assert.Equal(AddOutcome.Added, _bed.Add(address, null, AddressSource.Bootstrap));
    }

    // A cluster of one site that one bootstrap named: nobody may be lost because two hash to one slot.
    [Fact]
    public void Add_FiftyNodesOfOneNetworkByOneSource_AllAreKnown()
    {
        for (int seed = 0; seed < 100; seed++)
        {
            AddressTable table = new([.. AddressBed.Secret.Select(b => (byte)(b + seed))], new AddressGroups(AddressGroups.Loopback, []), new Random(seed));
            PeerAddress[] cluster = [.. Enumerable.Range(0, 50).Select(i => new PeerAddress("127.0.0.1", 4040 + i, AddressBed.Id((seed * 1000) + i)))];
            foreach (PeerAddress address in cluster)
            {
                Assert.Equal(AddOutcome.Added, table.Add(new AddressCandidate(address, AddressSource.PeerExchange, IPAddress.Loopback), TimeSpan.Zero));
            }

            Assert.Equal(new AddressCounts(50, 0, 50), table.Counts);
            foreach (PeerAddress address in cluster.Take(30))
            {
                Assert.NotNull(table.TryTake(address, TimeSpan.Zero));
                table.Succeeded(address, address.Id!.Value, TimeSpan.Zero);
            }

            Assert.Null(table.FindInconsistency());
            Assert.Equal(new AddressCounts(20, 30, 20), table.Counts);
        }
    }

    [Fact]
    public void Add_FloodFromOneSource_FillsItsShareOnly()
    {
        for (int i = 0; i < 20_000; i++)
        {
            _bed.Table.Add(new AddressCandidate(AddressBed.Address(i % 200, i / 200), AddressSource.PeerExchange, IPAddress.Parse("8.8.8.8")), _bed.Now);
        }

        _bed.Check();
        Assert.InRange(_bed.Table.Counts.Unproven, 400, 32 * 16);
        Assert.Equal(_bed.Table.Counts.Unproven, _bed.Table.CountOf(AddressGroups.KeysOf(IPAddress.Parse("8.8.8.8")).Wide));
    }

    [Fact]
    public void Add_FloodFromManySources_NeverRemovesAProvenOne()
    {
        List<PeerAddress> proven = [];
        for (int i = 0; i < 100; i++)
        {
            proven.Add(AddressBed.Address(i, 1));
            Assert.Equal(AddOutcome.Added, _bed.Add(proven[i], $"9.{i}.1.1"));
            _bed.Prove(proven[i]);
        }

        int reached = _bed.Table.Counts.Proven;
        for (int i = 0; i < 50_000; i++)
        {
            _bed.Table.Add(new AddressCandidate(AddressBed.Address(300 + (i % 500), i / 500), AddressSource.PeerExchange, new IPAddress([7, (byte)i, 1, 1])), _bed.Now);
        }

        _bed.Check();
        Assert.Equal(reached, _bed.Table.Counts.Proven);
        Assert.All(proven, a => Assert.NotNull(_bed.Table.Find(a)));
    }

    [Fact]
    public void Add_FifthAtOneAddress_HearsayIsRefusedThePeerItselfIsNot()
    {
        for (int i = 0; i < 4; i++)
        {
            Assert.Equal(AddOutcome.Added, _bed.Add(AddressBed.Address(1, 1, id: i), $"9.{i}.1.1"));
        }

        Assert.Equal(AddOutcome.NoRoom, _bed.Add(AddressBed.Address(1, 1, id: 4), "9.4.1.1"));
        Assert.Equal(AddOutcome.Added, _bed.Add(AddressBed.Address(1, 1, id: 5), "20.1.0.1", AddressSource.Hello));
        Assert.Equal(4, Enumerable.Range(0, 6).Count(i => _bed.Table.Find(AddressBed.Address(1, 1, id: i)) is not null));

        // However many ids are believed there, it is one address.
        Assert.Equal(1, _bed.Table.Counts.Unproven);
    }

    [Fact]
    public void Add_FifthAtATrustedAddress_IsAdded()
    {
        for (int i = 0; i < 30; i++)
        {
            Assert.Equal(AddOutcome.Added, _bed.Add(new PeerAddress("127.0.0.1", 5000 + i, AddressBed.Id(i)), "127.0.0.1", AddressSource.Hello));
        }
    }

    [Fact]
    public void Add_NinthOfAnId_OnlyFirstHandMakesRoom()
    {
        NodeId id = AddressBed.Id(1);
        for (int i = 0; i < 8; i++)
        {
            Assert.Equal(AddOutcome.Added, _bed.Add(AddressBed.Address(i, 1) with { Id = id }, $"9.{i}.1.1"));
        }

        Assert.Equal(AddOutcome.NoRoom, _bed.Add(AddressBed.Address(8, 1) with { Id = id }, "9.8.1.1"));
        Assert.Equal(AddOutcome.Added, _bed.Add(AddressBed.Address(9, 1) with { Id = id }, "20.9.0.1", AddressSource.Hello));
        Assert.Equal(8, _bed.Table.Of(id).Count);
        Assert.NotNull(_bed.Table.Find(AddressBed.Address(9, 1) with { Id = id }));
    }

    [Fact]
    public void Pick_Entry_IsNotGivenTwiceUntilItsVerdict()
    {
        PeerAddress address = AddressBed.Address(1, 1);
        _bed.Add(address);

        Assert.Equal(address, _bed.Pick()!.Address);
        Assert.Null(_bed.Pick());
        _bed.Table.Dropped(address, TimeSpan.FromSeconds(60), _bed.Now);
        Assert.Null(_bed.Pick());
        Assert.Equal(_bed.Now + TimeSpan.FromSeconds(60), _bed.Table.NextDue);
        _bed.Wait(60);
        Assert.NotNull(_bed.Pick());
    }

    [Fact]
    public void Pick_VerdictNeverCame_IsGivenAgainAfterTwoMinutes()
    {
        _bed.Add(AddressBed.Address(1, 1));
        Assert.NotNull(_bed.Pick());
        _bed.Wait(119);
        Assert.Null(_bed.Pick());
        _bed.Wait(1);
        Assert.NotNull(_bed.Pick());
    }

    [Fact]
    public void Pick_NotUsable_IsPutAsideUntilWokenOrForAMinute()
    {
        PeerAddress address = AddressBed.Address(1, 1);
        _bed.Add(address);
        _bed.Busy.Add(address.Id!.Value);

        Assert.Null(_bed.Pick());
        Assert.Equal(0, _bed.Table.Counts.Ready);
        _bed.Busy.Clear();
        Assert.Null(_bed.Pick());
        _bed.Table.Wake(address.Id.Value, _bed.Now);
        Assert.Equal(address, _bed.Pick()!.Address);

        _bed.Table.Dropped(address, TimeSpan.Zero, _bed.Now);
        _bed.Busy.Add(address.Id.Value);
        Assert.Null(_bed.Pick());
        _bed.Busy.Clear();
        _bed.Wait(60);
        Assert.NotNull(_bed.Pick());
    }

    [Fact]
    public void Failed_Repeated_BacksOffToFiveMinutesAndAResetEndsIt()
    {
        PeerAddress address = AddressBed.Address(1, 1);
        _bed.Add(address);
        for (int i = 0; i < 30; i++)
        {
            _bed.Fail(address);
            Assert.InRange(_bed.Table.NextDue!.Value - _bed.Now, TimeSpan.Zero, Backoff.Ceiling(i, AddressTable.MaxBackoff));
            _bed.Wait(300);
        }

        _bed.Fail(address);
        Assert.Null(_bed.Pick());
        _bed.Table.ResetBackoff(_bed.Now);
        _bed.Check();
        Assert.NotNull(_bed.Pick());
    }

    [Fact]
    public void Alive_RetryAfter_HoldsAlsoWhenTheBackoffIsReset()
    {
        PeerAddress address = AddressBed.Address(1, 1);
        _bed.Add(address);
        Assert.NotNull(_bed.Pick());
        _bed.Table.Alive(address, TimeSpan.FromDays(3), _bed.Now);

        Assert.Equal((0, 1), (_bed.Table.Find(address)!.Failures, _bed.Table.Find(address)!.RefusedInRow));
        _bed.Table.ResetBackoff(_bed.Now);
        Assert.Null(_bed.Pick());
        _bed.Wait(3599);
        Assert.Null(_bed.Pick());
        _bed.Wait(1);
        Assert.NotNull(_bed.Pick());
    }

    [Fact]
    public void LinkEnded_ShortLives_BackOffALongOneEndsIt()
    {
        PeerAddress address = AddressBed.Address(1, 1);
        _bed.Add(address);
        for (int i = 0; i < 12; i++)
        {
            _bed.Wait(300);
            Assert.NotNull(_bed.Table.TryTake(address, _bed.Now));
            _bed.Table.Succeeded(address, address.Id!.Value, _bed.Now);
            _bed.Wait(1);
            _bed.Table.LinkEnded(address, TimeSpan.FromSeconds(1), _bed.Now);
        }

        Assert.Equal(12, _bed.Table.Find(address)!.Spot.Attempts);
        _bed.Wait(300);
        _bed.Prove(address);
        _bed.Wait(20);
        _bed.Table.LinkEnded(address, TimeSpan.FromSeconds(20), _bed.Now);
        _bed.Check();
        _bed.Wait(0.1);
        Assert.NotNull(_bed.Pick());
    }

    [Fact]
    public void Postpone_Id_NoneOfItsAddressesBefore()
    {
        PeerAddress one = AddressBed.Address(1, 1, id: 1), two = AddressBed.Address(2, 1, id: 1);
        _bed.Add(one);
        _bed.Add(two);

        _bed.Table.Postpone(AddressBed.Id(1), _bed.Now + AddressTable.AfterEviction, _bed.Now);
        _bed.Check();
        Assert.Null(_bed.Pick());
        _bed.Table.ResetBackoff(_bed.Now);
        Assert.Null(_bed.Pick());
        _bed.Wait(300);
        Assert.NotNull(_bed.Pick());
    }

    [Fact]
    public void Failed_OwnNetworkDown_CountsOnce()
    {
        PeerAddress address = AddressBed.Address(1, 1), other = AddressBed.Address(2, 2);
        _bed.Add(address);
        _bed.Add(other);
        _bed.Prove(other);
        for (int i = 0; i < 5; i++)
        {
            _bed.Wait(1);
            _bed.Fail(address, online: false);
        }

        Assert.Equal((1, 5), (_bed.Table.Find(address)!.Failures, _bed.Table.Find(address)!.Spot.Attempts));
        _bed.Fail(address, online: true);
        Assert.Equal(2, _bed.Table.Find(address)!.Failures);
    }

    [Fact]
    public void Succeeded_BootstrapWithoutId_KeepsTheNameAndWhoAnswered()
    {
        PeerAddress name = new("seed.example.org", 4040);
        _bed.Add(name, null, AddressSource.Bootstrap);
        Assert.NotNull(_bed.Pick());
        _bed.Table.Succeeded(name, AddressBed.Id(7), _bed.Now);
        _bed.Check();

        Assert.Equal(AddressBed.Id(7), _bed.Table.Find(name)!.Id);
        Assert.True(_bed.Table.Find(name with { Id = AddressBed.Id(7) })!.IsProven);
        Assert.Equal([name with { Id = AddressBed.Id(7) }], _bed.Table.Snapshot().Select(r => r.Address));

        _bed.Busy.Add(AddressBed.Id(7));
        _bed.Wait(60);
        Assert.Null(_bed.Pick());
        _bed.Busy.Clear();
        _bed.Table.Wake(AddressBed.Id(7), _bed.Now);
        Assert.Equal(2, _bed.Table.Counts.Ready);
    }

    [Fact]
    public void Rename_Id_ItsEntriesGoOn()
    {
        PeerAddress one = AddressBed.Address(1, 1, id: 1), two = AddressBed.Address(2, 1, id: 1);
        _bed.Add(one);
        _bed.Add(two);
        _bed.Prove(one);

        _bed.Table.Rename(AddressBed.Id(1), AddressBed.Id(2), _bed.Now);

        _bed.Check();
        Assert.Empty(_bed.Table.Of(AddressBed.Id(1)));
        Assert.True(_bed.Table.Find(one with { Id = AddressBed.Id(2) })!.IsProven);
        Assert.False(_bed.Table.Find(two with { Id = AddressBed.Id(2) })!.IsProven);
    }

    [Fact]
    public void Remove_Id_NothingIsLeft()
    {
        _bed.Add(AddressBed.Address(1, 1, id: 1));
        _bed.Add(AddressBed.Address(2, 1, id: 1));
        _bed.Add(AddressBed.Address(3, 1, id: 2));
        _bed.Prove(AddressBed.Address(2, 1, id: 1));

        _bed.Table.Remove(AddressBed.Id(1));
        _bed.Check();
        Assert.True(_bed.Table.Remove(AddressBed.Address(3, 1, id: 2)));
        Assert.False(_bed.Table.Remove(AddressBed.Address(3, 1, id: 2)));
        Assert.Equal(default, _bed.Table.Counts);
        Assert.Null(_bed.Table.NextDue);
    }

    [Fact]
    public void Regroup_RangeTrustedNow_PicksByTheNewGroups()
    {
        for (int i = 0; i < 4; i++)
        {
            _bed.Add(AddressBed.Address(1, i), "9.9.9.9");
        }

        _bed.Prove(AddressBed.Address(1, 0));
        _bed.Wait(60);
        Assert.NotNull(_bed.Pick());
        _bed.Table.Regroup(new AddressGroups([IPNetwork.Parse("20.1.0.0/16")], []));
        _bed.Check();

        Assert.Equal("20.1.0.0/32", _bed.Table.Find(AddressBed.Address(1, 0))!.Group.ToString());
    }

    [Fact]
    public void Regroup_RangeTrustedNoLonger_FourAtOneAddressRemain()
    {
        AddressBed bed = new(groups: new AddressGroups([], [IPNetwork.Parse("20.1.0.0/16")]));
        for (int i = 0; i < 9; i++)
        {
            Assert.Equal(AddOutcome.Added, bed.Add(AddressBed.Address(1, 1, id: i), $"9.{i}.1.1"));
        }

        bed.Table.Regroup(new AddressGroups([], []));
        bed.Check();
        Assert.Equal(AddressTable.MaxPerAddress, Enumerable.Range(0, 9).Count(i => bed.Table.Find(AddressBed.Address(1, 1, id: i)) is not null));
    }

    [Fact]
    public void Restore_WhatSnapshotGave_IsTheSame()
    {
        for (int i = 0; i < 300; i++)
        {
            PeerAddress address = AddressBed.Address(i, 1);
            if (_bed.Add(address, $"9.{i % 50}.1.1") == AddOutcome.Added && i % 3 == 0)
            {
                _bed.Prove(address);
            }
        }

        AddressBed again = new(seed: 2);
        List<AddressRecord> stored = [.. _bed.Table.Snapshot()];
        Assert.Equal(stored.Count, again.Table.Restore(stored, _bed.Now));
        again.Check();
        Assert.Equal(stored.OrderBy(r => r.Address.ToString()), again.Table.Snapshot().OrderBy(r => r.Address.ToString()));
        Assert.Equal(_bed.Table.Counts.Proven, again.Table.Counts.Proven);
    }

    [Fact]
    public void Restore_TimesFromTheFuture_AreNow()
    {
        AddressRecord record = new(AddressBed.Address(1, 1), AddressSource.Hello, default)
        {
            FirstSeen = TimeSpan.FromDays(9),
            LastSeen = TimeSpan.FromDays(9),
            LastTried = TimeSpan.FromDays(9),
            LastSuccess = TimeSpan.FromDays(9),
            Failures = int.MaxValue,
        };
        AddressRecord ancient = new(AddressBed.Address(2, 1), AddressSource.Hello, default)
        {
            FirstSeen = TimeSpan.MinValue,
            LastSeen = TimeSpan.MinValue,
            LastTried = TimeSpan.MinValue,
            LastSuccess = TimeSpan.MinValue,
            Failures = -1,
        };
        _bed.Table.Restore([record, ancient], _bed.Now);
        _bed.Check();

        AddressEntry entry = _bed.Table.Find(record.Address)!;
        Assert.Equal((_bed.Now, _bed.Now, 1000), (entry.LastSeen, entry.LastSuccess, entry.Failures));
        Assert.Equal(_bed.Now + AddressTable.MaxBackoff, _bed.Table.NextDue);
        Assert.Equal(ancient.Address, _bed.Pick()!.Address);
        _bed.Wait(300);
        Assert.NotNull(_bed.Pick());
    }
}
