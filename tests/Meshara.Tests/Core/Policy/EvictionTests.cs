using FsCheck;
using FsCheck.Fluent;
using Meshara.Core.Policy;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Core.Policy;

public sealed class EvictionTests
{
    private static readonly byte[] Key = [.. Enumerable.Repeat((byte)9, 32)];
    private static readonly TimeSpan Now = TimeSpan.FromHours(10);

    private static AddressKey Group(int number) => AddressKey.Prefix(new System.Net.IPAddress([20, (byte)number, 0, 0]), 16);

    private static InboundPeer Peer(int id, int group, int ageSeconds) => new(AddressBed.Id(id), Group(group), Now - TimeSpan.FromSeconds(ageSeconds));

    private static EvictionChoice? Choose(IReadOnlyList<InboundPeer> inbound, int newcomer = 200, TimeSpan? lastPaced = null) =>
        Eviction.Choose(inbound, Group(newcomer), Key, lastPaced, Now);

    [Fact]
    public void Choose_OneOrNone_NobodyGives()
    {
        Assert.Null(Choose([]));
        Assert.Null(Choose([Peer(1, 1, 1000)]));
    }

    [Fact]
    public void Choose_AllInGrace_NobodyGives() => Assert.Null(Choose([.. Enumerable.Range(0, 20).Select(i => Peer(i, 1, 59))]));

    [Fact]
    public void Choose_LargestGroup_ItsYoungest()
    {
        InboundPeer[] inbound = [.. Enumerable.Range(0, 6).Select(i => Peer(i, 1, 100 + i)), .. Enumerable.Range(6, 3).Select(i => Peer(i, i, 5000))];

        Assert.Equal(new EvictionChoice(AddressBed.Id(0), Paced: false), Choose(inbound));
    }

    // Two more than the newcomer's own group has is a difference that speaks for itself: the pace does not matter.
    [Fact]
    public void Choose_LargestGroupHasTwoMoreThanTheNewcomers_ItGivesWayAtOnce()
    {
        InboundPeer[] inbound = [Peer(0, 1, 70), Peer(1, 1, 10), Peer(2, 1, 5), Peer(3, 2, 90), Peer(4, 3, 5000)];

        Assert.Equal(new EvictionChoice(AddressBed.Id(0), Paced: false), Choose(inbound, newcomer: 3, lastPaced: Now));
        Assert.Null(Choose([.. inbound, Peer(5, 3, 6000)], newcomer: 3, lastPaced: Now));
    }

    [Fact]
    public void NextCandidateAt_SeveralInGrace_TheOldestOfThem()
    {
        InboundPeer[] inbound = [Peer(0, 1, 10), Peer(1, 2, 50), Peer(2, 3, 30), Peer(3, 4, 100)];

        Assert.Equal(Now + TimeSpan.FromSeconds(10), Eviction.NextCandidateAt(inbound, Now));
    }

    // The group counts whole, with its members in grace; they themselves are safe.
    [Fact]
    public void Choose_LargestGroupHasYoungOnes_TheYoungestThatIsOldEnough()
    {
        InboundPeer[] inbound = [Peer(0, 1, 70), Peer(1, 1, 10), Peer(2, 1, 5), Peer(3, 2, 90), Peer(4, 3, 5000)];

        Assert.Equal(new EvictionChoice(AddressBed.Id(0), Paced: false), Choose(inbound));
    }

    [Fact]
    public void Choose_NewcomerOfTheLargestGroup_OnlyByPace()
    {
        InboundPeer[] inbound = [.. Enumerable.Range(0, 6).Select(i => Peer(i, 1, 100 + i)), Peer(6, 2, 5000)];

        Assert.Equal(new EvictionChoice(AddressBed.Id(0), Paced: true), Choose(inbound, newcomer: 1));
        Assert.Null(Choose(inbound, newcomer: 1, lastPaced: Now - TimeSpan.FromSeconds(59)));
        Assert.NotNull(Choose(inbound, newcomer: 1, lastPaced: Now - TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public void Choose_AllGroupsEqual_OncePerMinuteTheYoungest()
    {
        InboundPeer[] inbound = [.. Enumerable.Range(0, 8).Select(i => Peer(i, i, 100 + i))];

        Assert.True(Choose(inbound)!.Value.Paced);
        Assert.Null(Choose(inbound, lastPaced: Now - TimeSpan.FromSeconds(30)));
    }

    // A group that is large already must not push out single peers, not even slowly.
    [Fact]
    public void Choose_VictimsInSmallerGroupsThanTheNewcomer_NobodyGives()
    {
        InboundPeer[] inbound = [.. Enumerable.Range(0, 5).Select(i => Peer(i, 1, 20)), .. Enumerable.Range(5, 6).Select(i => Peer(i, i, 100 + i))];

        Assert.Null(Choose(inbound, newcomer: 1));
        Assert.NotNull(Choose(inbound, newcomer: 99));
    }

    [Fact]
    public void Choose_DiscouragedThenMarked_BeforeAnyGroup()
    {
        InboundPeer[] inbound =
        [
            .. Enumerable.Range(0, 6).Select(i => Peer(i, 1, 100 + i)),
            Peer(6, 2, 90) with { Marked = true },
            Peer(7, 3, 80) with { Discouraged = true },
        ];

        Assert.Equal(AddressBed.Id(7), Choose(inbound)!.Value.Id);
        Assert.Equal(AddressBed.Id(6), Choose(inbound[..7])!.Value.Id);
        Assert.NotNull(Choose(inbound, lastPaced: Now));
    }

    [Fact]
    public void Choose_QuickestAndLatestUseful_AreProtected()
    {
        InboundPeer[] inbound = [.. Enumerable.Range(0, 16).Select(i => Peer(i, 1, 100 + i))];
        inbound[0] = inbound[0] with { RoundTrip = TimeSpan.FromMilliseconds(1) };
        inbound[1] = inbound[1] with { RoundTrip = TimeSpan.FromMilliseconds(2) };
        inbound[2] = inbound[2] with { LastUseful = Now };
        inbound[3] = inbound[3] with { LastUseful = Now - TimeSpan.FromSeconds(1) };

        Assert.Equal(AddressBed.Id(4), Choose(inbound)!.Value.Id);
    }

    // B4: pongs only, no useful work.
    [Fact]
    public void Choose_PongsOnly_IsEvictable()
    {
        InboundPeer[] inbound =
            [.. Enumerable.Range(0, 16).Select(i => Peer(i, i, 500) with { RoundTrip = TimeSpan.FromMilliseconds(5 + i), LastUseful = i == 15 ? null : Now - TimeSpan.FromSeconds(i) })];
        inbound[15] = inbound[15] with { Since = Now - TimeSpan.FromSeconds(100) };

        Assert.Equal(AddressBed.Id(15), Choose(inbound)!.Value.Id);
    }

    [Fact]
    public void NextCandidateAt_Inbound_IsTheEndOfTheNextGrace()
    {
        Assert.Null(Eviction.NextCandidateAt([], Now));
        Assert.Null(Eviction.NextCandidateAt([Peer(1, 1, 60)], Now));
        Assert.Equal(Now + TimeSpan.FromSeconds(20), Eviction.NextCandidateAt([Peer(1, 1, 40), Peer(2, 1, 10), Peer(3, 1, 90)], Now));
    }

    [Fact]
    public void Choose_AnyPeers_NeverAProtectedOrYoungOne() =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), Gen.Choose(0, 80).ToArbitrary(), (seed, count) =>
        {
            Random random = new(seed);
            List<InboundPeer> inbound = [.. Enumerable.Range(0, count).Select(i => Peer(i, random.Next(1 + (seed % 12)), random.Next(300)) with
            {
                RoundTrip = random.Next(3) == 0 ? null : TimeSpan.FromMilliseconds(random.Next(500)),
                LastUseful = random.Next(3) == 0 ? null : Now - TimeSpan.FromSeconds(random.Next(500)),
                Discouraged = random.Next(9) == 0,
                Marked = random.Next(9) == 0,
            })];

            // The order in which they are handed in says nothing.
            EvictionChoice? choice = Choose(inbound, seed % 12);
            Assert.Equal(choice, Choose([.. inbound.OrderBy(_ => random.Next())], seed % 12));
            List<InboundPeer> old = [.. inbound.Where(p => Now - p.Since >= Eviction.Grace)];
            if (choice is not { } chosen)
            {
                return;
            }

            InboundPeer victim = Assert.Single(old, p => p.Id == chosen.Id);
            int eighth = old.Count / 8;

            // At least as many as a rule protects are worse by it: then it protects others.
            Assert.True(victim.RoundTrip is null || old.Count(p => p.RoundTrip <= victim.RoundTrip && p.Id != victim.Id) >= eighth);
            Assert.True(victim.LastUseful is null || old.Count(p => p.LastUseful >= victim.LastUseful && p.Id != victim.Id) >= eighth);
            Assert.True(old.Count(p => p.Since <= victim.Since && p.Id != victim.Id) >= (old.Count - (3 * eighth) + 1) / 2);
        }).Check(Seeded.Config.WithMaxTest(500));
}
