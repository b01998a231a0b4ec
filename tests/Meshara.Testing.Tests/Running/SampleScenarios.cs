using Meshara.Testing.Checks;

namespace Meshara.Testing.Tests.Running;

/// <summary>Scenarios that are run in another process, found by their names.</summary>
public static class SampleScenarios
{
    private static int _runs;

    public static Task Fine(int seed) => Task.CompletedTask;

    public static async Task FailsAtThree(int seed)
    {
        await Task.Yield();
        if (seed == 3)
            throw new SimulationException("three is too many");
    }

    // Nothing is asserted: the network itself has to see that a node has two links with one peer.
    public static async Task TellsOfTwoLinks(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        IReadOnlyList<SimulatedNode> nodes = await sim.StartNodesAsync(3);
        await sim.RunForAsync(1.Minutes());
        sim.Tell(nodes[0], new NodeFact.Proven(1001, nodes[1].Id, $"{nodes[1].Address}:4040"));
        sim.Tell(nodes[0], new NodeFact.Up(1001, nodes[1].Id, Inbound: false, Probe: false));
        await sim.RunForAsync(1.Minutes());
    }

    public static async Task TellsOfAnUnprovenPeer(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        IReadOnlyList<SimulatedNode> nodes = await sim.StartNodesAsync(2);
        sim.Tell(nodes[0], new NodeFact.Up(1001, default, Inbound: false, Probe: false));
        await sim.RunForAsync(1.Minutes());
    }

    public static async Task AssertsItself(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        IReadOnlyList<SimulatedNode> nodes = await sim.StartNodesAsync(3);
        sim.Isolate(nodes[2]);
        await sim.RunForAsync(1.Minutes());
        throw new InvalidOperationException("what the program promised");
    }

    // A static field outlives the run.
    public static async Task Leaks(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        sim.Note($"{++_runs}");
    }

    // A handler that blocks for ever: the one thread is gone.
    public static Task Blocks(int seed)
    {
        using ManualResetEventSlim never = new();
        never.Wait();
        return Task.CompletedTask;
    }

    public static Task Exits(int seed)
    {
        if (seed == 2)
            Environment.Exit(77);
        return Task.CompletedTask;
    }

    public static Task<int> ReturnsMore(int seed) => Task.FromResult(seed);

    internal static Task NotPublic(int seed) => Task.CompletedTask;
}
