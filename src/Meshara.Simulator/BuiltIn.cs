using Meshara.Testing;
using Meshara.Testing.Running;

namespace Meshara.Simulator;

/// <summary>The scenarios of this program, by the names they are typed with.</summary>
internal static class BuiltIn
{
    /// <summary>A mesh under faults, all checks on.</summary>
    public static Task Swarm(int seed) => Simulator.Swarm.RunAsync(seed);

    /// <summary>Two nodes link, talk, part and meet again.</summary>
    public static Task TwoNodes(int seed) => Simulator.TwoNodes.RunAsync(seed);

    /// <summary>Two nodes dial each other at nearly the same moment, <c>--set rounds=1000</c> times.</summary>
    public static Task SimultaneousDials(int seed) => Simulator.SimultaneousDials.RunAsync(seed, SimulationRun.Current!.Setting("rounds", 1000));

    /// <summary>Asks the machine's clock, which no simulation may: <c>--verify</c> has to find it.</summary>
    public static async Task Leak(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        sim.Note("a line like any other");
        sim.Note($"a line with {TimeProvider.System.GetTimestamp()}");
    }

    /// <summary>A thousand nodes for an hour: what that costs.</summary>
    public static Task Thousand(int seed) => Simulator.Thousand.RunAsync(seed);

    /// <summary>Nodes under Admission.Open that exchange addresses, <c>--set nodes=20 --set minutes=10</c>.</summary>
    public static async Task Idle(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        await sim.StartNodesAsync(SimulationRun.Current!.Setting("nodes", 20));
        await sim.RunForAsync(SimulationRun.Current.Setting("minutes", 10).Minutes());
        sim.AssertMesh();
    }
}
