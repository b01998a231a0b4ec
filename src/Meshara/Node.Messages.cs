using Meshara.Net;

namespace Meshara;

// What is sent and received.
public sealed partial class Node
{
    /// <summary>Registers the handler of a protocol's messages.</summary>
    /// <param name="protocol">Its name, 1 to 128 bytes of UTF-8 without control characters, for example <c>chat/1</c>.</param>
    /// <param name="handler">Called for one message at a time for each peer, in their order; the payload is its own until the task ends. The token tells that the node
    /// stops. While it works the sender waits; if it throws, the error is logged and the next message comes.</param>
    /// <returns>Dispose it to unregister.</returns>
    /// <exception cref="ArgumentException">The name is not one, or begins with <c>meshara/</c> as the node's own do.</exception>
    /// <exception cref="InvalidOperationException">The protocol has a handler for messages.</exception>
    public IDisposable Handle(string protocol, Func<Message, CancellationToken, ValueTask> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return _handlers.AddMessages(protocol, NodeMetrics.Traced(protocol, handler));
    }

    /// <summary>Registers the handler of messages whose protocol has none.</summary>
    /// <param name="handler">As for <see cref="Handle"/>.</param>
    /// <returns>Dispose it to unregister.</returns>
    /// <exception cref="InvalidOperationException">There is one.</exception>
    public IDisposable HandleAny(Func<Message, CancellationToken, ValueTask> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return _handlers.AddAny(NodeMetrics.Traced(protocol: null, handler));
    }

    /// <summary>Registers the handler of a protocol's requests.</summary>
    /// <param name="protocol">As for <see cref="Handle"/>.</param>
    /// <param name="handler">Gives the reply; called for many requests at a time. The token tells that the peer has given up or is gone; it is the handler's until its task ends. If it throws, the peer gets
    /// <see cref="MesharaErrorCode.HandlerFailed"/> and the error is logged.</param>
    /// <returns>Dispose it to unregister.</returns>
    /// <exception cref="ArgumentException">The name is not one, or begins with <c>meshara/</c> as the node's own do.</exception>
    /// <exception cref="InvalidOperationException">The protocol has a handler for requests.</exception>
    public IDisposable HandleRequest(string protocol, Func<Message, CancellationToken, ValueTask<ReadOnlyMemory<byte>>> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return _handlers.AddRequests(protocol, _metrics.Measured(protocol, handler));
    }

    /// <summary>Registers the handler of a protocol's byte streams.</summary>
    /// <param name="protocol">As for <see cref="Handle"/>.</param>
    /// <param name="handler">Called for each stream that a peer opens, many at a time. The stream is closed when the task ends; if it throws, the stream is aborted.</param>
    /// <returns>Dispose it to unregister.</returns>
    /// <exception cref="ArgumentException">The name is not one, or begins with <c>meshara/</c> as the node's own do.</exception>
    /// <exception cref="InvalidOperationException">The protocol has a handler for streams.</exception>
    public IDisposable HandleStream(string protocol, Func<MeshStream, CancellationToken, ValueTask> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return _handlers.AddStreams(protocol, NodeMetrics.Traced(protocol, handler));
    }

    /// <summary>Sends a message. Done when it is copied under the peer's credit; what was accepted may still be lost if the link dies.</summary>
    /// <param name="peer">The receiver.</param>
    /// <param name="protocol">1 to 128 bytes of UTF-8 without control characters.</param>
    /// <param name="payload">At most what the peer accepts (<see cref="LinkLimits.MaxMessage"/> there); may be changed once the task is done.</param>
    /// <param name="cancellationToken">Gives up waiting for credit.</param>
    /// <returns>When the payload is the caller's again. To be awaited once and not blocked on, as any <see cref="ValueTask"/>: what gave it serves the next message.</returns>
    /// <exception cref="ArgumentException">The name of the protocol is not one, or begins with <c>meshara/</c>.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled. A large message may have begun to go out; the peer handles it whole or not at all.</exception>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.NotConnected"/>: at once, there is no link. <see cref="MesharaErrorCode.LinkClosed"/>,
    /// <see cref="MesharaErrorCode.GoingAway"/>: the link is being closed. <see cref="MesharaErrorCode.RemoteBusy"/>: the peer dropped it for want of memory or progress.
    /// <see cref="MesharaErrorCode.MessageTooLarge"/>, <see cref="MesharaErrorCode.NodeStopped"/>; <see cref="MesharaErrorCode.UnknownProtocol"/> for 1 s
    /// (<see cref="MesharaException.RetryAfter"/>) after the peer refused an earlier message of the protocol.</exception>
    public ValueTask SendAsync(NodeId peer, string protocol, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken = default) =>
        LinkTo(peer, protocol).SendAsync(protocol, payload, cancellationToken);

    /// <summary>Sends a message and, if <paramref name="acknowledged"/>, waits until the handler on the other side has returned.</summary>
    /// <param name="peer">The receiver.</param>
    /// <param name="protocol">1 to 128 bytes of UTF-8 without control characters.</param>
    /// <param name="payload">As for <see cref="SendAsync(NodeId, string, ReadOnlyMemory{byte}, CancellationToken)"/>.</param>
    /// <param name="acknowledged">Whether to wait. Nothing is sent twice by itself.</param>
    /// <param name="cancellationToken">Gives up waiting; the message may have been handled.</param>
    /// <returns>When the handler has returned or, without <paramref name="acknowledged"/>, as the other overload. To be awaited once.</returns>
    /// <exception cref="ArgumentException">The name of the protocol is not one, or begins with <c>meshara/</c>.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="MesharaException">As for the other overload; acknowledged also <see cref="MesharaErrorCode.UnknownProtocol"/>
    /// and <see cref="MesharaErrorCode.HandlerFailed"/>.</exception>
    public ValueTask SendAsync(NodeId peer, string protocol, ReadOnlyMemory<byte> payload, bool acknowledged, CancellationToken cancellationToken = default) =>
        acknowledged ? LinkTo(peer, protocol).SendAcknowledgedAsync(protocol, payload, cancellationToken) : LinkTo(peer, protocol).SendAsync(protocol, payload, cancellationToken);

    /// <summary>Sends a request and waits for the reply.</summary>
    /// <param name="peer">Who shall answer.</param>
    /// <param name="protocol">1 to 128 bytes of UTF-8 without control characters.</param>
    /// <param name="payload">As for messages.</param>
    /// <param name="timeout">From now to the reply; null: <see cref="NodeTimeouts.Request"/>. Positive, or <see cref="Timeout.InfiniteTimeSpan"/>.</param>
    /// <param name="cancellationToken">Gives up; the other side's handler is told by its token.</param>
    /// <returns>The reply, at most <see cref="LinkLimits.MaxMessage"/> of this node. To be awaited once, as any <see cref="ValueTask{TResult}"/>: what gave it serves the next request.</returns>
    /// <exception cref="ArgumentException">The name of the protocol is not one, or begins with <c>meshara/</c>, or the timeout is not positive.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the request may have been handled.</exception>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.NotConnected"/>, <see cref="MesharaErrorCode.LinkClosed"/>, <see cref="MesharaErrorCode.RequestTimeout"/>,
    /// <see cref="MesharaErrorCode.UnknownProtocol"/>, <see cref="MesharaErrorCode.HandlerFailed"/>, <see cref="MesharaErrorCode.GoingAway"/>,
    /// <see cref="MesharaErrorCode.StreamReset"/>: the other side gave it up, <see cref="MesharaErrorCode.RemoteBusy"/>, <see cref="MesharaErrorCode.NodeStopped"/>.
    /// <see cref="MesharaErrorCode.MessageTooLarge"/>: the request, for the peer's limit, or the reply, for this node's; the message says which.</exception>
    public ValueTask<byte[]> RequestAsync(
        NodeId peer, string protocol, ReadOnlyMemory<byte> payload, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        TimeSpan limit = timeout ?? _options.Timeouts.Request;
        if (limit != Timeout.InfiniteTimeSpan)
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(limit, TimeSpan.Zero, nameof(timeout));
        }

        return _metrics.MeasuresRequests
            ? MeasuredRequestAsync(peer, protocol, payload, limit, cancellationToken)
            : LinkTo(peer, protocol).RequestAsync(protocol, payload, limit, cancellationToken);
    }

    /// <summary>Opens a byte stream. Done at once; the other side refuses with a code that reading or writing throws.</summary>
    /// <param name="peer">The other end.</param>
    /// <param name="protocol">1 to 128 bytes of UTF-8 without control characters.</param>
    /// <param name="cancellationToken">Not opened when it is cancelled already.</param>
    /// <exception cref="ArgumentException">The name of the protocol is not one, or begins with <c>meshara/</c>.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled already.</exception>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.NotConnected"/>, <see cref="MesharaErrorCode.LinkClosed"/>, <see cref="MesharaErrorCode.GoingAway"/>: the
    /// link is being closed, <see cref="MesharaErrorCode.NodeStopped"/>. What the other side says to the stream, reading and writing throw.</exception>
    public ValueTask<MeshStream> OpenStreamAsync(NodeId peer, string protocol, CancellationToken cancellationToken = default) =>
        cancellationToken.IsCancellationRequested
            ? ValueTask.FromCanceled<MeshStream>(cancellationToken)
            : ValueTask.FromResult(LinkTo(peer, protocol).OpenStream(protocol));

    /// <summary>Measures how long a PING and its PONG take now, over the live link.</summary>
    /// <param name="peer">Who shall answer.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>The round trip. Callers that come while a PING of the application is unanswered share the latest PING and get its time,
    /// so that no number of them keeps the node from its own.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.NotConnected"/>, <see cref="MesharaErrorCode.LinkClosed"/>, <see cref="MesharaErrorCode.NodeStopped"/>;
    /// <see cref="MesharaErrorCode.RequestTimeout"/>: no answer within <see cref="NodeTimeouts.PongWithin"/>.</exception>
    public Task<TimeSpan> PingAsync(NodeId peer, CancellationToken cancellationToken = default) =>
        cancellationToken.IsCancellationRequested ? Task.FromCanceled<TimeSpan>(cancellationToken) : LinkTo(peer).PingAsync(cancellationToken);

    // By itself: a lambda's captures are allocated at the head of its method, measured or not.
    private ValueTask<byte[]> MeasuredRequestAsync(NodeId peer, string protocol, ReadOnlyMemory<byte> payload, TimeSpan limit, CancellationToken cancellationToken) =>
        _metrics.RequestAsync(protocol, () => LinkTo(peer, protocol).RequestAsync(protocol, payload, limit, cancellationToken));

    private Link LinkTo(NodeId peer, string protocol)
    {
        ArgumentNullException.ThrowIfNull(protocol);
        ProtocolName.ThrowIfReserved(protocol);
        return LinkTo(peer);
    }

    private Link LinkTo(NodeId peer) =>
        _live.Reach(peer)?.Link ?? throw (_state is NodeState.Stopping or NodeState.Stopped
            ? new MesharaException(MesharaErrorCode.NodeStopped, "The node has been stopped.")
            : new MesharaException(MesharaErrorCode.NotConnected, $"There is no link to {peer} now. Add it as a peer, or wait until it is back.", isTransient: true));
}
