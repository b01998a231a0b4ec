using System.Buffers;
using System.Buffers.Binary;

namespace Meshara.Net;

/// <summary>
/// Messages that arrived and wait for their handler, small ones packed into rented segments. The credit of the stream bounds it.
/// The read loop adds, and hands over what arrived together at once: a lock for each message would be felt at millions a second.
/// </summary>
internal sealed class MessageInbox
{
    // Segments follow what comes: one that is filled makes the next larger, since the pool keeps but few of each size; one that is not,
    // or a large message, smaller, so that a peer cannot hold much more memory than its credit.
    private const int Smallest = 256;
    private const int Largest = 64 << 10;
    private const int Step = 4;

    // As many are in use by turns when messages come without a break; without their buffers they are small.
    private const int MaxSpares = 16;

    // The read loop's alone, until handed over.
    private Segment? _first;
    private Segment? _last;
    private Segment? _ownSpares;
    private int _size = Smallest;

    private readonly Lock _sync = new();
    private Segment? _spares;
    private int _spareCount;
    private Segment? _head;
    private Segment? _tail;
    private bool _closed;

    /// <summary>Adds a message that came in one frame. The read loop's, as are the next two.</summary>
    public void Add(ReadOnlySpan<byte> data, bool acknowledge)
    {
        int size = Segment.EntryHeader + data.Length;
        if (_last is null || !_last.HasRoom(size))
        {
            _size = _last is { Body: null } ? Math.Min(Step * _size, Largest) : _size;
            Append(NewSegment(Math.Max(size, _size)));
        }

        _last!.Add(data, acknowledge);
    }

    /// <summary>Adds a message that came in pieces.</summary>
    public void Add(BodyBuffer body, bool acknowledge)
    {
        _size = Smallest;
        Append(new Segment(body, acknowledge));
    }

    /// <summary>Hands over what was added.</summary>
    /// <returns>What nobody will take, since the inbox is closed; null: nothing.</returns>
    public Segment? Flush()
    {
        (Segment? first, Segment? last) = (_first, _last);
        _first = _last = null;
        if (first is null)
        {
            return null;
        }

        lock (_sync)
        {
            if (_closed)
            {
                return first;
            }

            if (_ownSpares is null)
            {
                (_ownSpares, _spares, _spareCount) = (_spares, null, 0);
            }

            if (_tail is null && first == last && first.IsAlmostEmpty)
            {
                _size = Math.Max(_size / Step, Smallest);
            }

            // Else each message that comes alone would have a segment, which is more than what it costs of credit.
            if (_tail?.TryAbsorb(first) == true)
            {
                Segment absorbed = first;
                first = first.Next;
                (absorbed.Next, _ownSpares) = (_ownSpares, absorbed);
            }
            else if (_tail is { Body: null } && first.Body is null)
            {
                _size = Math.Min(Step * _size, Largest);
            }

            if (first is null)
            {
                return null;
            }

            if (_tail is null)
            {
                _head = first;
            }
            else
            {
                _tail.Next = first;
            }

            _tail = last;
            return null;
        }
    }

    /// <summary>Nobody takes any more.</summary>
    /// <returns>What waits still; null: nothing.</returns>
    public Segment? Close()
    {
        lock (_sync)
        {
            _closed = true;
            return TakeAll();
        }
    }

    /// <summary>All that waits, oldest first; null when nothing does.</summary>
    /// <param name="used">Those of small messages that earlier calls gave, and that are freed now: they may be used again.</param>
    public Segment? TakeAll(Segment? used = null)
    {
        lock (_sync)
        {
            while (used is not null && _spareCount < MaxSpares)
            {
                Segment spare = used;
                used = used.Next;
                (spare.Next, _spares) = (_spares, spare);
                _spareCount++;
            }

            Segment? head = _head;
            _head = _tail = null;
            return head;
        }
    }

    private Segment NewSegment(int size)
    {
        if (_ownSpares is not { } segment)
        {
            return new Segment(size);
        }

        _ownSpares = segment.Next;
        segment.Next = null;
        segment.Rent(size);
        return segment;
    }

    private void Append(Segment segment)
    {
        if (_last is null)
        {
            _first = segment;
        }
        else
        {
            _last.Next = segment;
        }

        _last = segment;
    }

    /// <summary>Some small messages, or one large.</summary>
    internal sealed class Segment
    {
        /// <summary>Length and the ACK flag.</summary>
        public const int EntryHeader = 5;

        private byte[] _buffer = [];
        private int _written;
        private int _read;

        public Segment(int size) => Rent(size);

        public Segment(BodyBuffer body, bool acknowledge)
        {
            Body = body;
            BodyAcknowledge = acknowledge;
        }

        public Segment? Next { get; set; }

        public BodyBuffer? Body { get; }

        public bool BodyAcknowledge { get; }

        /// <summary>Makes one that has been freed ready for messages again.</summary>
        public void Rent(int size) => _buffer = ArrayPool<byte>.Shared.Rent(size);

        /// <summary>Bytes that it holds for small messages.</summary>
        public int Capacity => _buffer.Length;

        /// <summary>Much smaller would have done.</summary>
        public bool IsAlmostEmpty => 2 * Step * _written < _buffer.Length;

        public bool HasRoom(int size) => _buffer.Length - _written >= size;

        public void Add(ReadOnlySpan<byte> data, bool acknowledge)
        {
            BinaryPrimitives.WriteInt32LittleEndian(_buffer.AsSpan(_written), data.Length);
            _buffer[_written + 4] = acknowledge ? (byte)1 : (byte)0;
            data.CopyTo(_buffer.AsSpan(_written + EntryHeader));
            _written += EntryHeader + data.Length;
        }

        /// <summary>Takes over what another segment of small messages has, which is freed; false: no room, or one of the two is a large message.</summary>
        public bool TryAbsorb(Segment next)
        {
            if (Body is not null || next.Body is not null || !HasRoom(next._written))
            {
                return false;
            }

            next._buffer.AsSpan(0, next._written).CopyTo(_buffer.AsSpan(_written));
            _written += next._written;
            next.Free();
            return true;
        }

        public bool TryRead(out ReadOnlyMemory<byte> message, out bool acknowledge)
        {
            message = default;
            acknowledge = false;
            if (_read == _written)
            {
                return false;
            }

            int length = BinaryPrimitives.ReadInt32LittleEndian(_buffer.AsSpan(_read));
            acknowledge = _buffer[_read + 4] != 0;
            message = _buffer.AsMemory(_read + EntryHeader, length);
            _read += EntryHeader + length;
            return true;
        }

        public void Free()
        {
            if (_buffer.Length > 0)
            {
                ArrayPool<byte>.Shared.Return(_buffer);
                _buffer = [];
                _written = _read = 0;
            }
        }
    }
}
