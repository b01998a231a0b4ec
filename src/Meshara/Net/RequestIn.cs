using Meshara.Wire;

namespace Meshara.Net;

/// <summary>A request of the peer: once its body is complete its handler runs, and what it returns goes back.</summary>
internal sealed class RequestIn(StreamTable table, string protocol) : BodyStream(table, StreamKind.Request, protocol, opener: false), IAwaited, IThreadPoolWorkItem
{
    private readonly CancellationTokenSource _cancel = new();
    private BodyBuffer? _request;
    private bool _serving;

    /// <summary>Makes a spare stream one for the next request; the read loop's, as its creation is.</summary>
    public void Reuse(string protocol)
    {
        Renew(protocol, _request);
        _request = null;
        Volatile.Write(ref _serving, false);
    }

    void IAwaited.Queue() => Table.Tasks.Queue(this);

    void IAwaited.Run() => Execute();

    void IThreadPoolWorkItem.Execute() => Execute();

    protected override void OnData(FrameFlags flags, ReadOnlySpan<byte> data) =>
        Append(data, StreamFrames.CostOf(flags, data.Length), last: flags.HasFlag(FrameFlags.Fin));

    protected override void OnFinished()
    {
        if (!TryTakeBody(out BodyBuffer? body))
        {
            return;
        }

        _request = body;

        CountReceived();
        HandlerStarts();

        // Now, so that a node that ends waits for it.
        Table.Tasks.Begin();
        Volatile.Write(ref _serving, true);
        Table.OnArrived(this);

        // Whoever ends the stream at this moment saw no handler to cancel, or this sees the end.
        Interlocked.MemoryBarrier();
        if (WasReset)
        {
            Table.Tasks.Start(_cancel.CancelAsync);
        }
    }

    // On the pool, because callbacks of the token are the application's and must not run in the read loop.
    protected override void OnAborted(MesharaException error)
    {
        DropBody();
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _serving))
        {
            Table.Tasks.Start(_cancel.CancelAsync);
        }
    }

    // The places' pools may know a body that has asked for one, who looks after replies that are not taken one that has waited, and who has cancelled the token.
    protected override void OnEnded()
    {
        if (_request?.Place is null && !HasWaited && _cancel.TryReset())
        {
            Table.Spare(this);
        }
    }

    private void Execute() => Table.Tasks.Hold(ServeAsync());

    private async Task ServeAsync()
    {
        try
        {
            if (await CallAsync(_request?.Bytes ?? default).ConfigureAwait(false) is { } reply)
            {
                await Table.WriteAsync(this, reply, _cancel.Token).ConfigureAwait(false);
            }
        }
        catch (Exception error) when (error is MesharaException or OperationCanceledException)
        {
            // The peer wants no answer any more (RESET, STOP_SENDING), or the link is gone: no fault of the handler.
        }
        finally
        {
            if (_request is not null)
            {
                Release(_request);
            }

            HandlerDone();
        }
    }

    // Null: there is no reply, and the stream has been ended.
    private async ValueTask<ReadOnlyMemory<byte>?> CallAsync(ReadOnlyMemory<byte> body)
    {
        if (Table.Handlers.FindRequest(Protocol) is not { } handler)
        {
            Reset(StreamCode.UnknownProtocol, StreamErrors.Local(MesharaErrorCode.UnknownProtocol, "No handler."));
            return null;
        }

        try
        {
            ReadOnlyMemory<byte> reply = await handler(new Message(Table.PeerId, Protocol, body), _cancel.Token).ConfigureAwait(false);
            if (reply.Length <= Table.PeerMaxMessage)
            {
                CountUsefulWork();
                return reply;
            }

            Table.OnHandlerFault(Protocol, new MesharaException(MesharaErrorCode.MessageTooLarge, $"The reply on '{PeerText.Clean(Protocol)}' has {reply.Length} bytes, too many for {Table.PeerId.ToShortString()}. That node takes at most {Table.PeerMaxMessage} bytes (its LinkLimits.MaxMessage)."));
            Reset(StreamCode.MessageTooLarge, StreamErrors.Local(MesharaErrorCode.MessageTooLarge, "The reply is too large."));
        }
        catch (Exception) when (_cancel.IsCancellationRequested)
        {
            // Cancelled by the peer, by a lost link or by shutdown: nobody waits for an answer.
            Reset(StreamCode.Cancelled, StreamErrors.Local(MesharaErrorCode.StreamReset, "Cancelled."));
        }
        catch (Exception fault)
        {
            Table.OnHandlerFault(Protocol, fault);
            Reset(StreamCode.HandlerFailed, StreamErrors.Local(MesharaErrorCode.HandlerFailed, "The handler threw."));
        }

        return null;
    }
}
