using Meshara.Testing;
using Meshara.Testing.Running;

namespace Meshara.Simulator;

/// <summary>A large mesh that does nothing but keep itself: what an hour of it costs. Run it alone, one seed.</summary>
/// <remarks><c>--set nodes=1000</c>, <c>--set minutes=60</c>, <c>--set minimal=1</c> for <see cref="DiscoveryOptions.Minimal"/>, <c>--set feeler=60</c> for another
/// <see cref="DiscoveryOptions.FeelerInterval"/>, in minutes.</remarks>
internal static class Thousand
{
    public static async Task RunAsync(int seed)
    {
        SimulationRun run = SimulationRun.Current!;
        DiscoveryOptions preset = run.Setting("minimal", 0) == 0 ? DiscoveryOptions.Standard : DiscoveryOptions.Minimal;
        TimeSpan feeler = TimeSpan.FromMinutes(run.Setting("feeler", (int)preset.FeelerInterval.TotalMinutes));
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        await sim.StartNodesAsync(
            run.Setting("nodes", 1000),
            o => o with { Discovery = preset with { BootstrapNodes = o.Discovery.BootstrapNodes, FeelerInterval = feeler } });
        TimeSpan end = run.Setting("minutes", 60).Minutes();
        await sim.RunForAsync(end > sim.Elapsed ? end - sim.Elapsed : TimeSpan.Zero);

        run.Counted.Add("links", sim.Nodes.Sum(n => n.Node.ListPeers().Count) / 2);
        run.Counted.Add("chains verified", sim.Nodes.Sum(n => n.Node.ChainsVerified));
        run.Counted.Add("MiB of heap", GC.GetTotalMemory(forceFullCollection: false) >> 20);
        sim.AssertMesh();
    }
}
