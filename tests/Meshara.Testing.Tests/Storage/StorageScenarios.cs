using Meshara.Storage;
using Meshara.Testing.Storage;
using Xunit;

namespace Meshara.Testing.Tests.Storage;

/// <summary>Stores and folders of simulated nodes; run in a process of their own.</summary>
public static class StorageScenarios
{
    /// <summary>A node that is killed and started again knows its peers from its store alone.</summary>
    public static async Task StoreSurvivesAKill(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        SimulatedStores stores = new(sim);
        sim.StoreOf = stores.Of;
        IReadOnlyList<SimulatedNode> nodes = await sim.StartNodesAsync(4);
        await sim.RunForAsync(1.Minutes());
        nodes[3].Kill();
        await nodes[3].RestartAsync(o => o with { Discovery = o.Discovery with { BootstrapNodes = [] } });
        await sim.RunForAsync(1.Minutes());
        Assert.NotEmpty(nodes[3].Node.ListPeers());

        nodes[3].Kill();
        stores.Lose(nodes[3]);
        await nodes[3].RestartAsync(o => o with { Discovery = o.Discovery with { BootstrapNodes = [] } });
        Assert.Empty((await stores.Of(nodes[3]).LoadAsync()).Peers);
    }

    /// <summary>A store that fails is an aid the node goes without.</summary>
    public static async Task StoreFails(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        SimulatedStores stores = new(sim);
        sim.StoreOf = stores.Of;
        IReadOnlyList<SimulatedNode> nodes = await sim.StartNodesAsync(3);
        stores.Fail(nodes[0], true);
        await Assert.ThrowsAsync<IOException>(() => stores.Of(nodes[0]).LoadAsync());
        await Assert.ThrowsAsync<IOException>(() => stores.Of(nodes[0]).SaveAsync(new PeerStoreChanges()));
        nodes[0].Kill();
        await nodes[0].RestartAsync();
        stores.SlowDown(nodes[1], 8.Seconds());
        nodes[1].Kill();
        TimeSpan before = sim.Elapsed;
        await nodes[1].RestartAsync();
        Assert.True(sim.Elapsed - before > 4.Seconds(), "The slow store was not waited for.");
        await sim.RunForAsync(2.Minutes());
        sim.AssertMesh();
        Assert.True(stores.FailuresOf(nodes[0]) > 2);
    }

    /// <summary>A save that is under way when the process is killed is kept whole or not at all, and seeds decide which.</summary>
    public static async Task KilledWhileItSaves(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        SimulatedStores stores = new(sim);
        SimulatedNode node = await sim.StartNodeAsync("a");
        int kept = 0;
        for (int i = 0; i < 40; i++)
        {
            stores.Lose(node);
            PeerStoreChanges both = new() { TableKey = new byte[PeerStoreContent.TableKeySize], Anchors = [new PeerAddress("20.0.0.1", 4040)] };
            Task saving = stores.Of(node).SaveAsync(both);
            node.Kill();
            await sim.RunForAsync(1.Seconds());
            await node.RestartAsync();
            PeerStoreContent content = await stores.Of(node).LoadAsync();
            Assert.Equal(content.TableKey is null, content.Anchors.Count == 0);

            // Some saves take no time at all, and what has returned is kept.
            Assert.False(saving.IsCompleted && content.TableKey is null);
            kept += content.TableKey is null ? 0 : 1;
        }

        sim.Note($"kept {kept}");
        Assert.InRange(kept, 1, 39);
    }

    /// <summary>Killed at any step of a write to a file of its folder, a node starts again with the identity it had.</summary>
    public static async Task KilledWhileItWritesAFile(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        using FileCrashes files = new(sim);
        SimulatedNode node = await sim.StartNodeAsync("a", static o => o with { Listen = ["0.0.0.0"] }, withFolder: true);
        int crashes = 0;
        for (int i = 0; i < 12; i++)
        {
            await files.CrashAsync(node, new Random(i), () => crashes++, static n => n.RestartAsync());
            if (!node.IsUp)
                await node.RestartAsync();
            Assert.Equal(NodeState.Running, node.Node.State);
        }

        Assert.True(crashes > 3, $"Only {crashes} of 12 writes were broken off.");
        files.Dispose();
        Assert.Null(AtomicFile.BeforeStep);
    }
}
