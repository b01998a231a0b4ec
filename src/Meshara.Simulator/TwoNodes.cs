using Meshara.Testing.Engine;
using Meshara.Testing.Network;

namespace Meshara.Simulator;

/// <summary>Two real nodes, TLS included, on an in-memory network: they link, talk in all three shapes, lose each other and meet again.</summary>
internal static class TwoNodes
{
    public static async Task RunAsync(int seed, VirtualTime time, Trace trace)
    {
        MemoryTransport network = new();
        using NodeIdentity aliceKey = SeededIdentity.Create(seed, "alice");
        using NodeIdentity bobKey = SeededIdentity.Create(seed, "bob");
        Node alice = await StartAsync(aliceKey, "alice:1", []);
        await using Node bob = await StartAsync(bobKey, "bob:1", []);
        await alice.TrustAsync(bob.PublicKey);
        Task watching = WatchAsync("bob", bob);
        _ = watching;

        NodeId peer = await bob.AddPeerAsync("alice:1", alice.PublicKey);
        for (int i = 0; i < 100; i++)
        {
            await bob.SendAsync(peer, "chat", BitConverter.GetBytes(i));
        }

        await bob.SendAsync(peer, "chat", "last"u8.ToArray(), acknowledged: true);
        byte[] reply = await bob.RequestAsync(peer, "double", new byte[40_000]);
        trace.Add($"reply of {reply.Length}");

        await Task.Delay(TimeSpan.FromMinutes(2), time);
        trace.Add($"bob sees {bob.ListPeers().Count} after two quiet minutes");
        await alice.DisposeAsync();
        await Task.Delay(TimeSpan.FromMinutes(1), time);
        trace.Add($"bob sees {bob.ListPeers().Count} without alice");
        alice = await StartAsync(aliceKey, "alice:1", []);
        await alice.TrustAsync(bob.PublicKey);
        await Task.Delay(TimeSpan.FromMinutes(3), time);
        trace.Add($"bob sees {bob.ListPeers().Count} after alice's return");
        await alice.DisposeAsync();

        async Task<Node> StartAsync(NodeIdentity identity, string listen, PeerAddress[] peers)
        {
            Node node = await Node.StartAsync(new NodeOptions
            {
                Mesh = "simulation",
                Identity = identity,
                Listen = [listen],
                Peers = peers,
                Transport = network,
                TimeProvider = time,
                Seed = seed,
            });
            string name = listen.Split(':')[0];
            node.Handle("chat", (message, _) =>
            {
                trace.Add($"{name} got {message.Payload.Length} from {message.Peer.ToShortString()}");
                return ValueTask.CompletedTask;
            });
            node.HandleRequest("double", (message, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(new byte[message.Payload.Length * 2]));
            trace.Add($"{name} is {node.Id.ToShortString()}");
            return node;
        }

        async Task WatchAsync(string name, Node node)
        {
            await foreach (PeerEvent happened in node.WatchAsync())
            {
                trace.Add($"{name}: {happened switch
                {
                    PeerConnected e => $"connected {e.Peer.ToShortString()} {e.Address} {(e.Inbound ? "in" : "out")}",
                    PeerDisconnected e => $"disconnected {e.Peer.ToShortString()} {e.Reason}",
                    PeerRefused e => $"refused {e.Address} {e.Code}",
                    _ => happened.GetType().Name,
                }}");
            }
        }
    }
}
