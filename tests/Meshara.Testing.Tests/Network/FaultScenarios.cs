using System.Net;
using Xunit;

namespace Meshara.Testing.Tests.Network;

/// <summary>Whole nodes and what happens to their machines. Each runs in a process of its own.</summary>
public static class FaultScenarios
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(1);

    // As long as silence takes to be noticed: a ping after 15 s, 10 s for its answer, and the grid of looks.
    private static readonly TimeSpan Noticed = TimeSpan.FromSeconds(40);

    public static async Task KillAndPowerOff(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        SimulatedNode[] n = [.. await sim.StartNodesAsync(3, Everybody)];
        await sim.RunUntilAsync(() => n.All(x => Peers(x) == 2), 1.Minutes());
        Node killed = n[1].Node;

        n[1].Kill();
        Assert.True(n[1].Lifetime.IsCancellationRequested);
        await sim.RunForAsync(Soon);
        Assert.DoesNotContain(n[0].Node.ListPeers(), p => p.Id == n[1].Id);

        n[2].PowerOff();
        await sim.RunForAsync(10.Seconds());
        Assert.Contains(n[0].Node.ListPeers(), p => p.Id == n[2].Id);
        await sim.RunForAsync(Noticed);
        Assert.Empty(n[0].Node.ListPeers());
        Assert.Throws<SimulationException>(() => sim.AssertMesh([n[0]], minimumPeers: 1));

        NodeId before = n[1].Id;
        await Task.WhenAll(n[1].RestartAsync(), n[2].RestartAsync());
        await sim.RunUntilAsync(() => n.All(x => Peers(x) == 2), 2.Minutes());
        Assert.Equal(before, n[1].Node.Id);
        Assert.NotSame(killed, n[1].Node);
        sim.AssertMesh(minimumPeers: 2);

        await n[1].StopAsync();
        await sim.RunForAsync(Soon);
        Assert.Equal(SimulatedNodeState.Stopped, n[1].State);
        Assert.Equal(1, Peers(n[0]));
    }

    // Its links drain into a machine that answers nobody, so both wait for ends of links when the process ends.
    public static async Task KillDuringRemovals(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        SimulatedNode[] n = [.. await sim.StartNodesAsync(3, Everybody)];
        await sim.RunUntilAsync(() => n.All(x => Peers(x) == 2), 1.Minutes());
        using NodeIdentity other = NodeIdentity.Create();
        await n[0].Node.TrustAsync(n[2].Node.PublicKey);
        n[1].Freeze();
        n[2].Freeze();

        Task<bool> removed = n[0].Node.RemovePeerAsync(n[1].Id);
        Task<bool> replaced = n[0].Node.ReplaceKeyAsync(n[2].Id, other.PublicKey);
        await sim.RunForAsync(TimeSpan.FromMilliseconds(100));
        Assert.False(removed.IsCompleted || replaced.IsCompleted);
        n[0].Kill();
        await sim.RunForAsync(Soon);

        foreach (Task waiting in new Task[] { removed, replaced })
        {
            Assert.True(waiting.IsCompleted);
            Assert.Equal(MesharaErrorCode.NodeStopped, (await Assert.ThrowsAsync<MesharaException>(() => waiting)).Code);
        }
    }

    public static async Task FreezeAndThaw(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        SimulatedNode[] n = [.. await sim.StartNodesAsync(2, o => Everybody(o) with { OnStarting = Echo })];
        await sim.RunUntilAsync(() => n.All(x => Peers(x) == 1), 1.Minutes());

        n[1].Freeze();
        TimeSpan asked = sim.Elapsed;
        Task<byte[]> reply = n[0].Node.RequestAsync(n[1].Id, "echo", new byte[] { 1 }).AsTask();
        await sim.RunForAsync(8.Seconds());
        Assert.False(reply.IsCompleted);
        n[1].Thaw();
        Assert.Equal([1], await reply);
        Assert.InRange(sim.Elapsed - asked, 8.Seconds(), 9.Seconds());
        Assert.Equal(1, Peers(n[0]));

        n[1].Freeze();
        await Assert.ThrowsAsync<InvalidOperationException>(n[1].StopAsync);
        await sim.RunForAsync(Noticed);
        Assert.Equal(0, Peers(n[0]));
        n[1].Thaw();
        await sim.RunUntilAsync(() => n.All(x => Peers(x) == 1), 2.Minutes());
    }

    public static async Task SuspendResumeAndJump(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        SimulatedNode[] n = [.. await sim.StartNodesAsync(2, Everybody)];
        await sim.RunUntilAsync(() => n.All(x => Peers(x) == 1), 1.Minutes());
        TimeProvider clock = n[1].Time;
        long asleep = clock.GetTimestamp();

        n[1].Suspend();
        await sim.RunForAsync(10.Minutes());
        Assert.Equal(TimeSpan.Zero, clock.GetElapsedTime(asleep));
        Assert.Equal(sim.Time.GetUtcNow(), clock.GetUtcNow());
        Assert.Equal(0, Peers(n[0]));
        n[1].Resume();
        await sim.RunUntilAsync(() => n.All(x => Peers(x) == 1), 3.Minutes());

        n[1].JumpClock(TimeSpan.FromDays(-2));
        n[0].JumpClock(TimeSpan.FromHours(2));
        Assert.Equal(sim.Time.GetUtcNow() - TimeSpan.FromDays(2), clock.GetUtcNow());
        await sim.RunForAsync(2.Minutes());
        sim.AssertMesh();
        n[1].Kill();
        await n[1].RestartAsync();
        Assert.Equal(sim.Time.GetUtcNow() - TimeSpan.FromDays(2), n[1].Time.GetUtcNow());
        await sim.RunUntilAsync(() => n.All(x => Peers(x) == 1), 2.Minutes());
    }

    public static async Task PartitionHealAndOneWay(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        List<int> got = [];
        SimulatedNode[] n = [.. await sim.StartNodesAsync(4, o => Everybody(o) with { OnStarting = node => node.Handle("n", (m, _) => Got(got, m)) })];
        await sim.RunUntilAsync(() => n.All(x => Peers(x) == 3), 1.Minutes());

        // Short enough that the link lives: what was sent comes afterwards, once.
        SimulatedPartition split = sim.Partition(n[..2], n[2..]);
        await n[0].Node.SendAsync(n[2].Id, "n", new byte[] { 1 });
        await n[0].Node.SendAsync(n[1].Id, "n", new byte[] { 2 });
        await sim.RunForAsync(5.Seconds());
        Assert.Equal([2], got);
        split.Heal();
        Assert.True(split.IsHealed);
        await sim.RunForAsync(6.Seconds());
        Assert.Equal([2, 1], got);

        // Long enough that all links between the halves end.
        sim.Partition(n[..2], n[2..]);
        await sim.RunForAsync(Noticed);
        Assert.All(n, x => Assert.Equal(1, Peers(x)));
        Assert.Throws<SimulationException>(() => sim.AssertMesh());
        sim.Heal();
        await sim.RunUntilAsync(() => n.All(x => Peers(x) == 3), 6.Minutes());

        got.Clear();
        sim.PartitionOneWay([n[0]], [n[1]]);
        await n[0].Node.SendAsync(n[1].Id, "n", new byte[] { 3 });
        await n[1].Node.SendAsync(n[0].Id, "n", new byte[] { 4 });
        await sim.RunForAsync(5.Seconds());
        Assert.Equal([4], got);
        sim.Heal();

        await sim.RunUntilAsync(() => n.All(x => Peers(x) == 3), 6.Minutes());
        sim.Isolate(n[3]);
        await sim.RunForAsync(Noticed);
        Assert.Equal(0, Peers(n[3]));
        Assert.All(n[..3], x => Assert.Equal(2, Peers(x)));
        sim.Heal();
        Assert.InRange(sim.Reset(n[0], n[1]), 1, 2);
        await sim.RunForAsync(50.Milliseconds());
        Assert.DoesNotContain(n[0].Node.ListPeers(), p => p.Id == n[1].Id);
        await sim.RunUntilAsync(() => n.All(x => Peers(x) == 3), 6.Minutes());
    }

    public static async Task NatIsOutboundOnly(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        SimulatedNode pub = await sim.StartNodeAsync("public", Quiet);
        SimulatedNat home = sim.AddNat();
        SimulatedNode a = await sim.StartNodeAsync("a", Quiet, home);
        SimulatedNode b = await sim.StartNodeAsync("b", Quiet, home);
        SimulatedNode c = await sim.StartNodeAsync("c", Quiet, sim.AddNat());

        await a.Node.AddPeerAsync(At(pub), pub.Node.PublicKey);
        await sim.RunForAsync(Soon);
        PeerInfo seen = Assert.Single(pub.Node.ListPeers());
        Assert.StartsWith($"{home.PublicAddress}:", seen.Address, StringComparison.Ordinal);
        Assert.Same(a, sim.Network.WhoIs(seen.Address));

        await b.Node.AddPeerAsync(At(a), a.Node.PublicKey);
        await Assert.ThrowsAsync<MesharaException>(() => pub.Node.AddPeerAsync(At(b), b.Node.PublicKey));
        await Assert.ThrowsAsync<MesharaException>(() => pub.Node.AddPeerAsync(new PeerAddress(home.PublicAddress.ToString(), 4040), b.Node.PublicKey));
        await Assert.ThrowsAsync<MesharaException>(() => c.Node.AddPeerAsync(At(b), b.Node.PublicKey));
        Assert.False(sim.Network.CanReach(pub, b));
        Assert.True(sim.Network.CanReach(b, pub) && sim.Network.CanReach(a, b));
    }

    public static async Task NamesAndMoves(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        SimulatedNode moving = await sim.StartNodeAsync("moving", Quiet);
        sim.Names.Set("home.example", moving);
        SimulatedNode other = await sim.StartNodeAsync("other", o => Quiet(o) with { Peers = [new PeerAddress("home.example", 4040, moving.Id)] });
        await sim.RunUntilAsync(() => Peers(other) == 1, 1.Minutes());

        IPAddress before = moving.Address;
        moving.MoveTo();
        Assert.NotEqual(before, moving.Address);
        await sim.RunForAsync(Noticed);
        Assert.Equal(0, Peers(other));
        Assert.Contains(moving.Node.Addresses, a => a.Host == moving.Address.ToString());

        sim.Names.AreDown = true;
        sim.Names.Set("home.example", moving);
        await sim.RunForAsync(1.Minutes());
        Assert.Equal(0, Peers(other));
        sim.Names.AreDown = false;
        await sim.RunUntilAsync(() => Peers(other) == 1, 2.Minutes());

        Assert.Throws<ArgumentException>(() => moving.MoveTo(other.Address));
        Assert.True(sim.Names.Remove("home.example"));
    }

    /// <summary>One address, two machines that each had it: who starts first has it again, the other gets another (swarm, seed 166: both had it, and one could be reached by nobody).</summary>
    public static async Task TakenAddress(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        SimulatedNode a = await sim.StartNodeAsync("a", Quiet), b = await sim.StartNodeAsync("b", Quiet), c = await sim.StartNodeAsync("c", Quiet);
        a.Kill();
        IPAddress shared = a.Address;
        b.MoveTo(shared);
        b.Kill();
        await a.RestartAsync();
        Assert.Equal(shared, a.Address);
        await b.RestartAsync();
        Assert.NotEqual(shared, b.Address);
        await c.Node.AddPeerAsync(At(a), a.Node.PublicKey);
        await c.Node.AddPeerAsync(At(b), b.Node.PublicKey);
        Assert.Equal(2, Peers(c));
    }

    public static async Task LostConnectsAndSlowLines(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        SimulatedNode a = await sim.StartNodeAsync("a", Quiet);
        SimulatedNode b = await sim.StartNodeAsync("b", o => Quiet(o) with { OnStarting = Echo });
        sim.Between(a, b).LostConnects = 1;
        TimeSpan began = sim.Elapsed;
        MesharaException lost = await Assert.ThrowsAsync<MesharaException>(() => a.Node.AddPeerAsync(At(b), b.Node.PublicKey));
        Assert.Equal(MesharaErrorCode.ConnectTimeout, lost.Code);
        Assert.Equal(5.Seconds(), sim.Elapsed - began);

        sim.Between(a, b).LostConnects = 0;
        await a.Node.AddPeerAsync(At(b), b.Node.PublicKey);
        sim.Between(a, b).Latency = 200.Milliseconds();
        sim.OneWay(a, b).BytesPerSecond = 100_000;
        began = sim.Elapsed;
        Assert.Equal(300_000, (await a.Node.RequestAsync(b.Id, "echo", new byte[300_000])).Length);

        // Three seconds of bytes there, none back, the way, and again for each window of the stream.
        Assert.InRange(sim.Elapsed - began, 3.4.Seconds(), 8.Seconds());
    }

    public static async Task OptionsOfTheSimulation(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        InvalidOperationException refused = await Assert.ThrowsAsync<InvalidOperationException>(() => sim.StartNodeAsync("a", o => o with { Seed = 1 }));
        Assert.Contains("NodeOptions.Seed", refused.Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => SimulatedNetwork.Create(seed));
        await Assert.ThrowsAsync<ArgumentException>(() => sim.StartNodeAsync("a"));
        await Assert.ThrowsAsync<MesharaException>(() => sim.StartNodeAsync("wrong", o => o with { Listen = ["1.2.3.4:1"] }));
        Assert.Equal(SimulatedNodeState.Stopped, sim.Nodes[^1].State);

        // Real work: virtual time stands still meanwhile.
        TimeSpan before = sim.Elapsed;
        int read = await sim.OutsideAsync(async () =>
        {
            await Task.Delay(TimeSpan.FromMilliseconds(30), TimeProvider.System);
            return 7;
        });
        Assert.Equal((7, before), (read, sim.Elapsed));
    }

    private static NodeOptions Everybody(NodeOptions options) => options with { Discovery = options.Discovery with { TargetPeers = 4 } };

    private static NodeOptions Quiet(NodeOptions options) => options with { Discovery = options.Discovery with { BootstrapNodes = [], TargetPeers = 0 } };

    private static PeerAddress At(SimulatedNode node) => new(node.Address.ToString(), PeerAddress.DefaultPort);

    private static int Peers(SimulatedNode node) => node.Node.ListPeers().Count;

    private static void Echo(Node node) => node.HandleRequest("echo", (m, _) => ValueTask.FromResult(m.Payload));

    private static ValueTask Got(List<int> got, Message message)
    {
        got.Add(message.Payload.Span[0]);
        return ValueTask.CompletedTask;
    }

    private static TimeSpan Seconds(this double count) => TimeSpan.FromSeconds(count);
}
