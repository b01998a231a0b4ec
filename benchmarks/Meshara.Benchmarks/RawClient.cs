using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Meshara.Benchmarks;

/// <summary>The parent's side of a pair of streams, or of one that goes both ways.</summary>
internal sealed class RawClient(Stream incoming, Stream outgoing, IAsyncDisposable connection) : IClient
{
    private readonly RawFrames _frames = new(incoming);
    private readonly RawPacker _packer = new(outgoing);

    public async Task<TimeSpan> RunAsync(Workload workload, long count, double[] roundTrips, CancellationToken cancellationToken)
    {
        byte[] command = new byte[RawServer.CommandSize];
        command[0] = (byte)workload.Shape;
        BinaryPrimitives.WriteInt64BigEndian(command.AsSpan(1), count);

        long start = Clock.Now;
        _packer.TryAdd(command);
        await _packer.FlushAsync(cancellationToken);
        byte[] payload = new byte[workload.Size];
        switch (workload.Shape)
        {
            case Shape.Bulk:
                await WriteAsync(payload, count, cancellationToken);
                break;
            case Shape.Messages:
                await SendAsync(payload, count, cancellationToken);
                break;
            case Shape.RoundTrip:
                await RoundTripsAsync(payload, roundTrips, cancellationToken);
                break;
            default:
                await InFlightAsync(payload, count, workload.Concurrency, cancellationToken);
                break;
        }

        return Clock.Since(start);
    }

    public ValueTask DisposeAsync() => connection.DisposeAsync();

    private async Task WriteAsync(byte[] payload, long count, CancellationToken cancellationToken)
    {
        for (; count > 0; count--)
        {
            await outgoing.WriteAsync(payload, cancellationToken);
        }

        await outgoing.FlushAsync(cancellationToken);
        await ConfirmationAsync(cancellationToken);
    }

    private async Task SendAsync(byte[] payload, long count, CancellationToken cancellationToken)
    {
        for (; count > 0; count--)
        {
            if (!_packer.TryAdd(payload))
            {
                await _packer.FlushAsync(cancellationToken);
                _packer.TryAdd(payload);
            }
        }

        await _packer.FlushAsync(cancellationToken);
        await ConfirmationAsync(cancellationToken);
    }

    private async Task RoundTripsAsync(byte[] payload, double[] times, CancellationToken cancellationToken)
    {
        for (int i = 0; i < times.Length; i++)
        {
            long start = Clock.Now;
            _packer.TryAdd(payload);
            await _packer.FlushAsync(cancellationToken);
            while (!_frames.TryTake(out _))
            {
                await FillAsync(cancellationToken);
            }

            times[i] = Clock.Since(start).TotalMicroseconds;
        }
    }

    // One loop: sends as many as the echoes made room for, then waits for echoes.
    private async Task InFlightAsync(byte[] payload, long count, int window, CancellationToken cancellationToken)
    {
        long sent = 0;
        for (long received = 0; received < count;)
        {
            while (sent < count && sent - received < window)
            {
                if (!_packer.TryAdd(payload))
                {
                    await _packer.FlushAsync(cancellationToken);
                    _packer.TryAdd(payload);
                }

                sent++;
            }

            await _packer.FlushAsync(cancellationToken);
            await FillAsync(cancellationToken);
            while (_frames.TryTake(out _))
            {
                received++;
            }
        }
    }

    private async Task ConfirmationAsync(CancellationToken cancellationToken)
    {
        if (await _frames.TakeAsync(cancellationToken) is not { Length: 4 })
        {
            throw new InvalidDataException("The child did not confirm.");
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask FillAsync(CancellationToken cancellationToken)
    {
        if (!await _frames.FillAsync(cancellationToken))
        {
            throw new EndOfStreamException("The child closed within a workload.");
        }
    }
}

/// <summary>The one clock of all measurements.</summary>
internal static class Clock
{
    public static long Now => TimeProvider.System.GetTimestamp();

    public static TimeSpan Since(long start) => TimeProvider.System.GetElapsedTime(start);
}
