using System.Buffers.Binary;

using Meshara.Testing.Engine;
using Meshara.Testing.Network;

namespace Meshara.Simulator;

/// <summary>Two nodes dial each other at nearly the same moment, again and again, with other delays each time (hostile-inputs H17).</summary>
internal sealed class SimultaneousDials(VirtualTime time, Trace trace, Random random)
{
    private const int MessagesEachWay = 10;

    private readonly Dictionary<string, List<int>> _received = new(StringComparer.Ordinal) { ["a"] = [], ["b"] = [] };
    private readonly Dictionary<string, int> _connected = new(StringComparer.Ordinal) { ["a"] = 0, ["b"] = 0 };
    private int _collisions;
    private readonly Dictionary<string, int> _lost = new(StringComparer.Ordinal) { ["a"] = 0, ["b"] = 0 };

    public static async Task RunAsync(int seed, int rounds, VirtualTime time, Trace trace)
    {
        Random random = new(seed);
        using NodeIdentity aKey = SeededIdentity.Create(seed, "a");
        using NodeIdentity bKey = SeededIdentity.Create(seed, "b");
        SimultaneousDials self = new(time, trace, random);
        SlowTransport network = new(new MemoryTransport(), time, random, maxMilliseconds: 10);
        await using Node a = await self.StartAsync("a", aKey, network, seed);
        await using Node b = await self.StartAsync("b", bKey, network, seed);
        Task[] watching = [self.WatchAsync("a", a), self.WatchAsync("b", b)];
        for (int round = 0; round < rounds; round++)
        {
            await self.RunRoundAsync(round, a, b);
        }

        await a.DisposeAsync();
        await b.DisposeAsync();
        await Task.WhenAll(watching);
        trace.Add($"collisions {self._collisions}");
    }

    private async Task RunRoundAsync(int round, Node a, Node b)
    {
        foreach (string name in (string[])["a", "b"])
        {
            _received[name].Clear();
            _connected[name] = 0;
            _lost[name] = 0;
        }

        await a.TrustAsync(b.PublicKey);
        await b.TrustAsync(a.PublicKey);
        await Task.WhenAll(DialAndTalkAsync(a, "b:1", b), DialAndTalkAsync(b, "a:1", a));

        // Both ends know of every link by now, and of every end of one.
        await Task.Delay(TimeSpan.FromMilliseconds(500), time);
        Check(round, "a", a, b);
        Check(round, "b", b, a);
        await Task.WhenAll(a.RemovePeerAsync(b.Id), b.RemovePeerAsync(a.Id));
        await Task.Delay(TimeSpan.FromMilliseconds(500), time);
        trace.Add($"round {round}");
    }

    private async Task DialAndTalkAsync(Node from, string address, Node to)
    {
        await Task.Delay(TimeSpan.FromMilliseconds(random.Next(80)), time);
        NodeId id = await from.AddPeerAsync(address, to.PublicKey);
        for (int i = 0; i < MessagesEachWay; i++)
        {
            byte[] number = new byte[sizeof(int)];
            BinaryPrimitives.WriteInt32LittleEndian(number, i);
            await from.SendAsync(id, "n", number, acknowledged: i == MessagesEachWay - 1);
        }
    }

    private void Check(int round, string name, Node node, Node other)
    {
        bool onePeer = node.ListPeers() is [{ } peer] && peer.Id == other.Id;
        bool oneLink = _connected[name] == 1 && _lost[name] == 0;
        bool allOnce = _received[name].SequenceEqual(Enumerable.Range(0, MessagesEachWay));
        if (!onePeer || !oneLink || !allOnce)
        {
            throw new InvalidOperationException(
                $"Round {round}, {name}: {node.ListPeers().Count} peers, {_connected[name]} links came and {_lost[name]} went, received {string.Join(' ', _received[name])}.");
        }
    }

    private async Task<Node> StartAsync(string name, NodeIdentity identity, ITransport network, int seed)
    {
        return await Node.StartAsync(new NodeOptions
        {
            Mesh = "simulation",
            Identity = identity,
            Listen = [$"{name}:1"],
            Transport = network,
            TimeProvider = time,
            Seed = seed,
            OnStarting = node => node.Handle("n", (message, _) =>
            {
                _received[name].Add(BinaryPrimitives.ReadInt32LittleEndian(message.Payload.Span));
                return ValueTask.CompletedTask;
            }),
        });
    }

    private async Task WatchAsync(string name, Node node)
    {
        await foreach (PeerEvent happened in node.WatchAsync())
        {
            _connected[name] += happened is PeerConnected ? 1 : 0;
            _lost[name] += happened is PeerDisconnected ? 1 : 0;
            _collisions += happened is PeerRefused { Code: MesharaErrorCode.Duplicate, ByPeer: true } ? 1 : 0;
        }
    }
}
