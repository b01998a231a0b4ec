using FsCheck;
using FsCheck.Fluent;
using Meshara.Core.Policy;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Core.Policy;

public sealed class ConnectionPlanTests
{
    private static readonly TimeSpan Now = TimeSpan.FromHours(1);

    // inbound, outbound, dialling, target, max → dials
    [Theory]
    [InlineData(0, 0, 0, 16, 32, 16)]
    [InlineData(0, 0, 0, 64, 128, 16)] // at most 16 at once
    [InlineData(0, 10, 0, 16, 32, 6)]
    [InlineData(8, 0, 0, 16, 32, 8)]
    [InlineData(30, 0, 0, 16, 64, 8)] // callers count for half
    [InlineData(16, 8, 0, 16, 32, 0)]
    [InlineData(0, 16, 0, 16, 32, 0)]
    [InlineData(26, 0, 0, 16, 32, 6)] // as many as there are places
    [InlineData(0, 0, 0, 0, 32, 0)]
    [InlineData(1, 0, 0, 1, 2, 1)] // at least one of our own choice
    [InlineData(1, 0, 0, 1, 1, 0)]
    [InlineData(0, 0, 0, 2, 2, 2)]
    [InlineData(2, 0, 0, 2, 2, 0)]
    public void Decide_Counts_Dials(int inbound, int outbound, int dialling, int target, int max, int dials)
    {
        PlanCounts counts = new() { Inbound = inbound, Outbound = outbound, Dialling = dialling };

        Assert.Equal(dials, ConnectionPlan.Decide(counts, target, max, Now).Dial);
    }

    [Fact]
    public void Decide_DialsUnderWay_OneMoreEachHalfSecond()
    {
        PlanCounts counts = new() { Outbound = 13, Dialling = 3, LastDialStep = Now };

        Assert.Equal(new PlanStep(0, false, false, Now + ConnectionPlan.NextTry), ConnectionPlan.Decide(counts, 16, 32, Now));
        Assert.Equal(1, ConnectionPlan.Decide(counts, 16, 32, Now + ConnectionPlan.NextTry).Dial);
        Assert.Equal(0, ConnectionPlan.Decide(counts with { Dialling = 16 }, 16, 32, Now + ConnectionPlan.NextTry).Dial);
    }

    [Fact]
    public void Decide_TargetReachedWhileDialling_TheRestIsSurplus()
    {
        Assert.True(ConnectionPlan.Decide(new PlanCounts { Outbound = 16, Dialling = 3 }, 16, 32, Now).Surplus);
        Assert.False(ConnectionPlan.Decide(new PlanCounts { Outbound = 15, Dialling = 3, LastDialStep = Now }, 16, 32, Now).Surplus);
        Assert.False(ConnectionPlan.Decide(new PlanCounts { Outbound = 16 }, 16, 32, Now).Surplus);
    }

    // Anchors come from the store: somebody else may have chosen them long ago.
    [Fact]
    public void Decide_AnchorsOnly_AreNotTheLeastOutbound() =>
        Assert.Equal(2, ConnectionPlan.Decide(new PlanCounts { Inbound = 2, Outbound = 2, Anchors = 2 }, 4, 8, Now).Dial);

    [Fact]
    public void Decide_FullWithoutOutbound_ReplacesOncePerMinuteWhenSomebodyGivesWay()
    {
        PlanCounts counts = new() { Inbound = 3, HasVictim = true };

        Assert.True(ConnectionPlan.Decide(counts, 3, 3, Now).Replace);
        Assert.Equal(new PlanStep(0, false, false, Now + TimeSpan.FromSeconds(5)), ConnectionPlan.Decide(counts with { HasVictim = false, VictimAt = Now + TimeSpan.FromSeconds(5) }, 3, 3, Now));
        Assert.Equal(new PlanStep(0, false, false, Now + TimeSpan.FromSeconds(20)), ConnectionPlan.Decide(counts with { LastReplacement = Now - TimeSpan.FromSeconds(40) }, 3, 3, Now));
        Assert.False(ConnectionPlan.Decide(counts with { Replacing = true }, 3, 3, Now).Replace);
        Assert.False(ConnectionPlan.Decide(counts with { Inbound = 1 }, 1, 1, Now).Replace);
    }

    [Fact]
    public void Decide_DiscouragedOutboundAtTarget_IsReplaced()
    {
        PlanCounts counts = new() { Outbound = 16, HasDiscouragedOutbound = true, HasVictim = true };

        Assert.True(ConnectionPlan.Decide(counts, 16, 32, Now).Replace);
        Assert.False(ConnectionPlan.Decide(counts with { LastReplacement = Now }, 16, 32, Now).Replace);
        Assert.False(ConnectionPlan.Decide(counts with { Outbound = 15 }, 16, 32, Now).Replace);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(4, 2)]
    [InlineData(16, 6)]
    [InlineData(64, 22)]
    [InlineData(3, 1)]
    [InlineData(7, 3)]
    public void LeastOutbound_Target_IsAThird(int target, int least) => Assert.Equal(least, ConnectionPlan.LeastOutbound(target));

    [Theory]
    [InlineData(4, 8, 6)]
    [InlineData(16, 32, 26)]
    [InlineData(64, 128, 106)]
    [InlineData(2, 2, 2)]
    [InlineData(4, 4, 2)]
    [InlineData(4, 3, 3)]
    [InlineData(0, 8, 8)]
    public void InboundSlots_Max_LeavesTheLeastOutboundTheirPlaces(int target, int max, int slots) => Assert.Equal(slots, ConnectionPlan.InboundSlots(target, max));

    [Fact]
    public void ChooseAnchors_Links_TheOldestOfTwoGroups()
    {
        AddressKey a = AddressKey.Name("a"), b = AddressKey.Name("b"), c = AddressKey.Name("c");

        Assert.Equal(
            [2, 4],
            ConnectionPlan.ChooseAnchors([(1, a, TimeSpan.FromSeconds(2)), (2, a, TimeSpan.FromSeconds(1)), (3, b, TimeSpan.FromSeconds(9)), (4, c, TimeSpan.FromSeconds(3))]));
        Assert.Empty(ConnectionPlan.ChooseAnchors(Array.Empty<(int, AddressKey, TimeSpan)>()));
    }

    [Fact]
    public void Decide_AnyCounts_NeverBeyondMaxAndNeverBothWays() =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed =>
        {
            Random random = new(seed);
            int max = 1 + random.Next(40), target = random.Next(max + 1);
            int mesh = random.Next(max + 1), inbound = random.Next(mesh + 1);
            PlanCounts counts = new()
            {
                Inbound = inbound,
                Outbound = mesh - inbound,
                Anchors = Math.Min(random.Next(3), mesh - inbound),
                Dialling = random.Next(18),
                Replacing = random.Next(2) == 0,
                HasVictim = random.Next(2) == 0,
                HasDiscouragedOutbound = mesh > inbound && random.Next(2) == 0,
                VictimAt = random.Next(2) == 0 ? null : Now + TimeSpan.FromSeconds(random.Next(1, 60)),
                LastDialStep = random.Next(2) == 0 ? null : Now - TimeSpan.FromMilliseconds(random.Next(1000)),
                LastReplacement = random.Next(2) == 0 ? null : Now - TimeSpan.FromSeconds(random.Next(120)),
            };

            PlanStep step = ConnectionPlan.Decide(counts, target, max, Now);

            Assert.InRange(step.Dial, 0, ConnectionPlan.MostDials);
            Assert.True(step.Dial == 0 || (mesh < max && !step.Surplus && counts.Dialling + step.Dial <= ConnectionPlan.MostDials));
            Assert.True(step.Dial <= 1 || mesh + counts.Dialling + step.Dial <= max);
            Assert.False(step.Replace && (counts.Replacing || step.Dial > 0));
            Assert.True(target > 0 || step is { Dial: 0 });
            Assert.True(step.LookAgain is null || step.LookAgain > Now);

            // Below the target with places left, dials run or begin.
            Assert.True(counts.Outbound >= target || mesh >= max || counts.Dialling + step.Dial > 0 || inbound > 0);
        }).Check(Seeded.Config.WithMaxTest(2000));

    [Theory]
    [InlineData(0, 16)]
    [InlineData(10, 16)]
    [InlineData(11, 18)]
    [InlineData(12, 18)]
    [InlineData(13, 21)]
    public void Regulars_ThreeForEachPlaceThatCallersLeave_SixteenAtLeast(int target, int regulars) => Assert.Equal(regulars, ConnectionPlan.Regulars(target));
}
