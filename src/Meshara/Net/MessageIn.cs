using Meshara.Wire;

namespace Meshara.Net;

/// <summary>The peer's messages of one protocol: handled one at a time, in order (wire protocol section 8.1, kind 0).</summary>
internal sealed class MessageIn(StreamTable table, string protocol) : BodyStream(table, StreamKind.Messages, protocol, opener: false)
{
    // Credit goes back in steps of this, or when what arrived together is done.
    private const int GiveBackStep = 4 << 10;

    private readonly MessageInbox _inbox = new();
    private readonly AsyncSignal _signal = new();
    private int _work;
    private bool _dropsRest;
    private bool _finished;
    private bool _useful;
    private long _code;
    private Func<Message, CancellationToken, ValueTask>? _handler;
    private int _handlerVersion;

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

    /// <summary>What has arrived since the last time may be handled now.</summary>
    public void Flush()
    {
        Drop(_inbox.Flush());
        _signal.Set();
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
        else if (Append(data, cost, end) && end && TryTakeBody(out BodyBuffer? body))
        {
            _inbox.Add(body!, acknowledge);
        }
        else
        {
            return;
        }

        CountReceived();
        Table.ToFlush(this);
    }

    protected override void OnFinished()
    {
        DropBody();
        Drop(_inbox.Flush());
        Volatile.Write(ref _finished, true);
        _signal.Set();
    }

    // RESET drops what waits; when only the link is gone, what was received is still handled.
    protected override void OnAborted(MesharaException error)
    {
        Volatile.Write(ref _dropsRest, WasReset);
        DropBody();
        Volatile.Write(ref _finished, true);
        _signal.Set();
    }

    private async Task PumpAsync(Task previous, TaskCompletionSource done)
    {
        try
        {
            await previous.ConfigureAwait(false);
            MessageInbox.Segment? used = null;
            while (true)
            {
                // Read before taking, so that nothing that came before the end is left behind.
                bool finished = Volatile.Read(ref _finished);
                MessageInbox.Segment? segment = _inbox.TakeAll(used);
                used = null;
                if (segment is null)
                {
                    if (finished)
                    {
                        return;
                    }

                    ValueTask more = _signal.WaitAsync();
                    if (!more.IsCompleted)
                    {
                        _work = 0;
                    }

                    await more.ConfigureAwait(false);
                    continue;
                }

                while (segment is not null)
                {
                    while (!await HandleAsync(segment).ConfigureAwait(false))
                    {
                        _work = 0;
                        await Table.Turns.NextAsync();
                    }

                    CountUseful();
                    MessageInbox.Segment handled = segment;
                    segment = segment.Next;
                    if (handled.Body is null)
                    {
                        (handled.Next, used) = (used, handled);
                    }
                }
            }
        }
        finally
        {
            Drop(_inbox.Close());
            Table.OnPumped(this);
            HandlerDone();
            done.TrySetResult();
        }
    }

    // What the stream had received when it was reset, and nobody handles: its places and buffers go back.
    private void Drop(MessageInbox.Segment? segment)
    {
        for (; segment is not null; segment = segment.Next)
        {
            if (segment.Body is { } body)
            {
                Release(body);
            }

            segment.Free();
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

    // False: others have their turn first; what is left waits.
    private async Task<bool> HandleAsync(MessageInbox.Segment segment)
    {
        if (Table.Turns.IsOver(_work))
        {
            return false;
        }

        if (segment.Body is { } body)
        {
            _work += Turns.CostOf(body.Bytes.Length);
            await HandleAsync(body.Bytes, segment.BodyAcknowledge).ConfigureAwait(false);
            Release(body);
            return true;
        }

        long cost = 0;
        while (segment.TryRead(out ReadOnlyMemory<byte> message, out bool acknowledge))
        {
            ValueTask handled = HandleAsync(message, acknowledge);
            if (!handled.IsCompletedSuccessfully)
            {
                await handled.ConfigureAwait(false);
            }

            cost += StreamFrames.DataCost + message.Length;
            _work += Turns.CostOf(message.Length);
            if (cost >= GiveBackStep)
            {
                GiveBack(cost);
                cost = 0;
                if (Table.Turns.IsOver(_work))
                {
                    return false;
                }
            }
        }

        segment.Free();
        GiveBack(cost);
        return true;
    }

    private ValueTask HandleAsync(ReadOnlyMemory<byte> payload, bool acknowledge) =>
        Volatile.Read(ref _dropsRest) ? ValueTask.CompletedTask
        : acknowledge ? AcknowledgeAsync(payload)
        : Table.Stopping.IsCancellationRequested ? ValueTask.CompletedTask
        : CallAsync(payload);

    private async ValueTask AcknowledgeAsync(ReadOnlyMemory<byte> payload)
    {
        // A node that stops says so to who waits for an ACK, rather than let it wait for the drain deadline.
        long code = StreamCode.GoingAway;
        if (!Table.Stopping.IsCancellationRequested)
        {
            await CallAsync(payload).ConfigureAwait(false);
            code = _code;
        }

        while (!Outbox.TryQueueAck(this, code, out Task room))
        {
            await room.ConfigureAwait(false);
        }
    }

    // Sets the code. Without a state machine for handlers that are done at once: at millions a second they would be felt.
    private ValueTask CallAsync(ReadOnlyMemory<byte> payload)
    {
        _code = StreamCode.None;
        if (FindHandler() is not { } handler)
        {
            Reset(StreamCode.UnknownProtocol, StreamErrors.Local(MesharaErrorCode.UnknownProtocol, $"The handler of '{PeerText.Clean(Protocol)}' was removed."));
            _code = StreamCode.UnknownProtocol;
            return ValueTask.CompletedTask;
        }

        try
        {
            ValueTask handled = handler(new Message(Table.PeerId, Protocol, payload), Table.Stopping);
            if (!handled.IsCompletedSuccessfully)
            {
                return AwaitAsync(handled);
            }

#pragma warning disable VSTHRD002, VSTHRD103 // It is done; a source that is used again waits for this call.
            handled.GetAwaiter().GetResult();
#pragma warning restore VSTHRD002, VSTHRD103
            _useful = true;
        }
        catch (Exception fault)
        {
            OnFault(fault);
        }

        return ValueTask.CompletedTask;
    }

    private async ValueTask AwaitAsync(ValueTask handled)
    {
        try
        {
            await handled.ConfigureAwait(false);
            _useful = true;
        }
        catch (Exception fault)
        {
            OnFault(fault);
        }
    }

    // A handler's fault is its own: the error is logged and the link lives.
    private void OnFault(Exception fault)
    {
        _code = StreamCode.Cancelled;
        if (fault is not OperationCanceledException || !Table.Stopping.IsCancellationRequested)
        {
            _code = StreamCode.HandlerFailed;
            Table.OnHandlerFault(Protocol, fault);
        }
    }

    // Looked up again when any handler has come or gone.
    private Func<Message, CancellationToken, ValueTask>? FindHandler()
    {
        int version = Table.Handlers.Version;
        if (_handler is null || version != _handlerVersion)
        {
            (_handlerVersion, _handler) = (version, Table.Handlers.FindMessage(Protocol));
        }

        return _handler;
    }
}
