using Meshara.Wire;

namespace Meshara.Net;

/// <summary>A request of this node: its body goes out, the reply comes in (wire protocol section 8.1, kind 1).</summary>
internal sealed class RequestOut(StreamTable table, string protocol) : BodyStream(table, StreamKind.Request, protocol, opener: true)
{
    private readonly TaskCompletionSource<byte[]> _reply = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public async ValueTask<byte[]> SendAsync(ReadOnlyMemory<byte> body, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using CancellationTokenSource deadline = new(timeout, Table.Clock.Provider);
        using CancellationTokenRegistration timer = deadline.Token.UnsafeRegister(static request => ((RequestOut)request!).GiveUp(StreamCode.Timeout), this);
        using CancellationTokenRegistration cancel = cancellationToken.UnsafeRegister(static request => ((RequestOut)request!).GiveUp(StreamCode.Cancelled), this);
        Table.Open(this);
        try
        {
            await Outbox.WriteAsync(this, body, FrameFlags.Fin, null, CancellationToken.None).ConfigureAwait(false);
            CountSent();
        }
        catch (MesharaException)
        {
            // However the stream ended, it is in the reply; and a peer that wants no more of the body (STOP_SENDING) may answer still.
        }

        try
        {
            return await _reply.Task.ConfigureAwait(false);
        }
        catch (MesharaException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
    }

    // A body beyond the peer's limit is not sent at all: what the peer finds too large is its reply, for the limit that this node has told it.
    protected override string TooLarge => StreamErrors.OwnLimit(Table.MaxMessage);

    protected override void OnData(FrameFlags flags, ReadOnlySpan<byte> data) =>
        Append(data, StreamFrames.CostOf(flags, data.Length), last: flags.HasFlag(FrameFlags.Fin));

    protected override void OnFinished()
    {
        if (!TryTakeBody(out BodyBuffer body))
        {
            return;
        }

        byte[] reply = body.Bytes.ToArray();
        Release(body);
        CountUsefulWork();
        _reply.TrySetResult(reply);
    }

    protected override void OnAborted(MesharaException error)
    {
        DropBody();
        _reply.SetObservedException(error);
    }

    private void GiveUp(long code)
    {
        MesharaException error = code == StreamCode.Timeout
            ? new MesharaException(MesharaErrorCode.RequestTimeout, $"{Table.PeerId.ToShortString()} did not answer on '{PeerText.Clean(Protocol)}' in time.", isTransient: true)
            : StreamErrors.Local(MesharaErrorCode.StreamReset, "Cancelled by the caller.");
        Reset(code, error);
        _reply.SetObservedException(error);
    }
}
