using Xunit;

namespace Meshara.Tests.Core;

/// <summary>Meshes that keep themselves, among themselves: they come to rest, and stay there.</summary>
public sealed class ManyMeshesTests(ITestOutputHelper output)
{
    // Everybody in one /16, as in a cluster: diversity is a preference, and the target is reached all the same.
    private static string OneNetwork(int i) => $"10.1.{i / 200}.{1 + (i % 200)}";

    private static string Anywhere(int i) => $"{11 + (i % 200)}.{i / 200}.0.1";

    [Fact]
    public void TwoNodes_MaximumIsOne_OneLinkForEver()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            ManyMeshes world = new(seed, 2, Anywhere, target: 1, max: 1);
            world.Introduce();
            world.Run(TimeSpan.FromHours(6));

            Assert.All(world.Nodes, n => Assert.Single(n.Peers));
            Assert.All(world.Nodes, n => Assert.InRange(n.Dials, 0, 3));
        }
    }

    [Fact]
    public void ThreeNodes_MaximumIsOne_TheOddOneKnocksSeldom()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            ManyMeshes world = new(seed, 3, Anywhere, target: 1, max: 1);
            world.Introduce();
            world.Run(TimeSpan.FromHours(6));

            Assert.All(world.Nodes, n => Assert.True(n.Most <= 1, $"seed {seed}: {n.Most} links"));

            // Two addresses, each at most every five minutes.
            Assert.All(world.Nodes, n => Assert.True(n.Dials <= 2 + (6 * 2 * 12), $"seed {seed}: {n.Dials} dials"));
        }
    }

    [Theory]
    [InlineData(6, 2, 2)]
    [InlineData(8, 4, 8)]
    [InlineData(8, 4, 4)]
    [InlineData(20, 16, 32)]
    [InlineData(60, 4, 8)]
    public void ManyNodes_InOneNetwork_ReachTheTargetAndComeToRest(int count, int target, int max)
    {
        ManyMeshes world = new(count, count, OneNetwork, target, max);
        world.Introduce();
        world.Run(TimeSpan.FromMinutes(10));
        int dials = world.Nodes.Sum(n => n.Dials);
        int evictions = world.Nodes.Sum(n => n.Evictions);
        world.Run(TimeSpan.FromHours(1));

        Assert.All(world.Nodes, n => Assert.True(n.Most <= max, $"{n.Most} links"));

        // Where all places are taken, two may be left over that have a link with each other already, or one with two places: nobody has one for it.
        int least = target < max ? target : target - 2;
        Assert.True(world.Nodes.All(n => n.Peers.Count() >= least), string.Join(", ", world.Nodes.Select(n => n.Peers.Count())));

        // Who is at its target rests, nearly; who is not knocks at each door every five minutes.
        int later = world.Nodes.Sum(n => n.Dials) - dials;
        int evicted = world.Nodes.Sum(n => n.Evictions) - evictions;
        output.WriteLine($"{dials} dials and {evictions} evictions in ten minutes, then {later} and {evicted} in an hour; peers {string.Join(", ", world.Nodes.Select(n => n.Peers.Count()))}");
        int wanting = world.Nodes.Count(n => n.Peers.Count() < target);
        Assert.True(later <= (count * 6) + (wanting * (count - 1) * 12), $"{later} dials in an hour, {dials} before");
        Assert.True(evicted <= count * 6, $"{evicted} evictions in an hour, {evictions} before");
    }

    [Fact]
    public void EightNodes_ThreeAreKilled_TheRestIsBackAtTheTargetWithinSeconds()
    {
        for (int seed = 0; seed < 50; seed++)
        {
            ManyMeshes world = new(seed, 8, OneNetwork, target: 4, max: 8);
            world.Introduce();
            world.Run(TimeSpan.FromSeconds(10));
            Assert.All(world.Nodes, n => Assert.True(n.Peers.Count() >= 4, $"seed {seed}: {n.Peers.Count()} peers before"));

            foreach (ManyMeshes.Member killed in world.Nodes.Take(3))
            {
                killed.Kill();
            }

            world.Run(TimeSpan.FromSeconds(5));

            Assert.All(world.Nodes.Skip(3), n => Assert.True(n.Peers.Count() >= 4, $"seed {seed}: {n.Peers.Count()} peers after"));
        }
    }

    [Fact]
    public void Outbound_AtLeastAThirdOfTheTarget_WhereverThereIsAChoice()
    {
        ManyMeshes world = new(1, 40, Anywhere, target: 6, max: 12);
        world.Introduce();
        world.Run(TimeSpan.FromHours(1));

        Assert.All(world.Nodes, n => Assert.True(n.Mesh.Counts.Outbound >= 2, n.Mesh.Counts.ToString()));
    }
}
