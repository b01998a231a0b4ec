using System.Security.Authentication;
using Meshara.Security;
using Meshara.Wire;

namespace Meshara.Net;

/// <summary>What the first two steps of the handshake established.</summary>
/// <param name="Remote">What the other side says of itself. Only its id is proven.</param>
/// <param name="SecretProven">Whether it proved that it knows the shared secret.</param>
internal sealed record HelloFacts(Hello Remote, bool SecretProven);

/// <summary>HELLO, PROOF, then READY or REFUSE on one channel. Wire protocol section 5.</summary>
/// <remarks>
/// One call at a time. The caller enforces the HELLO deadline with the token and explains its end with <see cref="Explain"/>;
/// when a call throws it ends the channel with <see cref="EndAsync"/>.
/// </remarks>
internal sealed class Handshake
{
    /// <summary>The one version of the document this program speaks.</summary>
    public const ushort Version = 1;

    // Section 5.4 and "protocol error" in section 2: closing at once would reset the connection and could swallow the last frame.
    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(1);

    private readonly SecureChannel _channel;
    private readonly FrameReader _reader;
    private readonly bool _dialer;
    private readonly string _address;
    private readonly string _peer;
    private readonly Func<string, HandshakeConfig>? _configOf;
    private HandshakeConfig _config;
    private byte[] _frame = new byte[ControlFrames.MaxFrame];

    private Hello? _own;
    private Hello? _remote;
    private bool _sentHello;
    private bool _sentRefuse;
    private bool _proofDue;
    private HandshakeAnswer? _answer;

    /// <summary>Starts nothing yet.</summary>
    /// <param name="channel">Fresh from TLS.</param>
    /// <param name="reader">On the channel's stream; handed to the link after READY, with what it may have read beyond.</param>
    /// <param name="dialer">Whether this side opened the transport.</param>
    /// <param name="address">The other side's <c>host:port</c>, for messages.</param>
    /// <param name="config">This node's.</param>
    /// <param name="configOf">For a probe of a mesh that is not known: what to say in the mesh that the other side names. Null: <paramref name="config"/>.</param>
    public Handshake(SecureChannel channel, FrameReader reader, bool dialer, string address, HandshakeConfig config, Func<string, HandshakeConfig>? configOf = null)
    {
        _channel = channel;
        _reader = reader;
        _dialer = dialer;
        _address = address;
        _peer = dialer ? $"The node at {address}" : $"The caller from {address}";
        _config = config;
        _configOf = configOf;
    }

    /// <summary>Whether the other side has proven the shared secret up to now.</summary>
    public bool SecretProven { get; private set; }

    /// <summary>The other side's HELLO, once it came, whatever became of it after that.</summary>
    public Hello? Remote => _remote;

    /// <summary>Steps 1 and 2 of section 5.5. A peer that cannot be a peer (version, mesh, extension, purpose) gets its REFUSE here.</summary>
    /// <param name="expected">The id that the other side is told we expect; null: none. TLS has compared it already.</param>
    /// <param name="probe">Whether HELLO says that this is a probe.</param>
    /// <param name="ct">The HELLO deadline, and whatever else ends the attempt.</param>
    /// <exception cref="WireException">Protocol error, or close.</exception>
    /// <exception cref="MesharaException">
    /// <see cref="MesharaErrorCode.WrongMesh"/>, <see cref="MesharaErrorCode.VersionMismatch"/> or <see cref="MesharaErrorCode.Refused"/>, after the REFUSE;
    /// <see cref="MesharaErrorCode.TlsFailed"/> or <see cref="MesharaErrorCode.LinkClosed"/>: the connection ended;
    /// any code of an answer that came instead of HELLO's successors is left to <see cref="ReadAnswerAsync"/>.
    /// </exception>
    public async Task<HelloFacts> ExchangeAsync(NodeId? expected, bool probe, CancellationToken ct)
    {
        if (_configOf is not null)
        {
            // Section 6: the other side says HELLO without waiting for ours.
            _remote = await ReadHelloAsync(ct).ConfigureAwait(false);
            _config = _configOf(_remote.Mesh);
        }

        _own = _config.NewHello(expected, probe);
        await TrySendHelloAsync(ct).ConfigureAwait(false);
        Hello remote = _remote ??= await ReadHelloAsync(ct).ConfigureAwait(false);
        CheckIds(remote);
        if (FindRefusal(remote) is { } refusal)
        {
            await SendRefuseAsync(refusal.Refuse, ct).ConfigureAwait(false);
            throw refusal.Error;
        }

        if (_config.SecretKey is { } key && (remote.Features & Features.SharedSecret) != 0)
        {
            _proofDue = true;
            if (_dialer)
            {
                await SendProofAsync(key, ct).ConfigureAwait(false);
            }

            _answer = await ReadNextAsync(ct).ConfigureAwait(false);
            if (!_dialer && _answer is null)
            {
                await SendProofAsync(SecretProven ? key : null, ct).ConfigureAwait(false);
            }
        }

        return new HelloFacts(remote, SecretProven);
    }

    /// <summary>READY, section 5.3: this side admits the other to the link.</summary>
    /// <param name="record">This node's own; empty: none.</param>
    /// <param name="ct">As for <see cref="ExchangeAsync"/>.</param>
    /// <param name="noPlace">To a probe: why its sender would find no place.</param>
    public Task SendReadyAsync(ReadOnlyMemory<byte> record, CancellationToken ct, NoPlace? noPlace = null) => SendAsync(ControlFrames.WriteReady(_frame, record.Span, noPlace), ct);

    /// <summary>REFUSE, section 5.4; then discards until the other side closes, says REFUSE as well, or 1 s has passed, and closes. Never throws.</summary>
    public Task SendRefuseAsync(Refuse refuse, CancellationToken ct)
    {
        bool speak = _sentHello && !_sentRefuse;
        _sentRefuse = true;
        if (refuse.Records.Count > 0)
        {
            _frame = new byte[FrameCodec.HeaderSize + refuse.MaxPayload];
        }

        return LastWordAsync(speak ? ControlFrames.WriteRefuse(_frame, refuse) : 0, ct);
    }

    /// <summary>The other side's READY, REFUSE or GOODBYE. After READY the reader belongs to the link; after another the caller closes.</summary>
    /// <exception cref="WireException">Protocol error, or close.</exception>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.LinkClosed"/>: the connection ended.</exception>
    public async Task<HandshakeAnswer> ReadAnswerAsync(CancellationToken ct)
    {
        while (_answer is null)
        {
            _answer = await ReadNextAsync(ct).ConfigureAwait(false);
        }

        return _answer;
    }

    /// <summary>GOODBYE before the link lives (this side shuts down after its READY); then as after REFUSE. Never throws.</summary>
    public Task SendGoodbyeAsync(GoodbyeCode code, string message, CancellationToken ct) =>
        LastWordAsync(_sentHello && !_sentRefuse ? ControlFrames.WriteGoodbye(_frame, new Goodbye { Code = code, Message = message }) : 0, ct);

    /// <summary>Ends the channel after a call threw: with GOODBYE after a protocol error (section 2), else at once. Never throws.</summary>
    public Task EndAsync(Exception cause, CancellationToken ct) =>
        cause is WireException { IsViolation: true } ? SendGoodbyeAsync(GoodbyeCode.ProtocolError, cause.Message, ct) : CloseAsync();

    /// <summary>What a call threw, for people and for the policy. Only for what can be thrown here.</summary>
    /// <param name="cause">What was thrown; a cancellation is taken for the deadline.</param>
    /// <param name="deadline">The HELLO deadline that the caller enforces.</param>
    public MesharaException Explain(Exception cause, TimeSpan deadline) => cause switch
    {
        MesharaException e => e,
        OperationCanceledException => TimedOut(deadline, cause),
        WireException { IsViolation: true } => new MesharaException(
            MesharaErrorCode.ProtocolError, $"{_peer} broke the protocol: {cause.Message} Update the older of the two.", innerException: cause),
        WireException => new MesharaException(MesharaErrorCode.ProtocolError, $"The link to {Lower(_peer)} was not made: {cause.Message}", innerException: cause),
        _ => Ended(cause),
    };

    // ---- out ----

    private async Task TrySendHelloAsync(CancellationToken ct)
    {
        int length = ControlFrames.WriteHello(_frame, _own!);
        _sentHello = true;
        try
        {
            await SendAsync(length, ct).ConfigureAwait(false);
        }
        catch (MesharaException)
        {
            // The other side closed already, perhaps after a last word: reading says what happened.
        }
    }

    // Without a key: zeros, which prove nothing. The dialer waits for an answer, and a guesser shall learn nothing from it.
    private Task SendProofAsync(byte[]? key, CancellationToken ct)
    {
        byte[] proof = key is null ? new byte[SecretProof.Size] : SecretProof.Compute(key, _config.Mesh, _config.Id, _channel.RemoteId, _own!.Nonce, _remote!.Nonce);
        return SendAsync(ControlFrames.WriteProof(_frame, proof), ct);
    }

    private async Task SendAsync(int length, CancellationToken ct)
    {
        try
        {
            await _channel.Stream.WriteAsync(_frame.AsMemory(0, length), ct).ConfigureAwait(false);
        }
        catch (Exception e) when (IsBroken(e))
        {
            throw Ended(e);
        }
    }

    // Section 5.4: nothing is written after it, and what arrives is discarded.
    private async Task LastWordAsync(int length, CancellationToken ct)
    {
        using CancellationTokenSource linger = new(Linger, _config.TimeProvider);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(ct, linger.Token);
        try
        {
            if (length > 0)
            {
                await SendAsync(length, either.Token).ConfigureAwait(false);
                await DiscardAsync(either.Token).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is MesharaException or OperationCanceledException || IsBroken(e))
        {
            // It was said, or cannot be said.
        }
        finally
        {
            await CloseAsync().ConfigureAwait(false);
        }
    }

    private async Task DiscardAsync(CancellationToken ct)
    {
        bool legible = true;
        do
        {
            while (legible && TryTakeQuietly(out FrameType type, out legible))
            {
                if (type == FrameType.Refuse)
                {
                    // Its receiver closes at once, also one that refused as well: else both would wait for each other.
                    return;
                }
            }

            if (!legible)
            {
                _reader.Discard();
            }
        }
        while (await _reader.FillAsync(ct).ConfigureAwait(false));
    }

    private bool TryTakeQuietly(out FrameType type, out bool legible)
    {
        legible = true;
        type = default;
        try
        {
            bool taken = _reader.TryTake(FrameCodec.MaxHandshakePayload, out FrameHeader header, out _);
            type = header.Type;
            return taken;
        }
        catch (WireException)
        {
            legible = false;
            return false;
        }
    }

    private async Task CloseAsync()
    {
        try
        {
            await _channel.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (IsBroken(e))
        {
            // It is closed, that was the aim.
        }
    }

    // ---- in ----

    private async Task<Hello> ReadHelloAsync(CancellationToken ct)
    {
        Hello? hello;
        while ((hello = TryTakeHello()) is null)
        {
            await FillAsync(ct).ConfigureAwait(false);
        }

        return hello;
    }

    private Hello? TryTakeHello()
    {
        if (!_reader.TryTake(FrameCodec.MaxHelloPayload, out FrameHeader header, out ReadOnlySpan<byte> payload))
        {
            return null;
        }

        if (header.Type != FrameType.Hello)
        {
            WireException.Violation($"Frame type 0x{(byte)header.Type:x2} before HELLO.");
        }

        return Hello.Parse(payload);
    }

    // The next frame that matters. Null: PROOF, and SecretProven says what it was worth.
    private async Task<HandshakeAnswer?> ReadNextAsync(CancellationToken ct)
    {
        HandshakeAnswer? answer;
        while (!TryTakeNext(out answer))
        {
            await FillAsync(ct).ConfigureAwait(false);
        }

        return answer;
    }

    private bool TryTakeNext(out HandshakeAnswer? answer)
    {
        answer = null;
        while (_reader.TryTake(FrameCodec.MaxHandshakePayload, out FrameHeader header, out ReadOnlySpan<byte> payload))
        {
            switch (header.Type)
            {
                case FrameType.Proof when _proofDue:
                    _proofDue = false;
                    SecretProven = SecretProof.Verify(
                        ControlFrames.ParseProof(payload), _config.SecretKey, _config.Mesh, _channel.RemoteId, _config.Id, _remote!.Nonce, _own!.Nonce);
                    return true;
                case FrameType.Ready:
                    ReadOnlySpan<byte> record = ControlFrames.ParseReady(payload, out ReadOnlySpan<byte> noPlace);
                    answer = HandshakeAnswer.ReadyWith(record, noPlace);
                    return true;
                case FrameType.Refuse:
                    answer = HandshakeAnswer.From(Refuse.Parse(payload), _peer, _config.MaxRetryAfter);
                    return true;
                case FrameType.Goodbye:
                    answer = HandshakeAnswer.From(Goodbye.Parse(payload), _peer, _config.MaxRetryAfter);
                    return true;
                case var type when FrameCodec.IsKnown(type):
                    WireException.Violation(type switch
                    {
                        FrameType.Hello => "A second HELLO.",
                        FrameType.Proof => "A PROOF where none is due.",
                        _ => $"Frame type 0x{(byte)type:x2} before READY.",
                    });
                    break;
                default:
                    // Unknown and optional.
                    break;
            }
        }

        return false;
    }

    private async Task FillAsync(CancellationToken ct)
    {
        bool more;
        try
        {
            more = await _reader.FillAsync(ct).ConfigureAwait(false);
        }
        catch (Exception e) when (IsBroken(e))
        {
            throw Ended(e);
        }

        if (!more)
        {
            throw Ended(null);
        }
    }

    // ---- judgement ----

    private void CheckIds(Hello remote)
    {
        if (remote.Id != _channel.RemoteId)
        {
            WireException.Violation("HELLO names another id than the one proven in TLS.");
        }

        if (remote.ExpectedId is { } expected && expected != _config.Id)
        {
            WireException.Close($"It expected {expected} here, this is {_config.Id}. Correct the address it has of this node.");
        }
    }

    private (Refuse Refuse, MesharaException Error)? FindRefusal(Hello remote)
    {
        if (remote.Id == _config.Id)
        {
            return remote.Instance == _config.Instance
                ? (new Refuse { Code = RefuseCode.Duplicate, Message = "this is the node itself" },
                    new MesharaException(MesharaErrorCode.Self, $"{_peer} is this node itself. Take the address out of the configuration."))
                : (new Refuse { Code = RefuseCode.IdentityInUse, Message = _address },
                    new MesharaException(
                        MesharaErrorCode.IdentityInUse,
                        $"{_peer} is another live node with this node's identity {_config.Id}: a data directory was copied. Give one of them a new directory."));
        }

        // Only who dialled may probe: of an acceptor's probe nothing would come that this side dialled for.
        if (remote.Purpose != HelloPurpose.Peer && (_dialer || remote.Purpose != HelloPurpose.Probe))
        {
            return (new Refuse { Code = RefuseCode.Other, Message = "unknown purpose" },
                new MesharaException(
                    MesharaErrorCode.Refused,
                    _dialer ? $"{_peer} answered with the purpose {(int)remote.Purpose}, which only a caller may have. Update that node."
                    : $"{_peer} came for a purpose that this version does not know. Update this node."));
        }

        if (remote.HasUnknownCritical)
        {
            return (new Refuse { Code = RefuseCode.Unsupported },
                new MesharaException(MesharaErrorCode.VersionMismatch, $"{_peer} requires an extension that this version does not know. Update this node."));
        }

        if (remote.MinVersion > Version || remote.MaxVersion < Version)
        {
            return (new Refuse { Code = RefuseCode.Version, Message = $"this node speaks version {Version}" },
                new MesharaException(
                    MesharaErrorCode.VersionMismatch,
                    $"{_peer} speaks versions {remote.MinVersion} to {remote.MaxVersion} of the protocol, this node {Version}. Update the older of the two."));
        }

        return remote.Mesh == _config.Mesh ? null
            : (new Refuse { Code = RefuseCode.WrongMesh },
                new MesharaException(
                    MesharaErrorCode.WrongMesh,
                    $"{_peer} belongs to the mesh '{PeerText.Clean(remote.Mesh)}', this node to '{_config.Mesh}'. Give both the same name to link them."));
    }

    private static bool IsBroken(Exception e) => e is IOException or ObjectDisposedException or AuthenticationException;

    private MesharaException Ended(Exception? cause) => _remote is null && _dialer && !_reader.HasPartial
        ? new MesharaException(
            MesharaErrorCode.TlsFailed,
            $"{_peer} closed the connection right after the TLS handshake. It may expect another key of this node, be at a limit, or be stopping; its log says which.",
            isTransient: true, innerException: cause)
        : new MesharaException(
            MesharaErrorCode.LinkClosed,
            $"{_peer} closed the connection {(_reader.HasPartial ? "in the middle of a frame" : _remote is null ? "before HELLO" : "before READY")}.",
            isTransient: true, innerException: cause);

    private MesharaException TimedOut(TimeSpan deadline, Exception cause)
    {
        string missing = _remote is null ? "no HELLO came"
            : _proofDue && _answer is null ? "no proof of the shared secret came. Check that both nodes have the same secret"
            : "no READY came";
        return new MesharaException(
            MesharaErrorCode.HelloTimeout,
            $"{_peer} did not finish the Meshara handshake within {deadline.TotalSeconds:0.###} s: {missing}.", isTransient: true, innerException: cause);
    }

    private static string Lower(string peer) => string.Concat("t", peer.AsSpan(1));
}
