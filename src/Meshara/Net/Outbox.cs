using Meshara.Wire;

namespace Meshara.Net;

/// <summary>
/// Everything on its way out of one link. Producers copy frames straight into one buffer under a lock while the pump writes the other to TLS;
/// what finds no room or no credit waits with its stream, and streams that wait take turns.
/// </summary>
internal sealed partial class Outbox
{
    /// <summary>One TLS write, wire protocol section 7.4; and what is filled meanwhile, but on a quick link.</summary>
    public const int BufferSize = 64 << 10;

    /// <summary>Most bytes of one DATA frame sent: one TLS record.</summary>
    public const int MaxChunk = 16 << 10;

    private const int MaxQueuedAcks = 64;

    // So many producers that wait at a time allocate nothing for it.
    private const int MaxSpareWrites = 8;

    // A fragment smaller than this is not worth its frame.
    private const int MinFragment = 1024;

    private readonly AsyncSignal _signal = new();
    private readonly ControlQueue _control = new();
    private readonly Queue<LinkStream> _ready = new();
    private readonly NodeClock _clock;
    private readonly long _wholeCost;
    private readonly Stack<AwaitedWrite> _spareWrites = new();
    private TaskCompletionSource? _room;
    private bool _gathers;
    private bool _pumpWaits;
    private bool _held;
    private int _lender;
    private bool _completed;
    private long _writeSince = -1;

    /// <summary>An empty outbox; <see cref="PumpAsync"/> starts it.</summary>
    /// <param name="clock">The node's clock.</param>
    /// <param name="peerWindow">The peer's initial window: up to half of it, a message waits for credit rather than be cut in pieces.</param>
    public Outbox(NodeClock clock, long peerWindow)
    {
        _clock = clock;
        _wholeCost = peerWindow / 2;
    }

    /// <summary>Guards the outbox and the sending side of every stream of the link.</summary>
    public Lock Gate { get; } = new();

    public long BytesSent { get; private set; }

    /// <summary>Writes that have been waited for and may be used again.</summary>
    public int SpareWrites
    {
        get
        {
            lock (Gate)
            {
                return _spareWrites.Count;
            }
        }
    }

    /// <summary>Since when the pump has been in one write; null when it is not.</summary>
    public TimeSpan? WriteSince => Volatile.Read(ref _writeSince) is >= 0 and long ticks ? new TimeSpan(ticks) : null;

    /// <summary>Changes what is to be said, under the gate, and wakes the pump.</summary>
    public void Say(Action<ControlQueue> what)
    {
        lock (Gate)
        {
            what(_control);
            WakePump();
        }
    }

    /// <summary>Answers a PING; false when an earlier one had not been answered yet.</summary>
    public bool TrySayPong(ulong nonce)
    {
        lock (Gate)
        {
            bool first = _control.TryPong(nonce);
            WakePump();
            return first;
        }
    }

    /// <summary>Under the gate.</summary>
    public void SayGoodbye(byte[] frame)
    {
        _control.Goodbye(frame);
        WakePump();
    }

    /// <summary>Under the gate.</summary>
    public void SayMaxStreams(long count)
    {
        _control.MaxStreams(count);
        WakePump();
    }

    /// <summary>DONE goes out after everything else, and the pump ends. Under the gate.</summary>
    public void SayDone()
    {
        _control.DonePending = true;
        WakePump();
    }

    public void SayWindow(LinkStream stream, long increment)
    {
        lock (Gate)
        {
            if (!stream.IsOver)
            {
                _control.Window(stream, increment);
                WakePump();
            }
        }
    }

    /// <summary>Writes DATA, or lets it wait behind what the stream has waiting. The result ends when all bytes are copied.</summary>
    public ValueTask WriteAsync(LinkStream stream, ReadOnlyMemory<byte> data, FrameFlags flags, AckWaiter? ack, CancellationToken cancellationToken)
    {
        lock (Gate)
        {
            if (TryWriteNow(stream, data.Span, flags, ack))
            {
                return ValueTask.CompletedTask;
            }
        }

        return WaitAsync(stream, data, flags, ack, cancellationToken);
    }

    private ValueTask WaitAsync(LinkStream stream, ReadOnlyMemory<byte> data, FrameFlags flags, AckWaiter? ack, CancellationToken cancellationToken)
    {
        AwaitedWrite? pending;
        lock (Gate)
        {
            stream.ThrowIfCannotSend();
            cancellationToken.ThrowIfCancellationRequested();
            if (!_spareWrites.TryPop(out pending))
            {
                pending = new AwaitedWrite(this);
            }

            pending.Begin(data, flags, ack, _clock.Now);
            pending.Await(stream, cancellationToken);
            Enqueue(stream, pending);
        }

        pending.Register();
        return pending.Task;
    }

    /// <summary>Nobody uses it any more.</summary>
    public void Spare(AwaitedWrite write)
    {
        lock (Gate)
        {
            if (_spareWrites.Count < MaxSpareWrites)
            {
                _spareWrites.Push(write);
            }
        }
    }

    /// <summary>Writes DATA whole, or nothing. Under the gate: who has it already and asks here does not pay for it again.</summary>
    public bool TryWriteNow(LinkStream stream, ReadOnlySpan<byte> data, FrameFlags flags, AckWaiter? ack)
    {
        stream.ThrowIfCannotSend();
        if (!stream.IsOpen || stream.HasPending || !TryWriteWhole(stream, data, flags, ack))
        {
            return false;
        }

        WakePump();
        return true;
    }

    /// <summary>Writes DATA whole; false: <paramref name="otherwise"/> waits behind what the stream has waiting, and hears of its end, which may be now. Under the gate.</summary>
    public bool TryWrite(LinkStream stream, ReadOnlyMemory<byte> data, FrameFlags flags, PendingWrite otherwise)
    {
        if (TryWriteNow(stream, data.Span, flags, null))
        {
            return true;
        }

        otherwise.Begin(data, flags, null, _clock.Now);
        Enqueue(stream, otherwise);
        return false;
    }

    /// <summary>Ends the direction after what waits; never blocks. Under the gate.</summary>
    public void Finish(LinkStream stream)
    {
        stream.SendEnded = true;
        PendingWrite fin = new();
        fin.Begin(ReadOnlyMemory<byte>.Empty, FrameFlags.Fin, null, _clock.Now);
        Enqueue(stream, fin);
    }

    /// <summary>The stream has a RESET or STOP_SENDING to send. Under the gate.</summary>
    public void End(LinkStream stream)
    {
        _control.Ending(stream);
        WakePump();
    }

    /// <summary>Queues the ACK of the next message of the stream. False: so many wait that the handler should too, until <paramref name="room"/> ends.</summary>
    public bool TryQueueAck(LinkStream stream, long code, out Task room)
    {
        room = Task.CompletedTask;

        // Asked and promised under one hold of the gate: a swap of buffers in between would be the last, and the promise never kept.
        lock (Gate)
        {
            if (stream.IsOver || stream.WasReset || _completed)
            {
                return true;
            }

            if (stream.AcksQueued >= MaxQueuedAcks)
            {
                _room ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                room = _room.Task;
                return false;
            }

            stream.QueueAck(code);
            _control.Ending(stream);
            WakePump();
            return true;
        }
    }

    /// <summary>Writes OPEN if there is room. Under the gate; the stream has its id.</summary>
    public bool TryWriteOpen(LinkStream stream)
    {
        if (!HasRoom(StreamFrames.MaxControlFrame))
        {
            return false;
        }

        _filled += StreamFrames.WriteOpen(_filling.AsSpan(_filled), stream.Id, stream.Kind, stream.Protocol);
        _hasOpens = true;
        WakePump();
        return true;
    }

    /// <summary>The stream may send more (credit came, or it has just been opened). Under the gate.</summary>
    public void Resume(LinkStream stream)
    {
        if (stream.HasPending)
        {
            MakeReady(stream);
            DrainReady();
            WakePump();
        }
    }

    /// <summary>Nothing more is sent; the pump ends after what it is writing.</summary>
    public void Complete()
    {
        lock (Gate)
        {
            _completed = true;
            WakePump();
        }
    }

    private void Enqueue(LinkStream stream, PendingWrite pending)
    {
        stream.Pending.AddLast(pending.Node);
        MakeReady(stream);
        DrainReady();
        WakePump();
    }

    private void MakeReady(LinkStream stream)
    {
        if (!stream.InReady && stream.IsOpen)
        {
            stream.InReady = true;
            _ready.Enqueue(stream);
        }
    }

    // Streams that wait take turns, one frame each.
    private void DrainReady()
    {
        while (_ready.TryPeek(out LinkStream? stream))
        {
            if (!HasRoom(StreamFrames.MaxDataOverhead + MinFragment))
            {
                return;
            }

            _ready.Dequeue();
            bool more = stream.FirstPending is { } first && TryWriteOne(stream, first);
            stream.InReady = more;
            if (more)
            {
                _ready.Enqueue(stream);
            }
        }
    }

    // Writes one frame of what waits first; false when the stream can go on only after WINDOW or has nothing more.
    private bool TryWriteOne(LinkStream stream, PendingWrite pending)
    {
        int room = BulkEnd - _filled - StreamFrames.MaxDataOverhead;
        int rest = pending.Rest.Length;
        bool finOnly = rest == 0 && pending.Flags == FrameFlags.Fin;
        long credit = stream.SendCredit - StreamFrames.DataCost;
        int length = (int)Math.Min(Math.Min(rest, MaxChunk), Math.Min(room, Math.Max(0, credit)));
        bool waitsForCredit = !finOnly && (credit < 0 || (length < rest && (length == 0 || WaitsForWhole(stream, pending, credit))));
        if (waitsForCredit)
        {
            return false;
        }

        bool last = length == rest;
        WriteData(stream, pending.Rest.Span[..length], last ? pending.Flags : FrameFlags.None, finOnly ? 0 : StreamFrames.DataCost + length);
        pending.Advance(length, _clock.Now);
        if (last)
        {
            stream.Pending.RemoveFirst();
            stream.OnWritten(pending.Flags, pending.Ack);
            pending.Finish();
        }

        return stream.HasPending;
    }

    // Small messages are not cut for want of credit: the peer gives it back in time, and need not put pieces together.
    private bool WaitsForWhole(LinkStream stream, PendingWrite pending, long credit) =>
        stream.Kind != StreamKind.Bytes && !pending.Started && credit < pending.Rest.Length && pending.Rest.Length + StreamFrames.DataCost <= _wholeCost;

    private bool TryWriteWhole(LinkStream stream, ReadOnlySpan<byte> data, FrameFlags flags, AckWaiter? ack)
    {
        long cost = StreamFrames.DataCost + data.Length;
        if (data.Length > MaxChunk || cost > stream.SendCredit || _ready.Count > 0 || !HasRoom(StreamFrames.MaxDataOverhead + data.Length))
        {
            return false;
        }

        WriteData(stream, data, flags, data.Length == 0 && flags == FrameFlags.Fin ? 0 : cost);
        stream.OnWritten(flags, ack);
        return true;
    }

    private void WriteData(LinkStream stream, ReadOnlySpan<byte> data, FrameFlags flags, long cost)
    {
        _filled += StreamFrames.WriteData(_filling.AsSpan(_filled), flags, stream.Id, data);
        stream.SendCredit -= cost;
        _frames++;
    }

    /// <summary>Its caller does not wait any more.</summary>
    // A message of which a part is out cannot be taken back without ending its stream: it goes on from a copy. Anything else can.
    public void Cancel(LinkStream stream, AwaitedWrite pending)
    {
        lock (Gate)
        {
            if (pending.Node.List is null)
            {
                return;
            }

            if (pending.Started && stream.Kind != StreamKind.Bytes)
            {
                pending.Detach();
            }
            else
            {
                stream.Pending.Remove(pending.Node);

                // What was behind it may be small enough for the credit there is.
                Resume(stream);
            }
        }

        pending.Cancel();
    }
}
