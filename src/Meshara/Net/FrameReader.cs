using System.Buffers;
using System.Runtime.CompilerServices;
using Meshara.Wire;

namespace Meshara.Net;

/// <summary>Cuts a stream into frames where they lie in one rented buffer (wire protocol section 4).</summary>
/// <remarks>One user at a time: take frames until there is none, then fill.</remarks>
internal sealed class FrameReader(Stream stream) : IDisposable
{
    // Enough for what a link says that has nothing to do; one that fills it gets the next.
    private const int InitialCapacity = 4 << 10;
    private const int FullCapacity = 32 << 10;
    private const int MaxFrame = FrameCodec.HeaderSize + FrameCodec.MaxPayload;

    private byte[] _buffer = [];

    // The buffer while nothing is in it and the next byte is waited for: whoever takes it has it.
    private byte[]? _spare;
    private int _start;
    private int _end;
    private int _needed;
    private bool _filling;
    private bool _wasFilled;
    private bool _disposed;

    /// <summary>Whether a frame has begun and not ended; at the end of the stream: whether it was cut off.</summary>
    public bool HasPartial => _end > _start;

    /// <summary>Bytes that have come and are not taken.</summary>
    public int Buffered => _end - _start;

    /// <summary>Size of the buffer now; 0 when it has been given back.</summary>
    public int Capacity => _buffer.Length > 0 ? _buffer.Length : Volatile.Read(ref _spare)?.Length ?? 0;

    /// <summary>Takes the next complete frame. The payload is valid until the next call of any method.</summary>
    /// <param name="maxPayload">Most that a payload may have now; a longer one throws as soon as its header is here.</param>
    /// <param name="header">The frame's header.</param>
    /// <param name="payload">The frame's payload.</param>
    /// <returns>False: more bytes are needed.</returns>
    /// <exception cref="WireException">The header breaks a rule. The stream cannot be read further.</exception>
    public bool TryTake(int maxPayload, out FrameHeader header, out ReadOnlySpan<byte> payload)
    {
        ReadOnlySpan<byte> available = _buffer.AsSpan(_start, _end - _start);
        if (FrameCodec.TryReadHeader(available, maxPayload, out header))
        {
            int length = FrameCodec.HeaderSize + header.Length;
            if (available.Length >= length)
            {
                payload = available[FrameCodec.HeaderSize..length];
                _start += length;
                _needed = 0;
                return true;
            }

            _needed = length;
        }

        payload = default;
        return false;
    }

    /// <summary>Reads what there is, at least one byte. False: end of stream.</summary>
    /// <exception cref="IOException">The connection broke.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> FillAsync(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!HasPartial)
        {
            // A read of no bytes waits without a buffer, so that a link where nothing comes need not keep one.
            _start = _end = 0;
            if (_buffer.Length > 0 && !_filling)
            {
                Volatile.Write(ref _spare, _buffer);
            }

            // One that a read has failed on is left to the garbage collector.
            _buffer = [];
            _filling = false;
            await stream.ReadAsync(Memory<byte>.Empty, cancellationToken).ConfigureAwait(false);
            _buffer = Interlocked.Exchange(ref _spare, null) ?? ArrayPool<byte>.Shared.Rent(InitialCapacity);
        }

        MakeRoom();
        _filling = true;
        int read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken).ConfigureAwait(false);

        // Left true when the read throws: the stream may write to the buffer still, so it is not given back.
        _filling = false;
        _end += read;
        _wasFilled = _end == _buffer.Length;
        return read > 0;
    }

    /// <summary>Gives the buffer back while the next byte is waited for; nothing happens at other times. From any thread.</summary>
    public void Rest()
    {
        if (Interlocked.Exchange(ref _spare, null) is { } spare)
        {
            Return(spare);
        }
    }

    /// <summary>Forgets what was read and not taken.</summary>
    public void Discard() => _start = _end = _needed = 0;

    /// <summary>Gives the buffer back. Not while <see cref="FillAsync"/> runs: then the buffer is left to the garbage collector.</summary>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        Discard();
        Rest();
        if (!_filling && _buffer.Length > 0)
        {
            Return(_buffer);
        }

        _buffer = [];
    }

    private void MakeRoom()
    {
        int rest = _end - _start;
        int wanted = Math.Max(_needed, _wasFilled ? FullCapacity : rest + 1);
        if (wanted > _buffer.Length)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(wanted > FullCapacity ? MaxFrame : FullCapacity);
            _buffer.AsSpan(_start, rest).CopyTo(larger);
            Return(_buffer);
            _buffer = larger;
        }
        else if (_start > 0)
        {
            _buffer.AsSpan(_start, rest).CopyTo(_buffer);
        }

        _start = 0;
        _end = rest;
    }

    // It held decrypted payload.
    private static void Return(byte[] buffer) => ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
}
