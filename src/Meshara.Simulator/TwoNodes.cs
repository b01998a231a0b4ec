using Meshara.Testing;

namespace Meshara.Simulator;

/// <summary>Two real nodes, TLS included, on a simulated network: they link, talk in all three shapes, lose each other and meet again.</summary>
internal static class TwoNodes
{
    public static async Task RunAsync(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        SimulatedNode alice = await sim.StartNodeAsync("alice", o => Options(sim, "alice", o));
        SimulatedNode bob = await sim.StartNodeAsync("bob", o => Options(sim, "bob", o));
        await alice.Node.TrustAsync(bob.Node.PublicKey);
        NodeId peer = await bob.Node.AddPeerAsync(new PeerAddress(alice.Address.ToString(), PeerAddress.DefaultPort), alice.Node.PublicKey);
        for (int i = 0; i < 100; i++)
        {
            await bob.Node.SendAsync(peer, "chat", BitConverter.GetBytes(i));
        }

        await bob.Node.SendAsync(peer, "chat", "last"u8.ToArray(), acknowledged: true);
        byte[] reply = await bob.Node.RequestAsync(peer, "double", new byte[40_000]);
        sim.Note($"reply of {reply.Length}");

        await sim.RunForAsync(2.Minutes());
        sim.Note($"bob sees {bob.Node.ListPeers().Count} after two quiet minutes");
        await alice.StopAsync();
        await sim.RunForAsync(1.Minutes());
        sim.Note($"bob sees {bob.Node.ListPeers().Count} without alice");
        await alice.RestartAsync();
        await alice.Node.TrustAsync(bob.Node.PublicKey);
        await sim.RunForAsync(3.Minutes());
        sim.Note($"bob sees {bob.Node.ListPeers().Count} after alice's return");
        sim.AssertMesh();
        await alice.StopAsync();
        await bob.StopAsync();
    }

    private static NodeOptions Options(SimulatedNetwork sim, string name, NodeOptions options) => options with
    {
        Admission = Admission.KnownPeers,
        Discovery = options.Discovery with { BootstrapNodes = [] },
        OnStarting = node =>
        {
            node.Handle("chat", (message, _) =>
            {
                sim.Note($"{name} got {message.Payload.Length} from {message.Peer.ToShortString()}");
                return ValueTask.CompletedTask;
            });
            node.HandleRequest("double", (message, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(new byte[message.Payload.Length * 2]));
        },
    };
}
