using System.Buffers.Binary;
using System.Net.Security;

namespace Meshara.Benchmarks;

/// <summary>The parent's side of the bare stream.</summary>
internal sealed class RawClient(SslStream stream) : IClient
{
    private readonly RawFrames _frames = new(stream);
    private readonly RawPacker _packer = new(stream);

    public async Task<Sample> RunAsync(Workload workload, long count, CancellationToken cancellationToken)
    {
        byte[] command = new byte[RawServer.CommandSize];
        command[0] = (byte)workload.Shape;
        BinaryPrimitives.WriteInt64BigEndian(command.AsSpan(1), count);

        long start = Clock.Now;
        _packer.TryAdd(command);
        await _packer.FlushAsync(cancellationToken);
        byte[] payload = new byte[workload.Size];
        double[] roundTrips = [];
        switch (workload.Shape)
        {
            case Shape.Bulk:
                await WriteAsync(payload, count, cancellationToken);
                break;
            case Shape.Messages:
                await SendAsync(payload, count, cancellationToken);
                break;
            case Shape.RoundTrip:
                roundTrips = await RoundTripsAsync(payload, (int)count, cancellationToken);
                break;
            default:
                await InFlightAsync(payload, count, workload.Concurrency, cancellationToken);
                break;
        }

        return new Sample(Clock.Since(start), roundTrips);
    }

    public ValueTask DisposeAsync() => stream.DisposeAsync();

    private async Task WriteAsync(byte[] payload, long count, CancellationToken cancellationToken)
    {
        for (; count > 0; count--)
        {
            await stream.WriteAsync(payload, cancellationToken);
        }

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

    private async Task<double[]> RoundTripsAsync(byte[] payload, int count, CancellationToken cancellationToken)
    {
        double[] times = new double[count];
        for (int i = 0; i < count; i++)
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

        return times;
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
