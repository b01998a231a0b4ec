using System.Collections.Concurrent;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests;

/// <summary>Fifty nodes change their keys and nobody is lost.</summary>
public sealed class NodeRotationManyTests
{
    private const int Count = 50;
    private static readonly int[] Steps = [1, 2, 5];
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    [Fact]
    public async Task Rotate_FiftyNodesThatKnowEachOther_AllLinkAgainUnderTheirNewKeys()
    {
        using TempFolder folder = new();
        MemoryTransport memory = new();
        Node[] nodes = new Node[Count];
        ConcurrentQueue<string> wrong = new();
        List<Task> watching = [];
        try
        {
            for (int i = 0; i < Count; i++)
            {
                using NodeIdentity identity = NodeIdentity.LoadOrCreate(Path.Combine(folder[$"{i}"], "identity.pem"));
            }

            await PinAsync(folder);
            await Task.WhenAll(Enumerable.Range(0, Count).Select(async i => nodes[i] = await StartAsync(folder, memory, i, Watch)));
            await LinkedAsync(nodes);

            NodeId[] old = [.. nodes.Select(n => n.Id)];
            PublicKey[] keys = await Task.WhenAll(nodes.Select(n => n.RotateIdentityAsync()));
            Assert.Equal(old, nodes.Select(n => n.Id));
            await LinkedAsync(nodes);
            Assert.DoesNotContain(wrong, static text => text.Contains(nameof(PeerDisconnected), StringComparison.Ordinal));

            // Some one after the other, the rest in groups at once.
            for (int i = 0; i < Count; i += i < 20 ? 1 : 10)
            {
                await Task.WhenAll(Enumerable.Range(i, i < 20 ? 1 : 10).Select(async n =>
                {
                    await nodes[n].DisposeAsync();
                    nodes[n] = await StartAsync(folder, memory, n, Watch);
                }));
            }

            Assert.Equal(keys.Select(k => k.Id), nodes.Select(n => n.Id));
            await LinkedAsync(nodes);
            await Eventually.TrueAsync(() => nodes.All(n => n.ListTrusted().All(pin => keys.Contains(pin.PublicKey))));
            Assert.All(nodes, node => Assert.Equal(2 * Steps.Length, node.ListTrusted().Count));
            Assert.DoesNotContain(wrong, static text => text.StartsWith("refused", StringComparison.Ordinal));
        }
        finally
        {
            await Task.WhenAll(nodes.Where(n => n is not null).Select(n => n.DisposeAsync().AsTask()));
        }

        await Task.WhenAll(watching).WaitAsync(Patience);

        void Watch(Node node)
        {
            lock (watching)
            {
                watching.Add(WatchAsync(node, wrong));
            }
        }

        // The disk says the same as the nodes did.
        for (int i = 0; i < Count; i++)
        {
            Assert.All(TrustFile.Read(folder[$"{i}"]), pin => Assert.Contains(pin.PublicKey, nodes.Select(n => n.PublicKey)));
        }
    }

    // Each pins six others and dials three of them.
    private static Task PinAsync(TempFolder folder)
    {
        PublicKey[] keys = [.. Enumerable.Range(0, Count).Select(i => { using NodeIdentity n = NodeIdentity.Load(Path.Combine(folder[$"{i}"], "identity.pem")); return n.PublicKey; })];
        return Task.WhenAll(Enumerable.Range(0, Count).Select(i =>
        {
            string[] lines =
            [
                .. Steps.Select(s => $"{keys[(i + s) % Count]} node{(i + s) % Count}:1"),
                .. Steps.Select(s => $"{keys[(i + Count - s) % Count]}"),
            ];
            return File.WriteAllLinesAsync(Path.Combine(folder[$"{i}"], "known_peers"), lines);
        }));
    }

    private static Task<Node> StartAsync(TempFolder folder, MemoryTransport memory, int i, Action<Node> onStarting) => Node.StartAsync(new NodeOptions
    {
        Mesh = "test",
        Admission = Admission.KnownPeers,
        DataDirectory = folder[$"{i}"],
        Listen = [$"node{i}:1"],
        Transport = memory,
        Seed = i,
        OnStarting = onStarting,
        Timeouts = new NodeTimeouts { MaxBackoff = TimeSpan.FromSeconds(1), Hello = Patience, Tls = Patience },
    });

    private static async Task LinkedAsync(Node[] nodes)
    {
        DateTimeOffset late = TimeProvider.System.GetUtcNow() + Patience;
        for (int i = 0; i < Count; i++)
        {
            foreach (int step in Steps)
            {
                Node other = nodes[(i + step) % Count];
                while (!NodeBed.AreLinked(nodes[i], other))
                {
                    Assert.True(TimeProvider.System.GetUtcNow() < late, $"{i} and {(i + step) % Count} have no link.");
                    await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
                }
            }
        }
    }

    private static async Task WatchAsync(Node node, ConcurrentQueue<string> wrong)
    {
        await foreach (PeerEvent happened in node.WatchAsync())
        {
            switch (happened)
            {
                case PeerDisconnected e:
                    wrong.Enqueue($"{nameof(PeerDisconnected)} {e.Reason}");
                    break;
                case PeerRefused
                {
                    Code: MesharaErrorCode.NotAdmitted or MesharaErrorCode.PinMismatch or MesharaErrorCode.BadCertificate or MesharaErrorCode.IdentityInUse
                        or MesharaErrorCode.Self or MesharaErrorCode.ProtocolError,
                } e:
                    wrong.Enqueue($"refused {e.Code} {e.Detail}");
                    break;
                case IdentityShared:
                    wrong.Enqueue("refused: identity shared");
                    break;
            }
        }
    }
}
