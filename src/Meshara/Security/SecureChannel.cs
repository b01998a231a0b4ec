using System.Net.Security;

namespace Meshara.Security;

/// <summary>A stream on which both sides have proven their keys in TLS, wire protocol section 3. Owns its transport.</summary>
internal sealed class SecureChannel : IAsyncDisposable
{
    private SecureChannel(SslStream stream, PublicKey remoteKey, SuccessorChain? chain)
    {
        Stream = stream;
        RemoteKey = remoteKey;
        Chain = chain;
    }

    /// <summary>The plaintext.</summary>
    public SslStream Stream { get; }

    /// <summary>The key that the other side has proven.</summary>
    public PublicKey RemoteKey { get; }

    /// <summary>How it came to that key, as it says (<see cref="CertificateCheck.Chain"/>).</summary>
    public SuccessorChain? Chain { get; }

    /// <summary>Its hash.</summary>
    public NodeId RemoteId => RemoteKey.Id;

    /// <summary>Shakes hands as the side that opened <paramref name="transport"/>.</summary>
    /// <param name="transport">Owned from the call on: disposed with the channel, or when this throws. Disposing it must end its reads and writes.</param>
    /// <param name="own">This node's certificate; may serve many channels at a time.</param>
    /// <param name="pin">The id that must answer; null: whoever answers.</param>
    /// <param name="address">What was dialled, for messages.</param>
    /// <param name="options">Versions and deadline.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="MesharaException">
    /// <see cref="MesharaErrorCode.PinMismatch"/>, <see cref="MesharaErrorCode.Self"/>, <see cref="MesharaErrorCode.NoCertificate"/>, <see cref="MesharaErrorCode.BadCertificate"/>,
    /// <see cref="MesharaErrorCode.WrongProtocol"/>, <see cref="MesharaErrorCode.TlsTimeout"/> or <see cref="MesharaErrorCode.TlsFailed"/>.
    /// </exception>
    /// <exception cref="OperationCanceledException"><paramref name="ct"/> was cancelled.</exception>
    /// <remarks>This may succeed although the acceptor refuses our certificate, under TLS 1.3 always (section 3); the first read then ends.</remarks>
    public static Task<SecureChannel> ConnectAsync(
        Stream transport, NodeCertificate own, NodeId? pin, string address, SecureChannelOptions options, CancellationToken ct) =>
        ConnectAsync(transport, own, pin, [], address, options, ct);

    /// <summary>As the other one, where older keys of the pin's, <paramref name="alsoAccepted"/>, may answer too.</summary>
#pragma warning disable CS1573 // The other parameters are described there.
    public static Task<SecureChannel> ConnectAsync(
        Stream transport, NodeCertificate own, NodeId? pin, IReadOnlyList<NodeId> alsoAccepted, string address, SecureChannelOptions options, CancellationToken ct)
#pragma warning restore CS1573
    {
        CertificateCheck check = new(own.PublicKey, pin, alsoAccepted, address, isDialer: true) { Why = options.Expected };
        return ShakeAsync(
            transport, check, $"The node at {address}", options,
            (stream, token) => stream.AuthenticateAsClientAsync(TlsRules.ForDialer(own, options.MinimumTls, check.Validate), token), ct);
    }

    /// <summary>Shakes hands as the side to which <paramref name="transport"/> was opened.</summary>
    /// <param name="transport">As for <see cref="ConnectAsync(Stream, NodeCertificate, NodeId?, string, SecureChannelOptions, CancellationToken)"/>.</param>
    /// <param name="own">As for <see cref="ConnectAsync(Stream, NodeCertificate, NodeId?, string, SecureChannelOptions, CancellationToken)"/>.</param>
    /// <param name="address">Where the connection came from, for messages.</param>
    /// <param name="options">As for <see cref="ConnectAsync(Stream, NodeCertificate, NodeId?, string, SecureChannelOptions, CancellationToken)"/>.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="MesharaException">As for <see cref="ConnectAsync(Stream, NodeCertificate, NodeId?, string, SecureChannelOptions, CancellationToken)"/>, save <see cref="MesharaErrorCode.PinMismatch"/>.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="ct"/> was cancelled.</exception>
    public static Task<SecureChannel> AcceptAsync(
        Stream transport, NodeCertificate own, string address, SecureChannelOptions options, CancellationToken ct)
    {
        CertificateCheck check = new(own.PublicKey, pin: null, [], address, isDialer: false);
        return ShakeAsync(
            transport, check, $"The caller from {address}", options,
            (stream, token) => stream.AuthenticateAsServerAsync(TlsRules.ForAcceptor(own, options.MinimumTls, check.Validate), token), ct);
    }

    /// <summary>Aborts the connection. For a TLS close alert before it, call <c>Stream.ShutdownAsync</c>.</summary>
    public ValueTask DisposeAsync() => Stream.DisposeAsync();

    private static async Task<SecureChannel> ShakeAsync(
        Stream transport, CertificateCheck check, string peer, SecureChannelOptions options,
        Func<SslStream, CancellationToken, Task> authenticate, CancellationToken ct)
    {
        using CancellationTokenSource deadline = new(options.Left, options.TimeProvider);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(ct, deadline.Token);
        Stream owned = transport;
        try
        {
            SslStream stream = new(transport, leaveInnerStreamOpen: false);
            owned = stream;

            // A transport of the user's may ignore the token; disposing it ends its reads.
            CancellationTokenRegistration abort = either.Token.UnsafeRegister(static state => Abort((Stream)state!), transport);
            await using (abort.ConfigureAwait(false))
            {
                await authenticate(stream, either.Token).ConfigureAwait(false);
            }

            either.Token.ThrowIfCancellationRequested();
            return Judge(stream, check, peer, options.MinimumTls);
        }
        catch (Exception e)
        {
            Abort(owned);
            ct.ThrowIfCancellationRequested();
            throw Explain(e, check, peer, options, deadline.IsCancellationRequested);
        }
    }

    // What the callback cannot see: only the finished handshake says which version, suite and protocol were agreed.
    private static SecureChannel Judge(SslStream stream, CertificateCheck check, string peer, MinimumTls minimum)
    {
        if (TlsRules.FindWeakness(stream, minimum) is { } weakness)
        {
            throw new MesharaException(
                MesharaErrorCode.TlsFailed,
                $"{peer} agreed to {weakness} only. Meshara asks for TLS 1.3{(minimum == MinimumTls.Tls13 ? "" : ", or 1.2 with ECDHE and an AEAD suite")}: update its system.");
        }

        return stream.NegotiatedApplicationProtocol != TlsRules.Protocol ? throw WrongProtocol(peer, null)
            : check.RemoteKey is { } key ? new SecureChannel(stream, key, check.Chain)
            : throw new MesharaException(MesharaErrorCode.NoCertificate, $"{peer} finished the handshake without a certificate.");
    }

    private static MesharaException Explain(Exception e, CertificateCheck check, string peer, SecureChannelOptions options, bool isLate) =>
        e as MesharaException
        ?? check.Failure
        ?? (isLate ? new MesharaException(
                MesharaErrorCode.TlsTimeout,
                $"{peer} did not finish the TLS handshake within {options.Timeout.TotalSeconds:0.###} s. It is overloaded, unreachable, or no Meshara node.",
                isTransient: true, innerException: e)
            : TlsRules.IsProtocolMismatch(e) ? WrongProtocol(peer, e)
            : e is IOException ? new MesharaException(
                MesharaErrorCode.TlsFailed,
                $"{peer} closed the connection during the TLS handshake. "
                + (check.IsDialer
                    ? "It may refuse connections from here for a while (its accept limits) or be stopping, or another program listens there; its log says which."
                    : "It refused us, is stopping, or is no Meshara node; its log says which."),
                isTransient: true, innerException: e)
            : new MesharaException(
                MesharaErrorCode.TlsFailed,
                $"{peer} does not speak TLS as Meshara does ({e.GetBaseException().Message}). Check that the address and port are those of a Meshara node.",
                innerException: e));

    private static MesharaException WrongProtocol(string peer, Exception? cause) =>
        new(MesharaErrorCode.WrongProtocol, $"{peer} speaks TLS, but not Meshara (ALPN '{TlsRules.Protocol}' was not agreed). Check the address and port.", innerException: cause);

    private static void Abort(Stream stream)
    {
        try
        {
            stream.Dispose();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The transport's complaint about its own end would hide why the handshake failed, or end the process from a timer.
        }
    }
}
