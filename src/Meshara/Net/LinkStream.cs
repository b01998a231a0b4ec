using Meshara.Wire;

namespace Meshara.Net;

/// <summary>
/// One stream of a link: its ends, its credit, and what waits to be sent (wire protocol section 8). The shapes derive from it.
/// </summary>
/// <remarks>
/// <code>
///              OPEN                FIN or RESET sent: SendClosed
///  waiting ──────────▶ open ─────────────────────────────────────▶ over, when both are closed
///                                 FIN or RESET received: RecvClosed    and every ACK is settled
/// </code>
/// The sending side and the ends are guarded by the outbox's gate; what arrives is handled by the link's one read loop.
/// </remarks>
internal abstract partial class LinkStream
{
    // Made when the first of them comes: a request needs none, and there are many requests.
    private Queue<AckWaiter>? _ackWaiters;
    private Queue<long>? _acks;
    private LinkedList<PendingWrite>? _pending;
    private volatile bool _ignoresData;
    private long? _reset;
    private long? _stop;
    private int _acksOwed;
    private bool _handlerRuns;

    protected LinkStream(StreamTable table, StreamKind kind, string protocol, bool opener)
    {
        Table = table;
        Kind = kind;
        Protocol = protocol;
        IsReserved = ProtocolName.IsReserved(protocol);
        IsOpener = opener;
        SendCredit = table.PeerInitialWindow;
        Window = table.NewWindow();
        RecvClosed = kind == StreamKind.Messages && opener;
        SendClosed = SendEnded = kind == StreamKind.Messages && !opener;
    }

    public StreamKind Kind { get; }

    public string Protocol { get; private set; }

    /// <summary>One of the node's own protocols: no work of the application's.</summary>
    public bool IsReserved { get; private set; }

    public bool IsOpener { get; }

    /// <summary>Credit of the direction towards this node.</summary>
    public ReceiveWindow Window { get; }

    public ulong Id { get; set; }

    /// <summary>OPEN is written or has been received.</summary>
    public bool IsOpen { get; set; }

    public bool IsOver { get; private set; }

    /// <summary>The application sends no more.</summary>
    public bool SendEnded { get; set; }

    /// <summary>FIN or RESET is written or about to be.</summary>
    public bool SendClosed { get; private set; }

    public bool RecvClosed { get; private set; }

    /// <summary>This node sent RESET or STOP_SENDING: what still arrives is dropped.</summary>
    public bool IgnoresData
    {
        get => _ignoresData;
        private set => _ignoresData = value;
    }

    public bool WasReset { get; private set; }

    /// <summary>What waits to be sent; to look for some, <see cref="HasPending"/> and <see cref="FirstPending"/>.</summary>
    public LinkedList<PendingWrite> Pending => _pending ??= [];

    /// <summary>Something has had to wait.</summary>
    public bool HasWaited => _pending is not null;

    public bool HasPending => _pending is { Count: > 0 };

    public PendingWrite? FirstPending => _pending?.First?.Value;

    /// <summary>ACKs to be written.</summary>
    public int AcksQueued => _acks?.Count ?? 0;

    public long SendCredit { get; set; }

    public long PendingWindow { get; set; }

    public bool InReady { get; set; }

    public bool InEndings { get; set; }

    protected StreamTable Table { get; }

    protected Outbox Outbox => Table.Outbox;

    private bool IsKind0Acceptor => Kind == StreamKind.Messages && !IsOpener;

    /// <summary>What writes throw since the peer, the link or a drain ended this node's direction, and since when. There before any waiter is told.</summary>
    public (MesharaException Error, TimeSpan At)? SendFailure { get; private set; }

    /// <summary>Under the gate.</summary>
    public void ThrowIfCannotSend()
    {
        if (SendFailure is { } failure)
        {
            throw failure.Error;
        }

        if (SendEnded)
        {
            throw new InvalidOperationException("Writing has been completed on this stream.");
        }
    }

    /// <summary>The last frame of a write is in the buffer. Under the gate.</summary>
    public void OnWritten(FrameFlags flags, AckWaiter? ack)
    {
        if (ack is not null)
        {
            (_ackWaiters ??= new()).Enqueue(ack);
        }

        if (flags.HasFlag(FrameFlags.Fin))
        {
            SendEnded = SendClosed = true;
            CheckOver();
        }
    }

    /// <summary>Under the gate.</summary>
    public void QueueAck(long code) => (_acks ??= new()).Enqueue(code);

    /// <summary>Under the gate.</summary>
    public long TakeAck() => _acks!.Dequeue();

    /// <summary>Under the gate.</summary>
    public void OnAckWritten()
    {
        _acksOwed--;
        CheckOver();
    }

    public long? TakeReset()
    {
        (long? code, _reset) = (_reset, null);
        return code;
    }

    public long? TakeStopSending()
    {
        (long? code, _stop) = (_stop, null);
        return code;
    }

    /// <summary>Ends this node's direction once what waits is sent.</summary>
    /// <param name="error">What a later write throws; null: that writing was completed.</param>
    public void Finish(MesharaException? error = null)
    {
        lock (Outbox.Gate)
        {
            if (!SendEnded)
            {
                SendFailure ??= error is null ? null : (error, Table.Clock.Now);
                Outbox.Finish(this);
            }
        }
    }

    /// <summary>OPEN is written; what had to wait for it may follow. Under the gate.</summary>
    public void OnOpened()
    {
        IsOpen = true;
        if (_stop is not null)
        {
            Outbox.End(this);
        }

        Outbox.Resume(this);
    }

    /// <summary>Ends the stream in both directions. Returns false if it had ended.</summary>
    public bool Reset(long code, MesharaException error)
    {
        if (!TryReset(code, error))
        {
            return false;
        }

        OnAborted(error);
        return true;
    }

    private bool TryReset(long code, MesharaException error)
    {
        lock (Outbox.Gate)
        {
            if (IsOver || WasReset)
            {
                return false;
            }

            WasReset = true;
            IgnoresData = true;
            FailSending(error);
            SendEnded = SendClosed = true;
            _acksOwed = 0;
            _acks?.Clear();
            if (IsOpen)
            {
                _reset = code;
                Outbox.End(this);
                CheckOver();
            }
            else
            {
                IsOver = true;
                Table.OnUnopened();
            }

            return true;
        }
    }

    /// <summary>Asks the peer to send no more; what still arrives is dropped.</summary>
    public void StopSending(long code)
    {
        lock (Outbox.Gate)
        {
            if (!RecvClosed && !IgnoresData)
            {
                IgnoresData = true;
                _stop = code;
                if (IsOpen)
                {
                    Outbox.End(this);
                }
            }
        }
    }

    /// <summary>The link is gone.</summary>
    public void OnLinkDown(MesharaException error)
    {
        lock (Outbox.Gate)
        {
            FailSending(error);
            SendEnded = SendClosed = RecvClosed = IsOver = true;
            Window.Close();
        }

        OnAborted(error);
    }

    /// <summary>A handler works on this stream: its place is not given back before <see cref="HandlerDone"/>.</summary>
    public void HandlerStarts() => _handlerRuns = true;

    public void HandlerDone()
    {
        lock (Outbox.Gate)
        {
            _handlerRuns = false;
            if (IsOver && IsOpen)
            {
                End();
            }
        }
    }

    /// <summary>Which limit a peer means that says "too large".</summary>
    protected virtual string TooLarge => StreamErrors.PeersLimit(Table.PeerMaxMessage);

    /// <summary>Bytes of a frame that was paid for with credit.</summary>
    protected abstract void OnData(FrameFlags flags, ReadOnlySpan<byte> data);

    /// <summary>The peer sends no more.</summary>
    protected abstract void OnFinished();

    /// <summary>The stream ended by RESET or with the link. Called outside the gate; quick, and never throws.</summary>
    protected abstract void OnAborted(MesharaException error);

    /// <summary>The stream ended in both directions as it was meant to, and what it has may be used again. Under the gate.</summary>
    protected virtual void OnEnded()
    {
    }

    /// <summary>Makes a stream that <see cref="OnEnded"/> was told of as if it were new.</summary>
    protected void Renew(string protocol)
    {
        if (!ReferenceEquals(protocol, Protocol))
        {
            Protocol = protocol;
            IsReserved = ProtocolName.IsReserved(protocol);
        }

        SendCredit = Table.PeerInitialWindow;
        Window.Renew();
        IsOpen = IsOver = SendEnded = SendClosed = RecvClosed = false;
    }

    /// <summary>What was received has been used; the peer may send as much again.</summary>
    protected void GiveBack(long cost)
    {
        if (!RecvClosed && !IgnoresData && Window.GiveBack(cost) is > 0 and long increment)
        {
            Outbox.SayWindow(this, increment);
        }
    }

    private MesharaException FromPeer(long code) => StreamErrors.FromReset(Table.PeerId, Protocol, code, TooLarge);

    private void CheckOver()
    {
        bool acksSettled = WasReset || (_ackWaiters is not { Count: > 0 } && _acksOwed == 0);
        if (IsOver || !SendClosed || !RecvClosed || !acksSettled)
        {
            return;
        }

        IsOver = true;
        Table.OnOver(this);
        if (!_handlerRuns)
        {
            End();
        }
    }

    // Not before the handler is done with what it was sent: until then that takes memory of the link's budget, and a place.
    private void End()
    {
        Window.Close();
        Table.OnEnded(this);
        if (EndedPlainly)
        {
            OnEnded();
        }
    }

    // Nothing but the stream's own user knows it any more: no queue of the outbox has it, and none that waited can still ask for it.
    private bool EndedPlainly =>
        !WasReset && !IgnoresData && SendFailure is null && !HasPending && _acks is null && _ackWaiters is null && PendingWindow == 0 && !InReady && !InEndings;

    private void FailSending(MesharaException error)
    {
        SendFailure ??= (error, Table.Clock.Now);
        FailPending(error);
        while (_ackWaiters?.TryDequeue(out AckWaiter? waiter) == true)
        {
            waiter.SetObservedException(error);
        }
    }

    private void FailPending(MesharaException error)
    {
        while (_pending?.First is { } first)
        {
            // Out of line before anybody hears of it.
            _pending.RemoveFirst();
            first.Value.Fail(error);
        }
    }
}
