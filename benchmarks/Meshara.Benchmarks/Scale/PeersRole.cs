using System.Globalization;

namespace Meshara.Benchmarks.Scale;

/// <summary>Many nodes in one process, each with an identity of its own; they listen nowhere.</summary>
internal sealed class PeersRole(int count) : IScaleRole
{
    private const int BetweenYields = 64;

    private readonly Node[] _nodes = new Node[count];
    private readonly byte[] _payload = new byte[64];

    public async Task<string> StartAsync()
    {
        await AtOnce.RunAsync(count, async i => _nodes[i] = await StartNodeAsync());
        return string.Join(',', _nodes.Select(n => n.PublicKey.ToString()));
    }

    /// <summary>A node that only dials. Its transport is TCP, but not the class by which a node knows that it shall watch the machine's network and use multicast DNS:
    /// thousands of nodes that do so on one machine are nobody's case.</summary>
    public static Task<Node> StartNodeAsync() => Node.StartAsync(new NodeOptions { Mesh = HubRole.Mesh, Transport = new QuietTcp() });

    public async Task<string> DoAsync(string[] order)
    {
        switch (order)
        {
            case ["connect", string address, string from, string number]:
                int first = int.Parse(from, CultureInfo.InvariantCulture);
                await AtOnce.RunAsync(int.Parse(number, CultureInfo.InvariantCulture), i => _nodes[first + i].AddPeerAsync(address));
                return "ok";
            case ["send", string id, string seconds]:
                return await SendAsync(NodeId.Parse(id), TimeSpan.FromSeconds(double.Parse(seconds, CultureInfo.InvariantCulture)));
            default:
                return ProcessMemory.Collect().ToString();
        }
    }

    public async ValueTask DisposeAsync() => await AtOnce.RunAsync(count, async i => await _nodes[i].DisposeAsync());

    private async Task<string> SendAsync(NodeId hub, TimeSpan duration)
    {
        long start = Clock.Now;
        long[] sent = await Task.WhenAll(_nodes.Select(node => Task.Run(async () =>
        {
            long mine = 0;
            for (; Clock.Since(start) < duration; mine++)
            {
                await node.SendAsync(hub, HubRole.Messages, _payload);
                if (mine % BetweenYields == 0)
                {
                    // 128 producers on a few threads: none of them shall keep the others from sending.
                    await Task.Yield();
                }
            }

            return mine;
        })));
        return sent.Sum().ToString(CultureInfo.InvariantCulture);
    }

    private sealed class QuietTcp : ITransport
    {
        private readonly TcpTransport _tcp = new();

        public ValueTask<TransportListener> ListenAsync(string host, int port, CancellationToken cancellationToken) => _tcp.ListenAsync(host, port, cancellationToken);

        public ValueTask<TransportConnection> ConnectAsync(string host, int port, CancellationToken cancellationToken) => _tcp.ConnectAsync(host, port, cancellationToken);
    }
}
