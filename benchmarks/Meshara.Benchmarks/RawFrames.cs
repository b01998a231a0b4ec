using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Meshara.Benchmarks;

/// <summary>Reads frames of a 4-byte length and that many bytes where they lie in one buffer.</summary>
internal sealed class RawFrames(Stream stream)
{
    public const int HeaderSize = 4;

    // Room for a frame that straddles the end of a 64 KiB read.
    private readonly byte[] _buffer = new byte[128 * 1024];
    private int _start;
    private int _end;

    /// <summary>The next whole frame in the buffer. The span is good until the next <see cref="FillAsync"/>.</summary>
    public bool TryTake(out ReadOnlySpan<byte> payload)
    {
        ReadOnlySpan<byte> held = _buffer.AsSpan(_start, _end - _start);
        payload = default;
        if (held.Length < HeaderSize)
        {
            return false;
        }

        int length = BinaryPrimitives.ReadInt32BigEndian(held);
        if ((uint)length > Workload.BulkWrite)
        {
            throw new InvalidDataException($"A frame of {length} bytes.");
        }

        if (held.Length - HeaderSize < length)
        {
            return false;
        }

        payload = held.Slice(HeaderSize, length);
        _start += HeaderSize + length;
        return true;
    }

    /// <summary>Bytes without frames: what is there, at most <paramref name="most"/>.</summary>
    public int Skip(long most)
    {
        int taken = (int)Math.Min(most, _end - _start);
        _start += taken;
        return taken;
    }

    /// <summary>Waits for more bytes. False: the other side has closed.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> FillAsync(CancellationToken cancellationToken)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        int read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken);
        _end += read;
        return read > 0;
    }

    /// <summary>The next frame as a copy, waiting for it. Null: the other side has closed.</summary>
    public async ValueTask<byte[]?> TakeAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            if (TryTake(out ReadOnlySpan<byte> payload))
            {
                return payload.ToArray();
            }

            if (!await FillAsync(cancellationToken))
            {
                return null;
            }
        }
    }
}

/// <summary>Gathers frames in a 64 KiB buffer and writes it when the next does not fit.</summary>
internal sealed class RawPacker(Stream stream)
{
    private readonly byte[] _buffer = new byte[Workload.BulkWrite];
    private int _used;

    public bool TryAdd(ReadOnlySpan<byte> payload)
    {
        Span<byte> free = _buffer.AsSpan(_used);
        if (free.Length < RawFrames.HeaderSize + payload.Length)
        {
            return false;
        }

        BinaryPrimitives.WriteInt32BigEndian(free, payload.Length);
        payload.CopyTo(free[RawFrames.HeaderSize..]);
        _used += RawFrames.HeaderSize + payload.Length;
        return true;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        if (_used > 0)
        {
            await stream.WriteAsync(_buffer.AsMemory(0, _used), cancellationToken);
            _used = 0;
            await stream.FlushAsync(cancellationToken); // the body of a request waits for it; SslStream does nothing
        }
    }
}
