using System.Threading.Tasks.Sources;
using Meshara.Wire;

namespace Meshara.Net;

/// <summary>A request of this node: its body goes out, the reply comes in (wire protocol section 8.1, kind 1). It is the source of its caller's task itself.</summary>
internal sealed class RequestOut(StreamTable table, string protocol) : BodyStream(table, StreamKind.Request, protocol, opener: true), IValueTaskSource<byte[]>
{
    private ManualResetValueTaskSourceCore<byte[]> _reply = new() { RunContinuationsAsynchronously = true };
    private RequestDeadlines.Entry _deadline;
    private CancellationToken _cancellationToken;
    private CancellationTokenRegistration _cancel;
    private byte[]? _whole;
    private int _settled;
    private bool _writes = true;

    /// <summary>Its place among <see cref="RequestDeadlines"/>.</summary>
    public ref RequestDeadlines.Entry Deadline => ref _deadline;

    public ValueTask<byte[]> SendAsync(ReadOnlyMemory<byte> body, TimeSpan timeout, CancellationToken cancellationToken)
    {
        _cancellationToken = cancellationToken;
        if (timeout != Timeout.InfiniteTimeSpan)
        {
            Table.Deadlines.Enter(this, timeout);
        }

        _cancel = cancellationToken.UnsafeRegister(static request => ((RequestOut)request!).GiveUp(StreamCode.Cancelled, StreamErrors.Local(MesharaErrorCode.StreamReset, "Cancelled by the caller.")), this);
        ValueTask write;
        try
        {
            write = OpenAndWriteAsync(body);
        }
        catch (MesharaException error)
        {
            Settle(null, error);
            OnWriteEnded();
            return new ValueTask<byte[]>(this, _reply.Version);
        }

        if (!write.IsCompletedSuccessfully)
        {
            return WaitAsync(write);
        }

        OnWriteEnded();
        CountSent();
        return new ValueTask<byte[]>(this, _reply.Version);
    }

    /// <summary>Its time is over.</summary>
    public void OnDeadline() => GiveUp(
        StreamCode.Timeout, new MesharaException(MesharaErrorCode.RequestTimeout, $"{Table.PeerId.ToShortString()} did not answer on '{PeerText.Clean(Protocol)}' in time.", isTransient: true));

    /// <summary>The node has ended.</summary>
    public void OnStopped() => GiveUp(StreamCode.GoingAway, new MesharaException(MesharaErrorCode.NodeStopped, "The node has been stopped."));

    byte[] IValueTaskSource<byte[]>.GetResult(short token) => _reply.GetResult(token);

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

        byte[] reply = _whole ?? body?.Bytes.ToArray() ?? [];
        if (body is not null)
        {
            Release(body);
        }

        CountUsefulWork();
        Settle(reply, null);
    }

    protected override void OnAborted(MesharaException error)
    {
        DropBody();
        Settle(null, error);
    }

    // Opened and written under one hold of the gate.
    private ValueTask OpenAndWriteAsync(ReadOnlyMemory<byte> body)
    {
        lock (Outbox.Gate)
        {
            Table.Open(this);
            return Outbox.WriteAsync(this, body, FrameFlags.Fin, null, CancellationToken.None);
        }
    }

    // The body is the caller's until it is written or given up.
    private async ValueTask<byte[]> WaitAsync(ValueTask write)
    {
        try
        {
            await write.ConfigureAwait(false);
            CountSent();
        }
        catch (MesharaException)
        {
            // However the stream ended, it is in the reply; and a peer that wants no more of the body (STOP_SENDING) may answer still.
        }
        finally
        {
            OnWriteEnded();
        }

        return await new ValueTask<byte[]>(this, _reply.Version).ConfigureAwait(false);
    }

    // A peer may answer before it takes the body: until both are done the caller's time and token hold.
    private void OnWriteEnded()
    {
        Volatile.Write(ref _writes, false);

        // Whoever settled it meanwhile saw a write, or this sees that it is settled.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _settled) != 0)
        {
            StopWaiting();
        }
    }

    private void StopWaiting()
    {
        Table.Deadlines.Leave(this);
        _cancel.Unregister();
    }

    private void GiveUp(long code, MesharaException error)
    {
        Reset(code, error);
        Settle(null, error);
    }

    // The first wins.
    private void Settle(byte[]? reply, MesharaException? error)
    {
        if (Interlocked.Exchange(ref _settled, 1) != 0)
        {
            return;
        }

        if (!Volatile.Read(ref _writes))
        {
            StopWaiting();
        }

        if (reply is not null)
        {
            _reply.SetResult(reply);
        }
        else
        {
            _reply.SetException(_cancellationToken.IsCancellationRequested ? new OperationCanceledException(_cancellationToken) : error!);
        }
    }
}
