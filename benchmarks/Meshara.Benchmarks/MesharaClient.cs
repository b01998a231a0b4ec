using System.Buffers.Binary;

namespace Meshara.Benchmarks;

/// <summary>The parent's node.</summary>
internal sealed class MesharaClient(Node node, NodeId peer) : IClient
{
    public const string Messages = "benchmark/messages";
    public const string Count = "benchmark/count";
    public const string Echo = "benchmark/echo";
    public const string Bulk = "benchmark/bulk";

    public async Task<TimeSpan> RunAsync(Workload workload, long count, double[] roundTrips, CancellationToken cancellationToken)
    {
        byte[] payload = new byte[workload.Size];
        long start = Clock.Now;
        switch (workload.Shape)
        {
            case Shape.Bulk:
                await WriteAsync(payload, count, cancellationToken);
                break;
            case Shape.Messages:
                await workload.ShareAsync(count, share => SendAsync(payload, share, cancellationToken));
                await ConfirmAsync(payload, count, cancellationToken);
                break;
            case Shape.RoundTrip:
                await RoundTripsAsync(payload, roundTrips, cancellationToken);
                break;
            default:
                await workload.ShareAsync(count, share => RequestAsync(payload, share, cancellationToken));
                break;
        }

        return Clock.Since(start);
    }

    public ValueTask DisposeAsync() => node.DisposeAsync();

    private async Task WriteAsync(byte[] payload, long count, CancellationToken cancellationToken)
    {
        long expected = count * payload.Length;
        await using MeshStream stream = await node.OpenStreamAsync(peer, Bulk, cancellationToken);
        for (; count > 0; count--)
        {
            await stream.WriteAsync(payload, cancellationToken);
        }

        stream.CompleteWrites();
        byte[] reply = new byte[sizeof(long)];
        await stream.ReadExactlyAsync(reply, cancellationToken);
        Check(expected, reply);
    }

    private async Task SendAsync(byte[] payload, long count, CancellationToken cancellationToken)
    {
        for (; count > 0; count--)
        {
            await node.SendAsync(peer, Messages, payload, cancellationToken);
        }
    }

    // Messages of a protocol keep their order: when the last is acknowledged, all are handled.
    private async Task ConfirmAsync(byte[] payload, long count, CancellationToken cancellationToken)
    {
        await node.SendAsync(peer, Messages, payload, acknowledged: true, cancellationToken);
        Check(count + 1, await node.RequestAsync(peer, Count, Array.Empty<byte>(), cancellationToken: cancellationToken));
    }

    private async Task RoundTripsAsync(byte[] payload, double[] times, CancellationToken cancellationToken)
    {
        for (int i = 0; i < times.Length; i++)
        {
            long start = Clock.Now;
            await node.RequestAsync(peer, Echo, payload, cancellationToken: cancellationToken);
            times[i] = Clock.Since(start).TotalMicroseconds;
        }
    }

    private async Task RequestAsync(byte[] payload, long count, CancellationToken cancellationToken)
    {
        for (; count > 0; count--)
        {
            await node.RequestAsync(peer, Echo, payload, cancellationToken: cancellationToken);
        }
    }

    private static void Check(long expected, byte[] reply)
    {
        long actual = BinaryPrimitives.ReadInt64BigEndian(reply);
        if (actual != expected)
        {
            throw new InvalidDataException($"The child received {actual}, not {expected}.");
        }
    }
}
