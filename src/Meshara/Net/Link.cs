using Meshara.Core;
using Meshara.Wire;

namespace Meshara.Net;

/// <summary>
/// One live link to one peer: a read loop, a pump, and the streams between them. The first reason to end wins and is the one that is reported.
/// </summary>
/// <remarks>
/// <code>
///   live ──GOODBYE said or heard──▶ draining ──DONE said and heard, or the drain deadline──▶ closed
///     │                                                                                        ▲
///     ├──protocol error, timeout──▶ last GOODBYE, at most 1 s ─────────────────────────────────┤
///     └──connection lost───────────────────────────────────────────────────────────────────────┘
/// </code>
/// </remarks>
internal sealed partial class Link
{
    // Long enough for the peer to read the last GOODBYE, wire protocol section 2.
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(1);

    private readonly LinkParameters _p;
    private readonly Outbox _outbox;
    private readonly StreamTable _streams;
    private readonly PingTable _pings;
    private readonly LinkCounters _counters = new();
    private readonly DateTimeOffset _since;
    private readonly PeerRates _rates;
    private readonly TaskCompletionSource _closing = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _closed = new();
    private long _lastFrame;
    private long _partialSince = -1;
    private long _bytesReceived;
    private bool _peerSaidGoodbye;

    // The read loop's; looked at elsewhere only when that has ended.
    private bool _peerDone;
    private volatile bool _violated;
    private Decision? _decision;

    public Link(LinkParameters parameters)
    {
        _p = parameters;
        _outbox = new Outbox(parameters.Clock, parameters.Remote.InitialWindow);
        _streams = new StreamTable(parameters, _outbox, _counters);
        _pings = new PingTable(parameters.Clock);
        _rates = new PeerRates(parameters.Limits, parameters.Clock, _outbox, _counters, parameters.OnOverLimit);
        _since = parameters.Clock.UtcNow;
        _lastFrame = parameters.Clock.Now.Ticks;
    }

    public NodeId PeerId => _p.PeerKey.Id;

    public string Address => _p.Address;

    public bool Inbound => _p.Inbound;

    /// <summary>Other deadlines from now on.</summary>
    public NodeTimeouts Timeouts
    {
        set => _p.Timeouts = value;
    }

    public TimeSpan? RoundTripTime => _pings.RoundTrip;

    /// <summary>Bytes that wait to be written.</summary>
    internal int BytesWaiting => _outbox.Waiting;

    /// <summary>What waits to be written, for who drives the link by hand.</summary>
    internal Outbox Outgoing => _outbox;

    /// <summary>The streams, for those who look after them.</summary>
    internal StreamTable Streams => _streams;

    /// <summary>Signs of life for the mesh's heartbeat; also looks after what only time changes.</summary>
    public LinkLiveness CheckLiveness()
    {
        _streams.Tick();
        RestWhenQuiet();
        return new LinkLiveness(new TimeSpan(Volatile.Read(ref _lastFrame)), Volatile.Read(ref _partialSince) is >= 0 and long ticks ? new TimeSpan(ticks) : null, _outbox.WriteSince)
        {
            Useful = _counters.Useful,
        };
    }

    /// <summary>Runs until the connection is closed; never throws. Handlers may still be at work afterwards (<see cref="LinkParameters.Tasks"/>).</summary>
    public async Task<LinkEnd> RunAsync()
    {
        Task reader = ReadAsync();
        Task pump = PumpAsync();
        SendPing();
        await _closing.Task.ConfigureAwait(false);
        (LinkEnd end, LinkEnding ending) = _decision!;
        if (ending == LinkEnding.Drain)
        {
            await WithinAsync(_p.Timeouts.Drain, DrainAsync(reader, pump)).ConfigureAwait(false);
        }
        else if (ending == LinkEnding.LastWords)
        {
            _outbox.Complete();
            await WithinAsync(LastWords, Task.WhenAll(pump, reader)).ConfigureAwait(false);
        }

        _outbox.Complete();
        await _closed.CancelAsync().ConfigureAwait(false);
        await _p.Stream.DisposeAsync().ConfigureAwait(false);
        await pump.ConfigureAwait(false);
        await reader.ConfigureAwait(false);
        _p.Reader.Dispose();
        MesharaException error = StreamErrors.LinkDown(PeerId, end.Reason, end.Detail);
        _streams.LinkDown(error);
        _pings.End(error);

        // Breaking the protocol after GOODBYE does not change the reason, but is held against the peer all the same.
        return end with { Penalise = end.Penalise || _violated };
    }

    /// <summary>Begins to close: says GOODBYE and drains where the reason allows. Does not block; the first reason wins.</summary>
    public void Close(DisconnectReason reason, string detail)
    {
        LinkEnding ending = LinkGoodbye.EndingOf(reason);
        if (!TryDecide(new LinkEnd(reason, detail, reason == DisconnectReason.ProtocolError), ending))
        {
            return;
        }

        byte[] goodbye = LinkGoodbye.Frame(LinkGoodbye.CodeOf(reason), detail, LinkGoodbye.RetryAfterOf(reason));
        if (ending == LinkEnding.Drain)
        {
            _streams.Drain(goodbye, peerDrains: false);
        }
        else if (ending == LinkEnding.LastWords)
        {
            _outbox.Say(control => control.Goodbye(goodbye));
        }

        // Last, so that the words are there before the outbox is completed.
        _closing.TrySetResult();
    }

    /// <summary>Ends as if this process were killed: without a word, and without what waits to be written.</summary>
    public void Cut()
    {
        End(DisconnectReason.ConnectionLost, "this node was killed");
        _p.Stream.Dispose();
    }

    /// <summary>Tells the peer that another live node has its identity.</summary>
    public void SendIdentityInUse(string address) =>
        _outbox.Say(control => control.Notice(LinkGoodbye.NoticeFrame(new Notice { Code = NoticeCode.IdentityInUse, Message = address })));

    /// <summary>Sends a message; completes when it is copied under credit.</summary>
    public ValueTask SendAsync(string protocol, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken)
    {
        ThrowIfTooLarge(protocol, payload.Length);

        // One hold of the gate for all of it.
        lock (_outbox.Gate)
        {
            MessageOut stream = _streams.HeldMessagesOf(protocol);
            if (!stream.IsReserved)
            {
                _counters.AddSentMessage();
            }

            return _outbox.TryWriteNow(stream, payload.Span, FrameFlags.EndOfMessage, null)
                ? ValueTask.CompletedTask
                : _outbox.WriteAsync(stream, payload, FrameFlags.EndOfMessage, null, cancellationToken);
        }
    }

    /// <summary>Sends a message; completes when the peer's handler has returned.</summary>
    public async ValueTask SendAcknowledgedAsync(string protocol, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken)
    {
        ThrowIfTooLarge(protocol, payload.Length);
        MessageOut stream = _streams.MessagesOf(protocol);
        AckWaiter ack = new();
        _counters.AddSentMessage();
        try
        {
            await _outbox.WriteAsync(stream, payload, FrameFlags.EndOfMessage | FrameFlags.Acknowledge, ack, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            ack.TrySetCanceled(CancellationToken.None);
            throw;
        }

        long code = await ack.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        if (code == StreamCode.None)
        {
            _counters.AddUseful();
        }
        else
        {
            throw StreamErrors.FromReset(PeerId, protocol, code, StreamErrors.PeersLimit(_streams.PeerMaxMessage));
        }
    }

    public ValueTask<byte[]> RequestAsync(string protocol, ReadOnlyMemory<byte> body, TimeSpan timeout, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ProtocolName.ThrowIfInvalid(protocol);
        ThrowIfTooLarge(protocol, body.Length);
        return _streams.NewRequestOut(protocol).SendAsync(body, timeout, cancellationToken);
    }

    public MeshStream OpenStream(string protocol)
    {
        ProtocolName.ThrowIfInvalid(protocol);
        ByteStream stream = new(_streams, protocol, opener: true);
        stream.Open();
        return new MeshStream(stream);
    }

    public PeerInfo Describe(bool pinned, double reputation) => new()
    {
        Id = PeerId,
        PublicKey = _p.PeerKey,
        Address = _p.Address,
        Inbound = Inbound,
        Pinned = pinned,
        ConnectedSince = _since,
        LastSeen = _p.Clock.UtcNow - (_p.Clock.Now - new TimeSpan(Volatile.Read(ref _lastFrame))),
        BytesSent = _outbox.BytesSent,
        BytesReceived = Volatile.Read(ref _bytesReceived),
        MessagesSent = _counters.MessagesSent,
        MessagesReceived = _counters.MessagesReceived,
        RoundTripTime = RoundTripTime,
        Reputation = reputation,
        Agent = _p.Remote.Agent,
    };

    private void ThrowIfTooLarge(string protocol, int length)
    {
        if (length > _streams.PeerMaxMessage)
        {
            throw new MesharaException(
                MesharaErrorCode.MessageTooLarge,
                $"{length} bytes on '{protocol}' are too large for {PeerId.ToShortString()}. {StreamErrors.PeersLimit(_streams.PeerMaxMessage)}");
        }
    }

    private async Task PumpAsync()
    {
        try
        {
            await _outbox.PumpAsync(_p.Stream, _streams.OpenWaitingStreams).ConfigureAwait(false);
        }
        catch (IOException error)
        {
            End(DisconnectReason.ConnectionLost, error.Message);
        }
        catch (Exception fault)
        {
            _p.OnHandlerFault("(link)", fault);
            End(DisconnectReason.InternalError, fault.GetType().Name);
        }
    }

    private void ReceiveGoodbye(Goodbye goodbye)
    {
        if (_peerSaidGoodbye)
        {
            throw new WireException(isViolation: false, "A second GOODBYE.");
        }

        _peerSaidGoodbye = true;
        LinkEnding ending = goodbye.Code == GoodbyeCode.ProtocolError ? LinkEnding.Abort : LinkEnding.Drain;
        TryDecide(new LinkEnd(LinkGoodbye.ReasonOf(goodbye.Code), PeerText.Clean(goodbye.Message), false) { RetryAfter = goodbye.RetryAfter }, ending);
        _streams.Drain(LinkGoodbye.Frame(goodbye.Code, ""), peerDrains: true);
        _closing.TrySetResult();
    }

    // True: the peer is told why, and shall be able to read it.
    private bool EndForViolation(WireException error)
    {
        if (!error.IsViolation)
        {
            End(DisconnectReason.ConnectionLost, error.Message);
            return false;
        }

        _violated = true;
        Close(DisconnectReason.ProtocolError, error.Message);
        return _decision!.Ending == LinkEnding.LastWords;
    }

    private void End(DisconnectReason reason, string detail)
    {
        if (TryDecide(new LinkEnd(reason, detail, false), LinkEnding.Abort))
        {
            _closing.TrySetResult();
        }
    }

    // The first reason wins.
    private bool TryDecide(LinkEnd end, LinkEnding ending) => Interlocked.CompareExchange(ref _decision, new Decision(end, ending), null) is null;

    // When the reader ends without DONE, nothing that the drain waits for can come any more.
    private async Task DrainAsync(Task reader, Task pump)
    {
        await reader.ConfigureAwait(false);
        if (_peerDone)
        {
            await pump.ConfigureAwait(false);
        }
    }

    private async Task WithinAsync(TimeSpan limit, Task task)
    {
        using CancellationTokenSource stop = new();
        await Task.WhenAny(task, Task.Delay(limit, _p.Clock.Provider, stop.Token)).ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
    }

    private sealed record Decision(LinkEnd End, LinkEnding Ending);
}
