using Meshara.Testing;
using Meshara.Testing.Checks;
using Meshara.Testing.Running;

namespace Meshara.Simulator;

/// <summary>Many nodes that do nothing but keep their mesh, to see what an hour of it costs.</summary>
internal static class Thousand
{
    public static async Task RunAsync(int seed, DiscoveryOptions preset)
    {
        SimulationRun run = SimulationRun.Current!;
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        sim.Plan.Neighbours = 4;
        if (run.Setting("checks", 0) > 0)
            CheckHub.Watch(sim);
        TimeSpan end = TimeSpan.FromMinutes(run.Setting("minutes", 60));
        IReadOnlyList<SimulatedNode> nodes = await sim.StartNodesAsync(
            run.Setting("nodes", 1000), o => o with { Discovery = preset with { BootstrapNodes = o.Discovery.BootstrapNodes } });
        await sim.RunForAsync(end - sim.Elapsed);
        sim.AssertMesh();
        run.Counted.Add("links at the end", nodes.Sum(static n => n.Node.ListPeers().Count) / 2);
    }
}
