using Meshara.Testing.Lan;
using Xunit;

namespace Meshara.Testing.Tests.Lan;

/// <summary>Local networks of simulated nodes; run in a process of their own.</summary>
public static class LanScenarios
{
    /// <summary>Nodes behind one router find one another by multicast alone, those behind another do not.</summary>
    public static async Task TwoLocalNetworks(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        SimulatedLans lans = new(sim);
        sim.LanOf = lans.Of;
        SimulatedNat home = sim.AddNat(), office = sim.AddNat();
        List<SimulatedNode> at = [];
        foreach ((string name, SimulatedNat nat) in (ValueTuple<string, SimulatedNat>[])[("h1", home), ("h2", home), ("h3", home), ("o1", office), ("o2", office)])
            at.Add(await sim.StartNodeAsync(name, o => o with { Discovery = o.Discovery with { BootstrapNodes = [], TargetPeers = 4, MaxPeers = 8 } }, nat));
        await sim.RunForAsync(2.Minutes());
        sim.AssertMesh(at.Take(3), minimumPeers: 2);
        sim.AssertMesh(at.Skip(3));
        Assert.All(at, node => Assert.True(node.Node.ListPeers().Count == (node.Nat == home ? 2 : 1), $"{node} has {node.Node.ListPeers().Count} peers."));
        Assert.All(at, node => Assert.True(node.Node.LocalNetwork.Announces));
    }

    /// <summary>With half of the packets lost they find one another all the same, later.</summary>
    public static async Task LossyLocalNetwork(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        SimulatedLans lans = new(sim) { Loss = 0.5 };
        sim.LanOf = lans.Of;
        SimulatedNat home = sim.AddNat();
        IReadOnlyList<SimulatedNode> nodes = await sim.StartNodesAsync(
            3, o => o with { Discovery = o.Discovery with { BootstrapNodes = [], TargetPeers = 4, MaxPeers = 8 } }, home);
        await sim.RunUntilAsync(() => nodes.All(n => n.Node.ListPeers().Count == 2), atMost: 10.Minutes());
        Assert.True(lans.Lost > 0);
    }
}
