using System.Net;
using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core.Policy;

/// <summary>What an answer, or none, says of an address and of others at the same host and port. Each wait is the longest that can be drawn.</summary>
public sealed class AddressTableSpotsTests
{
    private static readonly PeerAddress One = AddressBed.Address(1, 1, id: 1), Beside = One with { Id = AddressBed.Id(2) };

    private readonly AddressBed _bed = new(random: new Drawn(1));

    private AddressTable Table => _bed.Table;

    [Fact]
    public void LinkEnded_ShortAndLong_WaitsByTheShortOnesInARow()
    {
        _bed.Add(One);
        foreach ((double lived, double wait) in new (double, double)[] { (0, 1), (9.9, 2), (0, 4), (10, 0.1), (0, 1) })
        {
            _bed.Prove(One);
            _bed.Wait(60);
            Table.LinkEnded(One, TimeSpan.FromSeconds(lived), _bed.Now);
            Assert.Equal(wait, SecondsUntilDue());
            _bed.Wait(300);
        }
    }

    [Fact]
    public void LinkEnded_OthersAtTheSameHostAndPort_WaitToo()
    {
        _bed.Add(One);
        _bed.Add(Beside, source: AddressSource.Hello);
        _bed.Prove(One);
        _bed.Wait(60);
        Assert.Equal(2, ReadyNow());
        Table.LinkEnded(One, TimeSpan.Zero, _bed.Now);
        Assert.Equal(0, Ready());
        Assert.Equal(1, SecondsUntilDue());
        _bed.Wait(0.5);
        Assert.Null(_bed.Pick());
    }

    // While it is dialled anew, the end of the link before says nothing.
    [Fact]
    public void LinkEnded_WhileItIsDialled_ChangesNothing()
    {
        _bed.Add(One);
        _bed.Prove(One);
        _bed.Wait(60);
        AddressEntry entry = Table.TryTake(One, _bed.Now)!;
        Table.LinkEnded(One, TimeSpan.Zero, _bed.Now);
        Assert.True(entry.IsDialling);
        Assert.Equal(0, entry.Spot.Attempts);
    }

    // The right key refused: it waits as long as it asked, wherever the same is believed; another there only for the backoff.
    [Fact]
    public void Alive_AskedForAMinute_ItWaitsSo_AnotherThereForTheBackoff()
    {
        _bed.Add(One);
        _bed.Add(Beside, source: AddressSource.Hello);
        foreach (double backoff in new[] { 1, 2, 4 })
        {
            Assert.NotNull(Table.TryTake(One, _bed.Now));
            Table.Alive(One, TimeSpan.FromSeconds(60), _bed.Now);
            _bed.Check();
            Assert.Equal(0, Ready());
            Assert.Equal(backoff, SecondsUntilDue());
            _bed.Wait(backoff);
            Assert.Equal(Beside, _bed.Pick()!.Address);
            Table.Dropped(Beside, TimeSpan.Zero, _bed.Now);
            _bed.Wait(59.9 - backoff);
            Assert.Equal(Beside, _bed.Pick()!.Address);
            Table.Dropped(Beside, TimeSpan.Zero, _bed.Now);
            _bed.Wait(0.1);
            Assert.Equal(2, ReadyNow());
        }
    }

    [Fact]
    public void Alive_TheNameInTheConfiguration_WaitsAsLong()
    {
        PeerAddress named = One with { Id = null };
        _bed.Add(One);
        _bed.Add(named, null, AddressSource.Bootstrap);
        Assert.NotNull(Table.TryTake(One, _bed.Now));
        Table.Alive(One, TimeSpan.FromSeconds(60), _bed.Now);
        Assert.Equal(_bed.Now + TimeSpan.FromSeconds(60), Table.Find(named)!.NotBefore);
        Assert.Equal(_bed.Now + TimeSpan.FromSeconds(60), Table.Find(One)!.NotBefore);
    }

    [Fact]
    public void Alive_Failed_WrongKey_OfAnAddressThatIsNotKnown_ChangeNothing()
    {
        _bed.Add(One);
        Table.Alive(Beside, null, _bed.Now);
        Table.Failed(Beside, online: true, _bed.Now);
        Table.WrongKey(Beside, _bed.Now);
        Table.Tried(Beside, _bed.Now);
        Table.Dropped(Beside, TimeSpan.FromSeconds(9), _bed.Now);
        Table.LinkEnded(Beside, TimeSpan.Zero, _bed.Now);
        Table.Succeeded(Beside, Beside.Id!.Value, _bed.Now);
        Assert.Equal((1, null), (Ready(), Table.NextDue));
    }

    // No place: what it asked for, doubled each time up to five minutes, and half of that more; at all its addresses.
    [Fact]
    public void Full_AllItsAddresses_WaitLongerEachTime_UntilALink()
    {
        PeerAddress other = AddressBed.Address(2, 1, id: 1), named = One with { Id = null };
        _bed.Add(One);
        _bed.Add(other);
        _bed.Add(named, null, AddressSource.Bootstrap);
        foreach (double wait in new[] { 150, 300, 450, 450 })
        {
            Assert.NotNull(Table.TryTake(One, _bed.Now));
            Assert.Equal(wait, Table.Full(One, One.Id!.Value, TimeSpan.FromSeconds(100), _bed.Now).TotalSeconds);
            _bed.Check();
            Assert.Equal(0, Ready());
            Assert.Equal(wait, SecondsUntilDue());
            _bed.Wait(wait);
            Assert.Equal(3, ReadyNow());
        }

        Table.TryTake(One, _bed.Now);
        Table.Succeeded(One, One.Id!.Value, _bed.Now, linked: false);
        Assert.Equal([4, 4], [Table.Find(One)!.RefusedInRow, Table.Find(other)!.RefusedInRow]);
        Table.Succeeded(One, One.Id!.Value, _bed.Now);
        Assert.Equal([0, 0], [Table.Find(One)!.RefusedInRow, Table.Find(other)!.RefusedInRow]);
    }

    [Fact]
    public void Full_AfterFailures_TheyAreForgotten_AnotherThereDoesNotWait()
    {
        _bed.Add(One);
        _bed.Add(Beside, source: AddressSource.Hello);
        _bed.Fail(One);
        _bed.Wait(300);
        Table.TryTake(One, _bed.Now);
        Table.Full(One, One.Id!.Value, null, _bed.Now);
        Assert.Equal((0, _bed.Now), (Table.Find(One)!.Failures, Table.Find(One)!.LastSeen));
        Assert.Equal(Beside, _bed.Pick()!.Address);
    }

    [Fact]
    public void Failed_OthersAtTheSameHostAndPort_HaveFailedToo()
    {
        _bed.Add(One);
        _bed.Add(Beside, source: AddressSource.Hello);
        foreach (double wait in new[] { 1, 2, 4 })
        {
            _bed.Fail(One);
            Assert.Equal(0, Ready());
            Assert.Equal(wait, SecondsUntilDue());
            Assert.Equal(Table.Find(One)!.Failures, Table.Find(Beside)!.Failures);
            _bed.Wait(wait);
            Assert.Equal(2, ReadyNow());
        }
    }

    // Put aside because it was of no use then: after a link to its host and port has ended it is looked at with the others there.
    [Fact]
    public void LinkEnded_OneThatWasPutAside_IsNoLonger()
    {
        _bed.Add(One);
        _bed.Add(Beside, source: AddressSource.Hello);
        _bed.Prove(One);
        _bed.Wait(30);
        _bed.Busy.Add(Beside.Id!.Value);
        Table.TryTake(One, _bed.Now);
        Assert.Null(_bed.Pick());
        Assert.True(Table.Find(Beside)!.IsParked);
        Table.Succeeded(One, One.Id!.Value, _bed.Now);
        _bed.Wait(20);
        Table.LinkEnded(One, TimeSpan.FromSeconds(20), _bed.Now);
        Assert.False(Table.Find(Beside)!.IsParked);
        Assert.Equal(0.1, SecondsUntilDue());
    }

    // Hearsay at which another answers leads elsewhere.
    [Fact]
    public void WrongKey_OfHearsay_IsForgotten_AndOthersThereWaitLongerEachTime()
    {
        _bed.Add(Beside, source: AddressSource.Hello);
        foreach (double wait in new[] { 1, 2, 4 })
        {
            _bed.Add(One);
            Table.TryTake(One, _bed.Now);
            Table.WrongKey(One, _bed.Now);
            _bed.Check();
            Assert.Null(Table.Find(One));
            Assert.Equal(wait, SecondsUntilDue());
            _bed.Wait(wait);
            Assert.Equal(1, ReadyNow());
        }
    }

    [Fact]
    public void WrongKey_WhereTheRightOneWasOnce_WaitsLong_AndIsForgottenAfterTheThirdInARow()
    {
        _bed.Add(One);
        _bed.Prove(One);
        foreach (int times in new[] { 2, 3 })
        {
            for (int i = 1; i <= times; i++)
            {
                _bed.Wait(300);
                Table.TryTake(One, _bed.Now);
                Table.WrongKey(One, _bed.Now);
                _bed.Check();
                if (i == 3)
                {
                    Assert.Null(Table.Find(One));
                    return;
                }

                Assert.Equal(300, SecondsUntilDue());
                Assert.Equal((i, i), (Table.Find(One)!.Failures, Table.Find(One)!.WrongKeys));
            }

            _bed.Wait(300);
            _bed.Prove(One);
            Assert.Equal(0, Table.Find(One)!.WrongKeys);
        }
    }

    [Fact]
    public void WrongKey_OfWhatTheConfigurationNames_StaysForEver()
    {
        _bed.Add(One, null, AddressSource.Bootstrap);
        for (int i = 0; i < 6; i++)
        {
            Table.TryTake(One, _bed.Now);
            Table.WrongKey(One, _bed.Now);
            _bed.Wait(300);
        }

        Assert.NotNull(Table.Find(One));
    }

    // Without any peer what the configuration names is dialled again after half a minute, other addresses as before.
    [Fact]
    public void SetAlone_FixedOnesWaitHalfAMinuteAtMost_OthersAsBefore()
    {
        PeerAddress learned = AddressBed.Address(2, 2);
        _bed.Add(One, null, AddressSource.Bootstrap);
        _bed.Add(learned);
        for (int i = 0; i < 9; i++)
        {
            _bed.Fail(One);
            _bed.Fail(learned);
            _bed.Wait(300);
        }

        _bed.Fail(One);
        _bed.Fail(learned);
        _bed.Wait(1);
        Assert.Equal(299, SecondsUntilDue());
        Table.SetAlone(isAlone: false, _bed.Now);
        Assert.Equal(299, SecondsUntilDue());
        Table.SetAlone(isAlone: true, _bed.Now);
        Assert.Equal(30, SecondsUntilDue());
        _bed.Wait(10);
        Table.SetAlone(isAlone: true, _bed.Now);
        Assert.Equal(20, SecondsUntilDue());
        _bed.Wait(20);
        Assert.Equal(One, _bed.Pick()!.Address);
        Table.Failed(One, online: false, _bed.Now);
        Assert.Equal(30, SecondsUntilDue());
        Table.SetAlone(isAlone: false, _bed.Now);
        _bed.Wait(30);
        _bed.Fail(One);
        Assert.Equal(300 - 61, SecondsUntilDue());
    }

    [Fact]
    public void SetAlone_ThePeerThereHasRefused_WaitsAsItWas()
    {
        _bed.Add(One, null, AddressSource.Bootstrap);
        Table.TryTake(One, _bed.Now);
        Table.Alive(One, TimeSpan.FromSeconds(200), _bed.Now);
        Table.SetAlone(isAlone: true, _bed.Now);
        Assert.Equal(200, SecondsUntilDue());
    }

    // Who names an address again and again gains nothing: its backoff is remembered, of a bounded number.
    [Fact]
    public void Add_WhatWasForgottenForAWrongKey_StillWaits_UntilAThousandOthersCame()
    {
        for (int i = 0; i <= AddressTable.MostEmptySpots; i++)
        {
            PeerAddress address = Numbered(i);
            _bed.Add(address, $"9.{i / 200}.1.1");
            Table.TryTake(address, _bed.Now);
            Table.WrongKey(address, _bed.Now);
        }

        _bed.Add(Numbered(0));
        Assert.Equal(1, Ready());
        _bed.Add(Numbered(1));
        _bed.Add(Numbered(AddressTable.MostEmptySpots));
        Assert.Equal(1, Ready());
        Assert.Equal(1, SecondsUntilDue());

        // Somebody is believed there again: it is not among the forgotten.
        for (int i = 2000; i <= 2000 + AddressTable.MostEmptySpots; i++)
        {
            PeerAddress address = Numbered(i);
            _bed.Add(address, $"9.{i / 200}.1.1");
            Table.TryTake(address, _bed.Now);
            Table.WrongKey(address, _bed.Now);
        }

        Assert.Equal(1, Ready());
        Assert.NotNull(Table.Find(Numbered(1)));
        _bed.Wait(1);
        Assert.Equal(3, ReadyNow());
    }

    [Fact]
    public void Remove_OfOneThatNeverFailed_NothingIsRemembered()
    {
        _bed.Add(One);
        Assert.True(Table.Remove(One));
        Assert.False(Table.Remove(One));
        _bed.Add(One);
        Assert.Equal(1, Ready());
    }

    [Theory]
    [InlineData(0, null)]
    [InlineData(1, 1d)]
    [InlineData(3, 4d)]
    [InlineData(20, 300d)]
    public void Restore_FailuresOfBefore_ItWaitsByThem(int failures, double? wait)
    {
        AddressKey source = AddressGroups.KeysOf(IPAddress.Parse("8.8.8.8")).Wide;
        Assert.Equal(1, Table.Restore([new AddressRecord(One, AddressSource.PeerExchange, source) { FirstSeen = _bed.Now, LastSeen = _bed.Now, LastTried = _bed.Now, Failures = failures }], _bed.Now));
        _bed.Check();
        Assert.Equal(wait, Table.NextDue is { } due ? (due - _bed.Now).TotalSeconds : null);
        _bed.Add(Beside, source: AddressSource.Hello);
        Assert.Equal(failures == 0 ? 2 : 0, Ready());
    }

    [Theory]
    [InlineData("224.0.0.1", 0)]
    [InlineData("0.0.0.0", 0)]
    [InlineData("203.0.113.1", 1)]
    [InlineData("node.example", 1)]
    public void Restore_WhatCanBeDialled_Only(string host, int restored)
    {
        AddressKey source = AddressGroups.KeysOf(IPAddress.Parse("8.8.8.8")).Wide;
        Assert.Equal(restored, Table.Restore([new AddressRecord(new PeerAddress(host, 4040, AddressBed.Id(1)), AddressSource.Manual, source) { FirstSeen = _bed.Now, LastSeen = _bed.Now }], _bed.Now));
    }

    // One dial to a host and port at a time, whoever is expected there.
    [Fact]
    public void TryTake_AnotherThereIsDialled_Null()
    {
        _bed.Add(One);
        _bed.Add(Beside, source: AddressSource.Hello);
        Assert.NotNull(Table.TryTake(One, _bed.Now));
        Assert.Null(Table.TryTake(Beside, _bed.Now));
        Assert.Null(Table.TryTake(AddressBed.Address(9, 9), _bed.Now));
        Table.Failed(One, online: true, _bed.Now);
        Assert.NotNull(Table.TryTake(Beside, _bed.Now));
    }

    [Fact]
    public void ResetBackoff_AfterFailures_TheNextWaitIsTheFirst()
    {
        _bed.Add(One);
        foreach (double wait in new[] { 1, 2, 4 })
        {
            _bed.Fail(One);
            Assert.Equal(wait, SecondsUntilDue());
            _bed.Wait(wait);
        }

        Table.ResetBackoff(_bed.Now);
        _bed.Fail(One);
        Assert.Equal(1, SecondsUntilDue());
    }

    // The name leads to somebody: his own address is as good as if it had been dialled, each time.
    [Fact]
    public void Succeeded_ANameAgain_HisOwnAddressHasAnsweredToo()
    {
        PeerAddress name = new("boot.example", 4040), own = name with { Id = AddressBed.Id(1) };
        _bed.Add(name, null, AddressSource.Bootstrap);
        Table.TryTake(name, _bed.Now);
        Table.Succeeded(name, own.Id!.Value, _bed.Now);
        Assert.True(Table.Find(own) is { IsProven: true, Failures: 0 });
        _bed.Wait(300);
        _bed.Fail(own);
        _bed.Wait(300);
        Assert.Equal(1, Table.Find(own)!.Failures);
        Table.TryTake(name, _bed.Now);
        Table.Succeeded(name, own.Id!.Value, _bed.Now);
        _bed.Check();
        Assert.Equal((0, _bed.Now), (Table.Find(own)!.Failures, Table.Find(own)!.LastSuccess));
    }

    // A link begins to count after ten seconds: until then others there wait.
    [Fact]
    public void Succeeded_OthersAtTheSameHostAndPort_WaitUntilTheLinkIsStable()
    {
        _bed.Add(One);
        _bed.Add(Beside, source: AddressSource.Hello);
        _bed.Prove(One);
        Assert.Equal(0, Ready());
        Assert.Equal(10, SecondsUntilDue());
        _bed.Wait(10);
        Assert.Equal(2, ReadyNow());
    }

    private static PeerAddress Numbered(int number) => AddressBed.Address(number / 100, number % 100);

    private double SecondsUntilDue() => Math.Round((Table.NextDue!.Value - _bed.Now).TotalSeconds, 3);

    private int Ready() => Table.Counts.Ready;

    // After waking those that are due, which only a pick does; what was picked is put back.
    private int ReadyNow()
    {
        AddressEntry? picked = _bed.Pick();
        if (picked is not null)
        {
            Table.Dropped(picked.Address, TimeSpan.Zero, _bed.Now);
        }

        return Table.Counts.Ready + (picked is null ? 0 : 1);
    }
}
