namespace Meshara.Testing.Tests.Running;

// As the README of the package has it, letter for letter: ReadmeSampleTests compares them.
public static class Chat
{
    public static async Task Churn(int seed)                      // a scenario: public, static, takes the seed
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        IReadOnlyList<SimulatedNode> nodes = await sim.StartNodesAsync(20);
        sim.Partition(nodes.Take(8), nodes.Skip(8));
        await sim.RunForAsync(1.Hours());
        sim.Heal();
        nodes[3].Kill();
        await nodes[3].RestartAsync();
        await sim.RunUntilAsync(() => nodes[3].Node.ListPeers().Count > 0, atMost: 10.Minutes());
        await sim.RunForAsync(10.Minutes());                      // the halves find each other again
        sim.AssertMesh();
    }
}
