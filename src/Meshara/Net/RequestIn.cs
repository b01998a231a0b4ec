using Meshara.Wire;

namespace Meshara.Net;

/// <summary>A request of the peer: once its body is complete its handler runs, and what it returns goes back.</summary>
internal sealed class RequestIn(StreamTable table, string protocol) : BodyStream(table, StreamKind.Request, protocol, opener: false)
{
    private readonly CancellationTokenSource _cancel = new();
    private bool _serving;

    protected override void OnData(FrameFlags flags, ReadOnlySpan<byte> data) =>
        Append(data, StreamFrames.CostOf(flags, data.Length), last: flags.HasFlag(FrameFlags.Fin));

    protected override void OnFinished()
    {
        Table.Counters.AddReceivedMessage();
        HandlerStarts();
        Volatile.Write(ref _serving, true);
        BodyBuffer body = TakeBody();
        Table.Tasks.Start(() => ServeAsync(body));
    }

    // On the pool, because callbacks of the token are the application's and must not run in the read loop.
    protected override void OnAborted(MesharaException error)
    {
        DropBody();
        if (Volatile.Read(ref _serving))
        {
            Table.Tasks.Start(_cancel.CancelAsync);
        }
    }

    private async Task ServeAsync(BodyBuffer body)
    {
        try
        {
            if (Table.Handlers.FindRequest(Protocol) is not { } handler)
            {
                Reset(StreamCode.UnknownProtocol, StreamErrors.Local(MesharaErrorCode.UnknownProtocol, "No handler."));
                return;
            }

            ReadOnlyMemory<byte> reply = await handler(new Message(Table.PeerId, Protocol, body.Bytes), _cancel.Token).ConfigureAwait(false);
            if (reply.Length > Table.PeerMaxMessage)
            {
                throw new MesharaException(MesharaErrorCode.MessageTooLarge, $"The reply has {reply.Length} bytes; {Table.PeerId.ToShortString()} accepts {Table.PeerMaxMessage}.");
            }

            await Outbox.WriteAsync(this, reply, FrameFlags.Fin, null, _cancel.Token).ConfigureAwait(false);
        }
        catch (Exception) when (_cancel.IsCancellationRequested)
        {
            // Cancelled by the peer, by a lost link or by shutdown: nobody waits for an answer.
            Reset(StreamCode.Cancelled, StreamErrors.Local(MesharaErrorCode.StreamReset, "Cancelled."));
        }
        catch (Exception fault)
        {
            Table.OnHandlerFault(Protocol, fault);
            bool tooLarge = fault is MesharaException { Code: MesharaErrorCode.MessageTooLarge };
            Reset(tooLarge ? StreamCode.MessageTooLarge : StreamCode.HandlerFailed, StreamErrors.Local(MesharaErrorCode.HandlerFailed, "The handler threw."));
        }
        finally
        {
            Release(body);
            HandlerDone();
        }
    }
}
