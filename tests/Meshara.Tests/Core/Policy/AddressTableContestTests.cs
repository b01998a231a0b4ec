using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core.Policy;

/// <summary>Two addresses that claim one slot among the proven, and slots among the unproven.</summary>
public sealed class AddressTableContestTests
{
    private readonly AddressBed _bed = new();

    // Addresses of one group share 128 slots: among a few hundred some collide.
    private (PeerAddress Old, PeerAddress New) Collide()
    {
        for (int i = 0; i < 2000; i++)
        {
            PeerAddress address = AddressBed.Address(1, i);
            Assert.Equal(AddOutcome.Added, _bed.Add(address, $"9.{i % 250}.1.1"));
            int before = _bed.Table.Counts.Proven;
            _bed.Prove(address);
            if (_bed.Table.Counts.Proven == before)
            {
                PeerAddress old = Enumerable.Range(0, i).Select(n => AddressBed.Address(1, n)).First(a => Contested(a, address));
                return (old, address);
            }
        }

        throw new InvalidOperationException("no collision");
    }

    private static bool Contested(PeerAddress a, PeerAddress b)
    {
        AddressSlots slots = new(AddressBed.Secret);
        AddressKey group = AddressGroups.KeysOf(System.Net.IPAddress.Parse("20.1.0.1")).Wide;
        return slots.Proven(a, group) == slots.Proven(b, group);
    }

    private (PeerAddress Old, PeerAddress New) CollideHoursLater()
    {
        (PeerAddress old, PeerAddress newcomer) = Collide();
        _bed.Wait(5 * 3600);
        _bed.Prove(newcomer);
        return (old, newcomer);
    }

    [Fact]
    public void Succeeded_SlotTakenAndSureOfTheOld_OldStaysUnasked()
    {
        (PeerAddress old, PeerAddress newcomer) = Collide();

        Assert.True(_bed.Table.Find(old)!.IsProven);
        Assert.False(_bed.Table.Find(newcomer)!.IsProven);
        Assert.NotEqual(old, _bed.Table.PickForFeeler(_bed.View, _bed.Now)?.Address);
    }

    [Fact]
    public void PickForFeeler_Contest_TestsTheOldAndDeadItGivesWay()
    {
        (PeerAddress old, PeerAddress newcomer) = CollideHoursLater();

        Assert.Equal(old, _bed.Table.PickForFeeler(_bed.View, _bed.Now)!.Address);
        _bed.Table.Failed(old, online: true, _bed.Now);
        _bed.Check();

        Assert.False(_bed.Table.Find(old)?.IsProven ?? false);
        Assert.True(_bed.Table.Find(newcomer)!.IsProven);
    }

    // It is asked when it may be, and once at a time.
    [Fact]
    public void PickForFeeler_ContestWhileTheOldIsDialledOrWaits_ItIsAskedLater()
    {
        (PeerAddress old, _) = CollideHoursLater();
        _bed.Table.Postpone(old.Id!.Value, _bed.Now + TimeSpan.FromMinutes(5), _bed.Now);
        Assert.NotEqual(old, _bed.Table.PickForFeeler(_bed.View, _bed.Now)?.Address);
        _bed.Wait(300);
        Assert.Equal(old, _bed.Table.PickForFeeler(_bed.View, _bed.Now)?.Address);
        Assert.NotEqual(old, _bed.Table.PickForFeeler(_bed.View, _bed.Now)?.Address);
    }

    [Fact]
    public void PickForFeeler_ContestWithOneThatMayNotBeDialled_ItIsNotAsked()
    {
        (PeerAddress old, _) = CollideHoursLater();
        _bed.Busy.Add(old.Id!.Value);
        Assert.NotEqual(old, _bed.Table.PickForFeeler(_bed.View, _bed.Now)?.Address);
        _bed.Busy.Clear();
        Assert.Equal(old, _bed.Table.PickForFeeler(_bed.View, _bed.Now)?.Address);
    }

    // A last success four hours ago is as good as one now.
    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    public void Succeeded_TheOldWasReachedFourHoursAgo_IsAskedOnlyAfterThat(int ticksMore, bool asked)
    {
        (PeerAddress old, PeerAddress newcomer) = Collide();
        _bed.Now = _bed.Table.Find(old)!.LastSuccess!.Value + TimeSpan.FromHours(4) + TimeSpan.FromTicks(ticksMore);
        _bed.Prove(newcomer);
        Assert.Equal(asked, _bed.Table.PickForFeeler(_bed.View, _bed.Now)?.Address == old);
    }

    [Fact]
    public void PickForFeeler_ContestAndOwnNetworkDown_OldStays()
    {
        (PeerAddress old, _) = CollideHoursLater();

        Assert.Equal(old, _bed.Table.PickForFeeler(_bed.View, _bed.Now)!.Address);
        _bed.Table.Failed(old, online: false, _bed.Now);
        Assert.True(_bed.Table.Find(old)!.IsProven);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void PickForFeeler_ContestAndOldAnswers_OldStays(bool refuses)
    {
        (PeerAddress old, PeerAddress newcomer) = CollideHoursLater();

        Assert.Equal(old, _bed.Table.PickForFeeler(_bed.View, _bed.Now)!.Address);
        if (refuses)
        {
            _bed.Table.Alive(old, null, _bed.Now);
        }
        else
        {
            _bed.Table.Succeeded(old, old.Id!.Value, _bed.Now);
        }

        _bed.Check();
        Assert.True(_bed.Table.Find(old)!.IsProven);
        Assert.False(_bed.Table.Find(newcomer)!.IsProven);
        _bed.Wait(400);
        Assert.NotEqual(old, _bed.Table.PickForFeeler(_bed.View, _bed.Now)?.Address);
    }

    [Fact]
    public void PickForFeeler_ContestOlderThanFortyMinutes_OldStays()
    {
        (PeerAddress old, PeerAddress newcomer) = CollideHoursLater();
        _bed.Wait(41 * 60);

        AddressEntry? picked = _bed.Table.PickForFeeler(_bed.View, _bed.Now);
        Assert.NotEqual(old, picked?.Address);
        _bed.Table.TryTake(old, _bed.Now);
        _bed.Table.Failed(old, online: true, _bed.Now);
        Assert.True(_bed.Table.Find(old)!.IsProven);
        Assert.False(_bed.Table.Find(newcomer)!.IsProven);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Remove_OneOfAContest_EndsIt(bool removeOld)
    {
        (PeerAddress old, PeerAddress newcomer) = CollideHoursLater();

        Assert.True(_bed.Table.Remove(removeOld ? old : newcomer));
        _bed.Check();
        Assert.NotEqual(old, _bed.Table.PickForFeeler(_bed.View, _bed.Now)?.Address);
        _bed.Table.TryTake(old, _bed.Now);
        _bed.Table.Failed(old, online: true, _bed.Now);
        _bed.Check();
        Assert.Equal(!removeOld, _bed.Table.Find(old) is { IsProven: true });
    }

    // Ten failures in a row and a week without a word: whoever is reached has the slot at once, and the old one is one of many again.
    [Theory]
    [InlineData(10, 1, true)]
    [InlineData(10, 0, false)]
    [InlineData(9, 1, false)]
    public void Succeeded_TheOldIsDead_ItsSlotIsTaken(int failures, int ticksMore, bool isTaken)
    {
        (PeerAddress old, PeerAddress newcomer) = Collide();
        TimeSpan reached = _bed.Table.Find(old)!.LastSuccess!.Value;
        for (int i = 0; i < failures; i++)
        {
            _bed.Wait(3600);
            _bed.Fail(old);
        }

        _bed.Now = reached + TimeSpan.FromDays(7) + TimeSpan.FromTicks(ticksMore);
        Assert.Equal(newcomer, _bed.Table.PickForFeeler(_bed.View, _bed.Now)!.Address);
        Assert.True(_bed.Table.Find(old)!.ReadyIndex >= 0);
        _bed.Table.Succeeded(newcomer, newcomer.Id!.Value, _bed.Now);
        _bed.Check();

        Assert.Equal((!isTaken, isTaken), (_bed.Table.Find(old)!.IsProven, _bed.Table.Find(newcomer)!.IsProven));
        Assert.True(_bed.Table.Find(old)!.ReadyIndex >= 0);
    }

    // It has waited for the slot, and can be dialled as before when it gets it.
    [Fact]
    public void Failed_ContestLost_TheOtherIsReadyStill()
    {
        (PeerAddress old, PeerAddress newcomer) = CollideHoursLater();
        _bed.Wait(60);
        _bed.Pick();
        Assert.True(_bed.Table.Find(newcomer)!.ReadyIndex >= 0);

        Assert.Equal(old, _bed.Table.PickForFeeler(_bed.View, _bed.Now)!.Address);
        _bed.Table.Failed(old, online: true, _bed.Now);
        _bed.Check();

        Assert.True(_bed.Table.Find(newcomer) is { IsProven: true, ReadyIndex: >= 0 });
        Assert.Equal([newcomer], _bed.Table.Snapshot(newcomer.Id!.Value).Where(r => r.LastSuccess is not null).Select(r => r.Address));
    }

    // A slot is fought for by one at a time.
    [Fact]
    public void Succeeded_SlotIsContestedAlready_TheThirdHasToWait()
    {
        (PeerAddress old, PeerAddress newcomer) = CollideHoursLater();
        PeerAddress third = Enumerable.Range(2000, 60_000).Select(i => AddressBed.Address(1, i)).First(a => Contested(old, a));
        _bed.Add(third, "9.9.1.1");
        _bed.Prove(third);

        Assert.Equal(old, _bed.Table.PickForFeeler(_bed.View, _bed.Now)!.Address);
        _bed.Table.Failed(old, online: true, _bed.Now);
        _bed.Check();

        Assert.Equal((true, false), (_bed.Table.Find(newcomer)!.IsProven, _bed.Table.Find(third)!.IsProven));
    }

    // The contest is over after forty minutes: a new one can begin.
    [Fact]
    public void Succeeded_ContestIsOver_TheNextOneCounts()
    {
        (PeerAddress old, PeerAddress newcomer) = CollideHoursLater();
        PeerAddress third = Enumerable.Range(2000, 60_000).Select(i => AddressBed.Address(1, i)).First(a => Contested(old, a));
        _bed.Add(third, "9.9.1.1");
        _bed.Wait(40 * 60);
        _bed.Prove(third);

        Assert.Equal(old, _bed.Table.PickForFeeler(_bed.View, _bed.Now)!.Address);
        _bed.Table.Failed(old, online: true, _bed.Now);
        _bed.Check();

        Assert.Equal((false, true), (_bed.Table.Find(newcomer)!.IsProven, _bed.Table.Find(third)!.IsProven));
    }

    // Of many sources each fills a few slots; whoever collides with one of a larger source has the slot.
    [Fact]
    public void Add_SlotOfALargerSourceNeverTried_IsTaken()
    {
        for (int i = 0; i < 20_000; i++)
        {
            _bed.Table.Add(new AddressCandidate(AddressBed.Address(i % 200, i / 200), AddressSource.PeerExchange, new System.Net.IPAddress([9, (byte)(i % 40), 1, 1])), _bed.Now);
        }

        int added = 0;
        for (int i = 0; i < 100; i++)
        {
            added += _bed.Add(AddressBed.Address(300, i), "11.1.1.1") == AddOutcome.Added ? 1 : 0;
        }

        Assert.InRange(added, 80, 100);
    }

    [Fact]
    public void Add_SlotTakenForADayOrFailedThrice_IsTaken()
    {
        PeerAddress[] addresses = [.. Enumerable.Range(0, 2000).Select(i => AddressBed.Address(i % 200, i))];
        foreach (PeerAddress address in addresses)
        {
            _bed.Table.Add(new AddressCandidate(address, AddressSource.PeerExchange, System.Net.IPAddress.Parse("8.8.8.8")), _bed.Now);
        }

        PeerAddress refused = addresses.First(a => _bed.Table.Find(a) is null);
        Assert.Equal(AddOutcome.NoRoom, _bed.Add(refused));
        AddressSlots slots = new(AddressBed.Secret);
        AddressKey source = AddressGroups.KeysOf(System.Net.IPAddress.Parse("8.8.8.8")).Wide;
        PeerAddress holder = addresses.First(a => _bed.Table.Find(a)?.Slot == slots.Unproven(refused, source));
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(AddOutcome.NoRoom, _bed.Add(refused));
            _bed.Fail(holder);
        }

        Assert.Equal(AddOutcome.Added, _bed.Add(refused));
        Assert.Equal(AddOutcome.NoRoom, _bed.Add(holder));
        _bed.Wait((24 * 3600) + 1);
        Assert.Equal(AddOutcome.Added, _bed.Add(holder));
    }

    // A11: after a long sleep everything is old, and that alone is no reason to throw it away.
    [Fact]
    public void Add_SlotNotSeenForAMonth_IsTakenOnlyAfterASuccess()
    {
        AddressSlots slots = new(AddressBed.Secret);
        AddressKey source = AddressGroups.KeysOf(System.Net.IPAddress.Parse("8.8.8.8")).Wide;
        int BucketOf(PeerAddress address) => slots.Unproven(address, source) / AddressSlots.BucketSize;
        PeerAddress old = AddressBed.Address(1, 1);
        PeerAddress[] fellows = [.. Enumerable.Range(2, 60_000).Select(i => AddressBed.Address(2, i)).Where(a => BucketOf(a) == BucketOf(old)).Take(AddressSlots.BucketSize)];
        PeerAddress rival = fellows[^1];
        AddressRecord RecordOf(PeerAddress address) =>
            new(address, AddressSource.PeerExchange, source) { FirstSeen = -TimeSpan.FromDays(60), LastSeen = -TimeSpan.FromDays(40), LastTried = -TimeSpan.FromDays(40) };
        Assert.Equal(AddressSlots.BucketSize, _bed.Table.Restore([RecordOf(old), .. fellows[..^1].Select(RecordOf)], _bed.Now));

        Assert.Equal(AddOutcome.NoRoom, _bed.Add(rival));
        PeerAddress good = AddressBed.Address(3, 1);
        _bed.Add(good, "7.7.7.7");
        _bed.Prove(good);
        Assert.Equal(AddOutcome.Added, _bed.Add(rival));
    }
}
