using System.Buffers.Binary;

using Meshara.Testing;

namespace Meshara.Simulator;

/// <summary>Two nodes dial each other at nearly the same moment, again and again, with other delays each time (hostile-inputs H17).</summary>
internal sealed class SimultaneousDials(SimulatedNetwork sim)
{
    private const int MessagesEachWay = 10;

    private readonly Dictionary<string, List<int>> _received = new(StringComparer.Ordinal) { ["a"] = [], ["b"] = [] };
    private readonly Dictionary<string, int> _connected = new(StringComparer.Ordinal) { ["a"] = 0, ["b"] = 0 };
    private readonly Dictionary<string, int> _lost = new(StringComparer.Ordinal) { ["a"] = 0, ["b"] = 0 };
    private int _collisions;

    public static async Task RunAsync(int seed, int rounds)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        SimultaneousDials self = new(sim);
        sim.Everywhere.Latency = TimeSpan.Zero;
        sim.Everywhere.Jitter = 10.Milliseconds();
        SimulatedNode a = await sim.StartNodeAsync("a", o => self.Options("a", o));
        SimulatedNode b = await sim.StartNodeAsync("b", o => self.Options("b", o));
        Task[] watching = [self.WatchAsync(a), self.WatchAsync(b)];
        for (int round = 0; round < rounds; round++)
        {
            await self.RunRoundAsync(round, a, b);
        }

        await a.StopAsync();
        await b.StopAsync();
        await Task.WhenAll(watching);
        sim.Note($"collisions {self._collisions}");
    }

    private async Task RunRoundAsync(int round, SimulatedNode a, SimulatedNode b)
    {
        foreach (string name in (string[])["a", "b"])
        {
            _received[name].Clear();
            _connected[name] = 0;
            _lost[name] = 0;
        }

        await a.Node.TrustAsync(b.Node.PublicKey);
        await b.Node.TrustAsync(a.Node.PublicKey);
        await Task.WhenAll(DialAndTalkAsync(a, b), DialAndTalkAsync(b, a));

        // Both ends know of every link by now, and of every end of one.
        await sim.RunForAsync(500.Milliseconds());
        Check(round, a, b);
        Check(round, b, a);
        await Task.WhenAll(a.Node.RemovePeerAsync(b.Id), b.Node.RemovePeerAsync(a.Id));
        await sim.RunForAsync(500.Milliseconds());
        sim.Note($"round {round}");
    }

    private async Task DialAndTalkAsync(SimulatedNode from, SimulatedNode to)
    {
        await Task.Delay(TimeSpan.FromMilliseconds(sim.Random.Next(80)), sim.Time);
        NodeId id = await from.Node.AddPeerAsync(new PeerAddress(to.Address.ToString(), PeerAddress.DefaultPort), to.Node.PublicKey);
        for (int i = 0; i < MessagesEachWay; i++)
        {
            byte[] number = new byte[sizeof(int)];
            BinaryPrimitives.WriteInt32LittleEndian(number, i);
            await from.Node.SendAsync(id, "n", number, acknowledged: i == MessagesEachWay - 1);
        }
    }

    private void Check(int round, SimulatedNode node, SimulatedNode other)
    {
        IReadOnlyList<PeerInfo> peers = node.Node.ListPeers();
        bool onePeer = peers is [{ } peer] && peer.Id == other.Id;
        bool oneLink = _connected[node.Name] == 1 && _lost[node.Name] == 0;
        bool allOnce = _received[node.Name].SequenceEqual(Enumerable.Range(0, MessagesEachWay));
        if (!onePeer || !oneLink || !allOnce)
        {
            throw new SimulationException(
                $"Round {round}, {node}: {peers.Count} peers, {_connected[node.Name]} links came and {_lost[node.Name]} went, received {string.Join(' ', _received[node.Name])}.");
        }
    }

    private NodeOptions Options(string name, NodeOptions options) => options with
    {
        Admission = Admission.KnownPeers,
        Discovery = options.Discovery with { BootstrapNodes = [] },

        // A thousand connections from one address within a quarter of an hour are too many for a stranger.
        Accept = options.Accept with { TrustedRanges = ["20.0.0.0/8"] },
        OnStarting = node => node.Handle("n", (message, _) =>
        {
            _received[name].Add(BinaryPrimitives.ReadInt32LittleEndian(message.Payload.Span));
            return ValueTask.CompletedTask;
        }),
    };

    private async Task WatchAsync(SimulatedNode node)
    {
        await foreach (PeerEvent happened in node.Node.WatchAsync())
        {
            _connected[node.Name] += happened is PeerConnected ? 1 : 0;
            _lost[node.Name] += happened is PeerDisconnected ? 1 : 0;
            _collisions += happened is PeerRefused { Code: MesharaErrorCode.Duplicate, ByPeer: true } ? 1 : 0;
        }
    }
}
