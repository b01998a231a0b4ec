using Meshara.Wire;

namespace Meshara.Net;

/// <summary>The peer's messages of one protocol: handled one at a time, in order (wire protocol section 8.1, kind 0).</summary>
internal sealed class MessageIn(StreamTable table, string protocol) : BodyStream(table, StreamKind.Messages, protocol, opener: false)
{
    // Credit goes back in steps of this, or when what arrived together is done.
    private const int GiveBackStep = 4 << 10;

    private readonly MessageInbox _inbox = new();
    private readonly AsyncSignal _signal = new();
    private bool _dropsRest;
    private bool _finished;
    private bool _useful;

    /// <summary>Ends when the last handler has returned; never faults.</summary>
    public Task Pumped { get; private set; } = Task.CompletedTask;

    /// <summary>Starts to handle messages, after those of the stream before it.</summary>
    public void Start(Task previous)
    {
        HandlerStarts();
        TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Pumped = done.Task;
        Table.Tasks.Start(() => PumpAsync(previous, done));
    }

    protected override void OnData(FrameFlags flags, ReadOnlySpan<byte> data)
    {
        bool end = flags.HasFlag(FrameFlags.EndOfMessage);
        bool acknowledge = flags.HasFlag(FrameFlags.Acknowledge);
        int cost = StreamFrames.CostOf(flags, data.Length);
        if (end && !HasBody && data.Length <= Table.MaxMessage)
        {
            _inbox.Add(data, acknowledge);
        }
        else if (Append(data, cost, end) && end && TryTakeBody(out BodyBuffer body))
        {
            _inbox.Add(body, acknowledge);
        }
        else
        {
            return;
        }

        CountReceived();
        _signal.Set();
    }

    protected override void OnFinished()
    {
        DropBody();
        Volatile.Write(ref _finished, true);
        _signal.Set();
    }

    // RESET drops what waits; when only the link is gone, what was received is still handled.
    protected override void OnAborted(MesharaException error)
    {
        DropBody();
        Volatile.Write(ref _dropsRest, WasReset);
        Volatile.Write(ref _finished, true);
        _signal.Set();
    }

    private async Task PumpAsync(Task previous, TaskCompletionSource done)
    {
        try
        {
            await previous.ConfigureAwait(false);
            while (true)
            {
                // Read before taking, so that nothing that came before the end is left behind.
                bool finished = Volatile.Read(ref _finished);
                MessageInbox.Segment? segment = _inbox.TakeAll();
                if (segment is null)
                {
                    if (finished)
                    {
                        return;
                    }

                    await _signal.WaitAsync().ConfigureAwait(false);
                    continue;
                }

                for (; segment is not null; segment = segment.Next)
                {
                    await HandleAsync(segment).ConfigureAwait(false);
                    CountUseful();
                }
            }
        }
        finally
        {
            Table.OnPumped(this);
            HandlerDone();
            done.TrySetResult();
        }
    }

    // Once for what came together: counting each would be felt at millions a second.
    private void CountUseful()
    {
        if (_useful)
        {
            _useful = false;
            CountUsefulWork();
        }
    }

    private async Task HandleAsync(MessageInbox.Segment segment)
    {
        if (segment.Body is { } body)
        {
            await HandleAsync(body.Bytes, segment.BodyAcknowledge).ConfigureAwait(false);
            Release(body);
            return;
        }

        long cost = 0;
        while (segment.TryRead(out ReadOnlyMemory<byte> message, out bool acknowledge))
        {
            await HandleAsync(message, acknowledge).ConfigureAwait(false);
            cost += StreamFrames.DataCost + message.Length;
            if (cost >= GiveBackStep)
            {
                GiveBack(cost);
                cost = 0;
            }
        }

        segment.Free();
        GiveBack(cost);
    }

    private async ValueTask HandleAsync(ReadOnlyMemory<byte> payload, bool acknowledge)
    {
        if (Volatile.Read(ref _dropsRest))
        {
            return;
        }

        // A node that stops says so to who waits for an ACK, rather than let it wait for the drain deadline.
        long code = Table.Stopping.IsCancellationRequested ? StreamCode.GoingAway : await CallAsync(payload).ConfigureAwait(false);
        while (acknowledge && !Outbox.TryQueueAck(this, code, out Task room))
        {
            await room.ConfigureAwait(false);
        }
    }

    private async ValueTask<long> CallAsync(ReadOnlyMemory<byte> payload)
    {
        if (Table.Handlers.FindMessage(Protocol) is not { } handler)
        {
            Reset(StreamCode.UnknownProtocol, StreamErrors.Local(MesharaErrorCode.UnknownProtocol, $"The handler of '{PeerText.Clean(Protocol)}' was removed."));
            return StreamCode.UnknownProtocol;
        }

        try
        {
            await handler(new Message(Table.PeerId, Protocol, payload), Table.Stopping).ConfigureAwait(false);
            _useful = true;
            return StreamCode.None;
        }
        catch (OperationCanceledException) when (Table.Stopping.IsCancellationRequested)
        {
            return StreamCode.Cancelled;
        }
        catch (Exception fault)
        {
            // A handler's fault is its own: the error is logged and the link lives.
            Table.OnHandlerFault(Protocol, fault);
            return StreamCode.HandlerFailed;
        }
    }
}
