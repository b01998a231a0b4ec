using System.Buffers;

namespace Meshara.Net;

// Where the bytes wait: one buffer that is being filled, one that is being written, both larger on a quick link.
internal sealed partial class Outbox
{
    /// <summary>On a quick link: who sends much is woken once for so much.</summary>
    public const int QuickBufferSize = 256 << 10;

    private const int Headroom = 1024;
    private const int Tailroom = 1024;

    /// <summary>Bytes by which the link's speed is judged: more than a kernel takes at once that sends little on.</summary>
    internal const int Stretch = 512 << 10;

    /// <summary>What they take on a quick link at the most, 64 MB/s. On a slower one, what comes next would wait too long for a large buffer.</summary>
    internal static readonly TimeSpan QuickStretch = TimeSpan.FromMilliseconds(8);

    /// <summary>After such a pause a link is not quick any more: a large buffer for one word would be waste.</summary>
    internal static readonly TimeSpan LongPause = TimeSpan.FromMilliseconds(100);

    private byte[]? _filling;
    private byte[]? _flushing;
    private int _size = BufferSize;
    private int _filled = Headroom;
    private int _frames;
    private bool _hasOpens;
    private TimeSpan? _stretchFrom;
    private int _stretched;
    private TimeSpan _lastTake;

    /// <summary>Bytes in the buffer that is being filled.</summary>
    public int Waiting
    {
        get
        {
            lock (Gate)
            {
                return _filled - Headroom;
            }
        }
    }

    private int BulkEnd => _size - Tailroom;

    private bool HasRoom(int bytes)
    {
        if (_completed || BulkEnd - _filled < bytes)
        {
            return false;
        }

        _filling ??= Rent();
        return true;
    }

    private ReadOnlyMemory<byte> Take()
    {
        if (_control.DoneWritten || (_filled == Headroom && !_control.HasHead && !_control.HasTail))
        {
            Judge(0);
            ReturnBuffers();
            return default;
        }

        Span<byte> head = stackalloc byte[Headroom];
        int headLength = _control.WriteHead(head, _hasOpens);
        _filling ??= Rent();
        int start = Headroom - headLength;
        head[..headLength].CopyTo(_filling.AsSpan(start));
        int end = _filled + _control.WriteTail(_filling.AsSpan(_filled, _size - _filled));
        Judge(end - start);
        Swap();
        _gathers = _frames > 1;
        _frames = 0;
        BytesSent += end - start;
        _completed |= _control.DoneWritten;
        DrainReady();
        _room?.TrySetResult();
        _room = null;
        return _flushing.AsMemory(start, end - start);
    }

    private void Swap()
    {
        (_filling, _flushing) = (_flushing, _filling);
        _filled = Headroom;
        _hasOpens = false;

        // One of the size before.
        if (_filling?.Length != _size)
        {
            Return(ref _filling);
        }
    }

    private byte[] Rent()
    {
        if (_size > BufferSize && _clock.Now - _lastTake > LongPause)
        {
            _size = BufferSize;
        }

        return ArrayPool<byte>.Shared.Rent(_size);
    }

    // Who takes again has written what was taken before. It is called quick after a whole stretch, and slow at once.
    private void Judge(int bytes)
    {
        _lastTake = _clock.Now;
        if (_stretchFrom is { } from)
        {
            bool quick = _lastTake - from <= QuickStretch * Math.Max(1, (double)_stretched / Stretch);
            bool whole = _stretched >= Stretch;
            if (!quick || whole)
            {
                _size = quick ? QuickBufferSize : BufferSize;
                _stretchFrom = null;
            }
        }

        if (bytes == 0)
        {
            _stretchFrom = null;
        }
        else if (_stretchFrom is null)
        {
            _stretchFrom = _lastTake;
            _stretched = 0;
        }

        _stretched += bytes;
    }

    private void ReturnBuffers()
    {
        Return(ref _filling);
        Return(ref _flushing);
        _filled = Headroom;
    }

    private static void Return(ref byte[]? buffer)
    {
        if (buffer is not null)
        {
            ArrayPool<byte>.Shared.Return(buffer);
            buffer = null;
        }
    }
}
