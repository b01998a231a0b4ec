using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Meshara.Benchmarks;

/// <summary>The child's side of the streams: one command after the other, each a frame of shape, count and size.</summary>
internal sealed class RawServer(Stream incoming, Stream outgoing)
{
    public const int CommandSize = 1 + sizeof(long);

    private readonly RawFrames _frames = new(incoming);
    private readonly RawPacker _packer = new(outgoing);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (await _frames.TakeAsync(cancellationToken) is { Length: CommandSize } command)
        {
            long count = BinaryPrimitives.ReadInt64BigEndian(command.AsSpan(1));
            await ((Shape)command[0] switch
            {
                Shape.Bulk => SwallowAsync(count * Workload.BulkWrite, cancellationToken),
                Shape.Messages => CountAsync(count, cancellationToken),
                _ => EchoAsync(count, cancellationToken),
            });
        }
    }

    private async Task SwallowAsync(long bytes, CancellationToken cancellationToken)
    {
        while ((bytes -= _frames.Skip(bytes)) > 0)
        {
            await FillAsync(cancellationToken);
        }

        await ConfirmAsync(cancellationToken);
    }

    private async Task CountAsync(long count, CancellationToken cancellationToken)
    {
        while (count > 0)
        {
            while (count > 0 && _frames.TryTake(out _))
            {
                count--;
            }

            if (count > 0)
            {
                await FillAsync(cancellationToken);
            }
        }

        await ConfirmAsync(cancellationToken);
    }

    private async Task EchoAsync(long count, CancellationToken cancellationToken)
    {
        while (count > 0)
        {
            bool full = false;
            while (!full && count > 0 && _frames.TryTake(out ReadOnlySpan<byte> payload))
            {
                full = !_packer.TryAdd(payload);
                if (full)
                {
                    byte[] waiting = payload.ToArray();
                    await _packer.FlushAsync(cancellationToken);
                    _packer.TryAdd(waiting);
                }

                count--;
            }

            await _packer.FlushAsync(cancellationToken);
            if (count > 0 && !full)
            {
                await FillAsync(cancellationToken);
            }
        }
    }

    private async ValueTask ConfirmAsync(CancellationToken cancellationToken)
    {
        _packer.TryAdd("done"u8);
        await _packer.FlushAsync(cancellationToken);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask FillAsync(CancellationToken cancellationToken)
    {
        if (!await _frames.FillAsync(cancellationToken))
        {
            throw new EndOfStreamException("The parent closed within a workload.");
        }
    }
}
