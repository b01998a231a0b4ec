using System.Buffers.Binary;

namespace Meshara.Benchmarks;

/// <summary>Two nodes through the public API, with default limits; each admits the other by its pinned key.</summary>
internal sealed class MesharaCandidate : ICandidate, IDisposable
{
    private readonly Lazy<NodeIdentity> _identity = new(NodeIdentity.Create);

    public string Name => "Meshara";

    public bool Supports(Workload workload) => true;

    public string Introduce() => _identity.Value.PublicKey.ToString();

    public async Task ServeAsync(string parent, Action<string> ready, CancellationToken cancellationToken)
    {
        await using Node node = await Node.StartAsync(Options(listen: true), cancellationToken);
        await node.TrustAsync(PublicKey.Parse(parent), cancellationToken: cancellationToken);
        long received = 0;
        using IDisposable messages = node.Handle(MesharaClient.Messages, (_, _) =>
        {
            received++; // one handler of a protocol runs at a time
            return ValueTask.CompletedTask;
        });
        using IDisposable count = node.HandleRequest(MesharaClient.Count, (_, _) =>
        {
            byte[] reply = new byte[sizeof(long)];
            BinaryPrimitives.WriteInt64BigEndian(reply, Interlocked.Exchange(ref received, 0));
            return ValueTask.FromResult<ReadOnlyMemory<byte>>(reply);
        });
        using IDisposable echo = node.HandleRequest(
            MesharaClient.Echo,
            (message, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(message.Payload.ToArray()));
        using IDisposable bulk = node.HandleStream(MesharaClient.Bulk, SwallowAsync);
        ready(node.Addresses[0].ToString());
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
    }

    public async Task<IClient> ConnectAsync(string address, CancellationToken cancellationToken)
    {
        Node node = await Node.StartAsync(Options(listen: false), cancellationToken);
        NodeId peer = await node.AddPeerAsync(address, cancellationToken: cancellationToken);
        return new MesharaClient(node, peer);
    }

    public void Dispose()
    {
        if (_identity.IsValueCreated)
        {
            _identity.Value.Dispose();
        }
    }

    private static async ValueTask SwallowAsync(MeshStream stream, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[Workload.BulkWrite];
        long total = 0;
        for (int read; (read = await stream.ReadAsync(buffer, cancellationToken)) > 0;)
        {
            total += read;
        }

        BinaryPrimitives.WriteInt64BigEndian(buffer, total);
        await stream.WriteAsync(buffer.AsMemory(0, sizeof(long)), cancellationToken);
        stream.CompleteWrites();
    }

    private NodeOptions Options(bool listen) => new()
    {
        Mesh = "benchmark",
        Identity = _identity.Value,
        Listen = listen ? ["127.0.0.1:0"] : [],
    };
}
