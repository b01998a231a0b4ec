using System.Buffers;
using Meshara.Testing.Engine;

namespace Meshara.Testing.Network;

/// <summary>One way of a connection: what is under way, in order, and what has arrived and was not read. Its place in the heap is that of what arrives next.</summary>
internal sealed class Direction(Internet net, WireEnd from, WireEnd to, long id) : Scheduled
{
    /// <summary>A writer waits while this much is under way or unread.</summary>
    public const int Window = 256 << 10;

    // Certificates and their signatures differ by a byte or two from run to run: the first writes count the same whatever they hold.
    private const int SteadyWrites = 4;
    private const int SteadyLength = 2048;

    private readonly Queue<Segment> _underWay = new();
    private readonly Queue<Segment> _arrived = new();
    private int _read;
    private int _bytes;
    private int _writes;
    private TimeSpan _lineIsBusyUntil;
    private TimeSpan _last;

    /// <summary>Since when nothing goes through; null: it does.</summary>
    public TimeSpan? HeldSince { get; private set; }

    /// <summary>Bytes that were delivered.</summary>
    public long Delivered { get; private set; }

    /// <summary>Whether a writer may go on.</summary>
    public bool HasRoom => _bytes < Window;

    /// <summary>Whether there is something to read.</summary>
    public bool HasArrived => _arrived.Count > 0;

    public WireEnd From => from;

    public WireEnd To => to;

    /// <summary>Numbers the connection's two ways in the trace.</summary>
    public long Id => id;

    /// <summary>Sends.</summary>
    public void Send(ReadOnlySpan<byte> bytes)
    {
        net.Writes++;
        int counted = ++_writes <= SteadyWrites ? SteadyLength : bytes.Length;
        if (_writes > SteadyWrites)
        {
            net.Trace.Mix(Id, bytes.Length);
        }

        NetworkConditions path = net.PathOf(from.Process.Machine, to.Process.Machine);
        TimeSpan now = net.Time.Now;
        TimeSpan start = _lineIsBusyUntil > now ? _lineIsBusyUntil : now;
        _lineIsBusyUntil = path.BytesPerSecond is { } rate ? start + TimeSpan.FromSeconds((double)counted / rate) : start;
        byte[] copy = ArrayPool<byte>.Shared.Rent(bytes.Length);
        bytes.CopyTo(copy);
        _bytes += bytes.Length;
        Add(new Segment(copy, bytes.Length, _lineIsBusyUntil, Later(_lineIsBusyUntil + path.Draw(from.Process.Machine.Random))));
    }

    /// <summary>Aborts: what is not on the wire yet is gone, and after the rest comes the reset.</summary>
    public void SendReset()
    {
        TimeSpan now = net.Time.Now;
        TakeBack();
        Add(new Segment(null, 0, now, Later(now + net.PathOf(from.Process.Machine, to.Process.Machine).Draw(from.Process.Machine.Random))));
    }

    /// <summary>What is not on the wire yet never will be.</summary>
    public void TakeBack()
    {
        TimeSpan now = net.Time.Now;
        _last = now;
        for (int count = _underWay.Count; count > 0; count--)
        {
            Segment segment = _underWay.Dequeue();
            if (segment.Leaves > now || segment.IsReset)
            {
                Drop(segment);
            }
            else
            {
                _last = segment.Arrives;
                _underWay.Enqueue(segment);
            }
        }

        if (_underWay.Count == 0)
        {
            net.Time.Cancel(this);
            HeldSince = null;
        }
    }

    /// <summary>Reads what has arrived.</summary>
    public int Read(Span<byte> buffer)
    {
        int count = 0;
        while (count < buffer.Length && _arrived.TryPeek(out Segment segment))
        {
            int piece = Math.Min(buffer.Length - count, segment.Length - _read);
            segment.Bytes.AsSpan(_read, piece).CopyTo(buffer[count..]);
            count += piece;
            _read += piece;
            if (_read == segment.Length)
            {
                _read = 0;
                Drop(_arrived.Dequeue());
            }
        }

        if (count > 0 && HasRoom)
        {
            from.RoomMade();
        }

        return count;
    }

    /// <summary>Nobody reads any more.</summary>
    public void Discard()
    {
        while (_arrived.TryDequeue(out Segment segment))
        {
            Drop(segment);
        }
    }

    /// <summary>Nothing of it is left: the connection is over.</summary>
    public void Clear()
    {
        net.Time.Cancel(this);
        HeldSince = null;
        Discard();
        while (_underWay.TryDequeue(out Segment segment))
        {
            Drop(segment);
        }
    }

    /// <summary>What was held comes, as the sender's system tries again.</summary>
    public void Release(TimeSpan after)
    {
        if (HeldSince is not null && _underWay.TryPeek(out Segment head))
        {
            HeldSince = null;
            TimeSpan at = net.Time.Now + after;
            net.Time.Schedule(this, at > head.Arrives ? at : head.Arrives);
        }
    }

    public override void Fire()
    {
        TimeSpan now = net.Time.Now;
        bool came = false;
        while (_underWay.TryPeek(out Segment segment) && segment.Arrives <= now)
        {
            if (!net.Carries(this))
            {
                HeldSince = now;
                break;
            }

            _underWay.Dequeue();
            if (segment.IsReset)
            {
                to.ResetArrived();
                return;
            }

            if (to.IsOrphan)
            {
                // The system of that machine knows nothing of this connection.
                Drop(segment);
                to.RefuseOrphan();
                return;
            }

            came |= Arrived(segment);
        }

        if (HeldSince is null && _underWay.TryPeek(out Segment next))
        {
            net.Time.Schedule(this, next.Arrives);
        }

        if (came)
        {
            to.Arrived();
        }
    }

    private bool Arrived(Segment segment)
    {
        Delivered += segment.Length;
        if (to.IsClosed)
        {
            Drop(segment);
            return false;
        }

        _arrived.Enqueue(segment);
        return true;
    }

    private TimeSpan Later(TimeSpan due) => _last = due > _last ? due : _last;

    private void Add(Segment segment)
    {
        _underWay.Enqueue(segment);
        if (!IsDue && HeldSince is null)
        {
            net.Time.Schedule(this, segment.Arrives);
        }
    }

    private void Drop(Segment segment)
    {
        if (segment.Bytes is not null)
        {
            _bytes -= segment.Length;
            ArrayPool<byte>.Shared.Return(segment.Bytes);
        }
    }
}
