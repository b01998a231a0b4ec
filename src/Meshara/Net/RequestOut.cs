using System.Threading.Tasks.Sources;
using Meshara.Wire;

namespace Meshara.Net;

/// <summary>A request of this node: its body goes out, the reply comes in (wire protocol section 8.1, kind 1). It is the source of its caller's task itself.</summary>
internal sealed class RequestOut(StreamTable table, string protocol) : BodyStream(table, StreamKind.Request, protocol, opener: true), IAwaited, IValueTaskSource<byte[]>
{
    private const int ByLink = 1;
    private const int ByReader = 2;
    private const int ByCaller = 4;

    private ManualResetValueTaskSourceCore<byte[]> _reply;
    private RequestDeadlines.Entry _deadline;
    private CancellationToken _cancellationToken;
    private CancellationTokenRegistration _cancel;
    private byte[]? _whole;
    private byte[] _arrived = [];
    private Exception? _error;
    private Body? _body;
    private int _settled;
    private int _done;
    private bool _reusable = true;
    private int _letGo;

    /// <summary>Its place among <see cref="RequestDeadlines"/>.</summary>
    public ref RequestDeadlines.Entry Deadline => ref _deadline;

    /// <summary>Makes a spare stream one for the next request.</summary>
    public void Reuse(string protocol)
    {
        Renew(protocol, spare: null);
        _settled = _done = _letGo = 0;
        _reusable = true;
    }

    public ValueTask<byte[]> SendAsync(ReadOnlyMemory<byte> body, TimeSpan timeout, CancellationToken cancellationToken)
    {
        _cancellationToken = cancellationToken;
        if (timeout != Timeout.InfiniteTimeSpan)
        {
            Table.Deadlines.Enter(this, timeout);
        }

        _cancel = cancellationToken.UnsafeRegister(static request => ((RequestOut)request!).GiveUp(StreamCode.Cancelled, StreamErrors.Local(MesharaErrorCode.StreamReset, "Cancelled by the caller.")), this);
        try
        {
            Table.Write(this, body, _body ??= new Body(this));
        }
        catch (MesharaException error)
        {
            Fail(error);
            OnDone(here: true);
        }

        return new ValueTask<byte[]>(this, _reply.Version);
    }

    /// <summary>All of the body is in the buffer.</summary>
    public void OnWritten()
    {
        CountSent();
        OnDone(here: true);
    }

    /// <summary>Its time is over.</summary>
    public void OnDeadline() => GiveUp(
        StreamCode.Timeout, new MesharaException(MesharaErrorCode.RequestTimeout, $"{Table.PeerId.ToShortString()} did not answer on '{PeerText.Clean(Protocol)}' in time.", isTransient: true));

    /// <summary>The node has ended.</summary>
    public void OnStopped() => GiveUp(StreamCode.GoingAway, new MesharaException(MesharaErrorCode.NodeStopped, "The node has been stopped."));

    void IAwaited.Queue() => Hand(here: false);

    void IAwaited.Run() => Hand(here: true);

    byte[] IValueTaskSource<byte[]>.GetResult(short token)
    {
        byte[] reply = _reply.GetResult(token);
        LetGo(ByCaller);
        return reply;
    }

    ValueTaskSourceStatus IValueTaskSource<byte[]>.GetStatus(short token) => _reply.GetStatus(token);

    void IValueTaskSource<byte[]>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _reply.OnCompleted(continuation, state, token, flags);

    // A body beyond the peer's limit is not sent at all: what the peer finds too large is its reply, for the limit that this node has told it.
    protected override string TooLarge => StreamErrors.OwnLimit(Table.MaxMessage);

    protected override void OnData(FrameFlags flags, ReadOnlySpan<byte> data)
    {
        bool last = flags.HasFlag(FrameFlags.Fin);
        if (last && !HasBody && data.Length <= Table.MaxMessage)
        {
            _whole = data.ToArray();
        }
        else
        {
            Append(data, StreamFrames.CostOf(flags, data.Length), last);
        }
    }

    protected override void OnFinished()
    {
        if (!TryTakeBody(out BodyBuffer? body))
        {
            return;
        }

        // The pump may end it, where the body waits still, while the read loop, which has looked it up, is about to give it credit.
        _reusable &= Volatile.Read(ref _done) > 0;
        _arrived = _whole ?? body?.Bytes.ToArray() ?? [];
        if (body is not null)
        {
            // Who looks after large bodies may have it in hand.
            _reusable = false;
            Release(body);
        }

        CountUsefulWork();
        if (TrySettle() && IsDone())
        {
            StopWaiting();
            Table.OnArrived(this);
        }
    }

    protected override void OnAborted(MesharaException error)
    {
        DropBody();
        Fail(error);
    }

    protected override void OnEnded() => LetGo(ByLink);

    // Written and settled: whoever comes second hands the reply over. A peer may answer before it takes the body,
    // which is the caller's until it is written or given up: until both are done the caller's time and token hold.
    private bool IsDone() => Interlocked.Increment(ref _done) == 2;

    private void OnDone(bool here)
    {
        if (!IsDone())
        {
            return;
        }

        if (here)
        {
            StopAndHand();
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(static request => request.StopAndHand(), this, preferLocal: false);
        }
    }

    private void StopAndHand()
    {
        StopWaiting();
        Hand(here: false);
    }

    private void StopWaiting()
    {
        // Who has just taken it out of line, or is in the callback, will call it still.
        bool late = !Table.Deadlines.Leave(this);
        late |= !_cancel.Unregister() && _cancellationToken.CanBeCanceled;
        if (late)
        {
            _reusable = false;
        }
    }

    // When all three have let go, nobody knows it any more.
    private void LetGo(int who)
    {
        int before = Interlocked.Or(ref _letGo, who);
        if (before != (before | who) && (before | who) == (ByLink | ByReader | ByCaller) && _reusable)
        {
            _reply.Reset();
            (_whole, _arrived, _cancellationToken, _cancel) = (null, [], default, default);
            Table.Spare(this);
        }
    }

    private void GiveUp(long code, MesharaException error)
    {
        Reset(code, error);
        Fail(error);
    }

    private void Hand(bool here)
    {
        _reply.RunContinuationsAsynchronously = !here;
        if (_error is null)
        {
            _reply.SetResult(_arrived);
        }
        else
        {
            _reply.SetException(_error);
        }

        // Not before: the source is still at work when its caller has the reply already.
        LetGo(ByReader);
    }

    private void Fail(MesharaException error)
    {
        if (TrySettle())
        {
            _error = _cancellationToken.IsCancellationRequested ? new OperationCanceledException(_cancellationToken) : error;
            OnDone(here: true);
        }
    }

    // The first wins.
    private bool TrySettle() => Interlocked.Exchange(ref _settled, 1) == 0;

    /// <summary>The body, when it has to wait.</summary>
    private sealed class Body(RequestOut request) : PendingWrite
    {
        // Under the gate, where nobody's code may run that the reply is handed to.
        public override void Finish()
        {
            request.CountSent();
            request.OnDone(here: false);
        }

        public override void Fail(Exception error) => request.OnDone(here: false);
    }
}
