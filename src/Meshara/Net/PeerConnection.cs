using System.Net;
using System.Security.Authentication;
using System.Threading.Channels;
using Meshara.Core;
using Meshara.Core.Policy;
using Meshara.Security;
using Meshara.Wire;

namespace Meshara.Net;

/// <summary>One connection from dial or accept to its end: transport, TLS, HELLO, what the mesh decides, and the link.</summary>
internal sealed class PeerConnection
{
    private readonly MeshDriver _driver;
    private readonly NodeContext _node;
    private readonly AcceptedConnection? _accepted;
    private readonly MeshAction.Dial? _dial;
    private readonly CancellationTokenSource _abort = new();

    // Bounded by what the mesh ever orders of one connection: READY and live, or a last word.
    private readonly Channel<Order> _orders = Channel.CreateUnbounded<Order>(new UnboundedChannelOptions { SingleReader = true });

    private readonly PingNumbers _pings;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile IPAddress? _localAddress;
    private SecureChannel? _channel;
    private FrameReader? _reader;
    private volatile IPAddress? _remoteAddress;
    private Hello? _remote;
    private int _noticed;

    /// <summary>A connection to dial.</summary>
    public PeerConnection(MeshDriver driver, NodeContext node, MeshAction.Dial dial)
    {
        (_driver, _node, _dial) = (driver, node with { }, dial);
        _pings = new PingNumbers(SendPing);
        (Id, Address, Began) = (dial.Connection, dial.Address.HostAndPort, node.Clock.Provider.GetTimestamp());
    }

    /// <summary>A connection that was accepted.</summary>
    public PeerConnection(MeshDriver driver, NodeContext node, long id, AcceptedConnection accepted)
    {
        (_driver, _node, _accepted) = (driver, node with { }, accepted);
        _pings = new PingNumbers(SendPing);
        (Id, Address, Began) = (id, accepted.Transport.RemoteAddress, accepted.Began);
    }

    /// <summary>When it was dialled or accepted, for the metrics.</summary>
    public long Began { get; }

    /// <summary>Why it came to nothing; null: it has not. The driver's.</summary>
    public MesharaErrorCode? FailedWith { get; set; }

    private enum OrderKind
    {
        Ready,
        Refuse,
        Goodbye,
        Live,
    }

    /// <summary>The mesh's name for it.</summary>
    public long Id { get; }

    /// <summary>The other end, host:port.</summary>
    public string Address { get; }

    public bool Inbound => _dial is null;

    /// <summary>Of an inbound connection: where it comes from.</summary>
    public AcceptLane Lane => _accepted!.Lane;

    /// <summary>This machine's end; null: not connected yet, or not TCP.</summary>
    public IPAddress? LocalAddress => _localAddress;

    /// <summary>The other end; null: not connected yet, or not an IP network.</summary>
    public IPAddress? RemoteAddress => _remoteAddress;

    /// <summary>What the peer said of itself in READY, verified; null: nothing that counts.</summary>
    public SignedRecord? Record { get; private set; }

    /// <summary>The last own record that the peer was told.</summary>
    public SignedRecord? Told { get; set; }

    /// <summary>From the moment at which the mesh says that it lives. The driver's.</summary>
    public Link? Link { get; private set; }

    /// <summary>A probe that lives, of whose end nobody has been told. The driver's.</summary>
    public bool IsOpenProbe { get; set; }

    /// <summary>Done when nothing of the connection is left.</summary>
    public Task Ended => _ended.Task;

    /// <summary>The key proven in TLS.</summary>
    public PublicKey RemoteKey => _channel!.RemoteKey;

    // ---- what the driver orders; never blocks ----

    public void SendReady(NoPlace? noPlace) => _orders.Writer.TryWrite(new Order(OrderKind.Ready) { NoPlace = noPlace });

    public void SendRefuse(Refuse refuse) => _orders.Writer.TryWrite(new Order(OrderKind.Refuse) { Refuse = refuse });

    public void SendGoodbye(GoodbyeCode code) => _orders.Writer.TryWrite(new Order(OrderKind.Goodbye) { Code = code });

    public void Abort() => _abort.Cancel();

    /// <summary>As <see cref="Abort"/>, of a link too; the driver, which ends, will not hear the last of it: who waits for that is told.</summary>
    public void Cut()
    {
        _abort.Cancel();
        Link?.Cut();
        _ended.TrySetException(new MesharaException(MesharaErrorCode.NodeStopped, "The node has been stopped."));

        // As a rule nobody waits, and that is no fault.
        _ = _ended.Task.Exception;
    }

    public Link GoLive()
    {
        Link = new Link(new LinkParameters
        {
            Stream = _channel!.Stream,
            Reader = _reader!,
            PeerKey = _channel.RemoteKey,
            Address = Address,
            Inbound = Inbound,
            Remote = _remote!,
            Limits = _node.Options.Limits,
            Timeouts = _node.Timeouts,
            Clock = _node.Clock,
            Deadlines = _node.Deadlines,
            Turns = _node.Turns,
            Handlers = _node.Handlers,
            Tasks = _node.HandlerTasks,
            NodePlaces = _node.Places,
            Stopping = _node.Stopping,
            OnPong = nonce => _driver.OnPong(this, nonce),
            OnIdentityInUse = OnIdentityInUse,
            OnOverLimit = what => _driver.OnOverLimit(this, what),
            OnHandlerFault = _node.Logger.HandlerFailed,
        });
        _orders.Writer.TryWrite(new Order(OrderKind.Live));
        return Link;
    }

    /// <summary>Sends the mesh's PING of this number, or where too many are out as soon as one of them is answered. The driver's, as is <see cref="Settle"/>.</summary>
    public void SendPing(long number) => _pings.Send(number);

    /// <summary>The latest PING of the mesh that a PONG settles; null: none.</summary>
    public long? Settle(ulong nonce) => _pings.Settle(nonce);

    /// <summary>The driver has heard the last of it.</summary>
    public void OnEnded()
    {
        _abort.Dispose();
        _ended.TrySetResult();
    }

    // ---- its own task ----

    public async Task RunAsync()
    {
        try
        {
            if (await ConnectAsync().ConfigureAwait(false) && await GreetAsync().ConfigureAwait(false) is { } link)
            {
                _driver.OnLinkClosed(this, await link.RunAsync().ConfigureAwait(false));
            }
        }
        catch (MesharaException e) when (e.Code == MesharaErrorCode.NodeStopped)
        {
            // Only of a node that was killed: nobody is there who could say what is to become of this.
            _channel?.Stream.Dispose();
        }
        finally
        {
            _driver.OnEnded(this);
        }
    }

    private ulong? SendPing() => Link!.SendPing();

    // Transport and TLS. False: it came to nothing.
    private async Task<bool> ConnectAsync()
    {
        try
        {
            TransportConnection transport = _accepted?.Transport ?? await DialAsync(_dial!.Address).ConfigureAwait(false);
            _localAddress = transport.LocalAddress;
            _remoteAddress = IPAddress.TryParse(transport.RemoteHost, out IPAddress? remote) ? remote : null;
            _channel = _dial is null
                ? await AcceptAsync(_accepted!).ConfigureAwait(false)
                : await SecureChannel.ConnectAsync(transport.Stream, _node.Certificate, _dial.Address.Id, _dial.AlsoAccepted, Address, _node.Tls with { Expected = Expected(_dial) }, _abort.Token).ConfigureAwait(false);
            Observe(_channel.RemoteId, transport.RemoteAddress);
            return true;
        }
        catch (MesharaException e)
        {
            await _driver.FailAsync(this, new ConnectionFailure(e.Code, e.Message, e.IsTransient)).ConfigureAwait(false);
            return false;
        }
        catch (OperationCanceledException) when (_abort.IsCancellationRequested)
        {
            return false;
        }
    }

    // On this task: of a node that was killed in the meantime nobody hears.
    private void Observe(NodeId proven, string remoteAddress)
    {
        if (!_abort.IsCancellationRequested)
        {
            _node.Options.Seams?.Observer?.Proven(Id, proven, remoteAddress);
        }
    }

    private ExpectedKey Expected(MeshAction.Dial dial) =>
        dial.Address.Id is { } id && _node.IsPinned(id) ? ExpectedKey.Pinned
        : dial.Source is null or AddressSource.Manual or AddressSource.Bootstrap or AddressSource.StaticFile ? ExpectedKey.Named
        : ExpectedKey.Learned;

    private async Task<SecureChannel> AcceptAsync(AcceptedConnection accepted)
    {
        SecureChannelOptions options = _node.Tls with { Waited = _node.Clock.Now - accepted.Entered };
        try
        {
            return await SecureChannel.AcceptAsync(accepted.Stream, _node.Certificate, Address, options, _abort.Token).ConfigureAwait(false);
        }
        catch (MesharaException e) when (accepted.Stalled)
        {
            throw new MesharaException(
                MesharaErrorCode.TlsTimeout,
                $"The TLS handshake with the caller from {Address} stood still while others waited for its place, and was closed.", isTransient: true, innerException: e);
        }
        finally
        {
            _driver.OnTlsDone(accepted);
        }
    }

    private async Task<TransportConnection> DialAsync(PeerAddress address)
    {
        using CancellationTokenSource deadline = new(_node.Timeouts.Connect, _node.Clock.Provider);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, _abort.Token);
        try
        {
            return await _node.Transport.ConnectAsync(address.Host, address.Port, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!_abort.IsCancellationRequested)
        {
            throw new MesharaException(
                MesharaErrorCode.ConnectTimeout,
                $"{Address} did not answer within {_node.Timeouts.Connect.TotalSeconds:0.###} s. Check the address and the firewalls between.{(e.InnerException is MesharaException heard ? $" {heard.Message}" : "")}",
                isTransient: true, innerException: e);
        }
        catch (Exception e) when (e is not (MesharaException or OperationCanceledException))
        {
            // A transport of the user's that does not keep to the contract.
            throw new MesharaException(MesharaErrorCode.ConnectFailed, $"{Address} cannot be reached: {e.Message}", isTransient: true, innerException: e);
        }
    }

    // HELLO to live, within one deadline. Null: it came to nothing. What lives for the mesh is a link here, even if it broke meanwhile.
    private async Task<Link?> GreetAsync()
    {
        SecureChannel channel = _channel!;
        FrameReader reader = _reader = new FrameReader(channel.Stream);
        Handshake handshake = new(channel, reader, dialer: _dial is not null, Address, _node.Handshake with { Addresses = _node.Addresses.On(LocalAddress) });
        using CancellationTokenSource deadline = new(_node.Timeouts.Hello, _node.Clock.Provider);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, _abort.Token);
        Link? link = null;
        try
        {
            // Who answered, where the pin is one of its older keys or it is an older key of the pin's.
            NodeId? expected = _dial?.Address.Id is null ? null : channel.RemoteId;
            HelloFacts facts = await handshake.ExchangeAsync(expected, probe: _dial?.Probe == true, either.Token).ConfigureAwait(false);
            _remote = facts.Remote;
            (IReadOnlyList<Predecessor> succeeds, bool forged) = await FindSucceededAsync(channel).ConfigureAwait(false);
            await _driver.HelloAsync(this, new PeerFacts(channel.RemoteId, _remote.Instance)
            {
                Probe = _remote.Purpose == HelloPurpose.Probe,
                SecretProven = facts.SecretProven,
                Back = _accepted is null ? null : DialBackAddress.Find(_accepted.Transport.RemoteHost, channel.RemoteId, _remote.Addresses),
                Succeeds = succeeds,
                Forged = forged,
            }).ConfigureAwait(false);
            link = await SettleAsync(handshake, either.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is MesharaException or WireException or OperationCanceledException or IOException or ObjectDisposedException or AuthenticationException)
        {
            MesharaException error = handshake.Explain(e, _node.Timeouts.Hello);
            ConnectionFailure failure = FailureOf(error, byPeer: false, penalise: e is WireException { IsViolation: true }) with { IsForgery = e is WireException { IsForgery: true } };

            // Another start of another program with our key: it is where this connection leads.
            string? sharedWith = error.Code == MesharaErrorCode.IdentityInUse ? Address : null;
            link = await _driver.FailAsync(this, failure with { SharedWith = sharedWith }).ConfigureAwait(false);
            link?.Close(DisconnectReason.ConnectionLost, error.Message);
            await handshake.EndAsync(e, _abort.Token).ConfigureAwait(false);
        }

        if (link is null)
        {
            reader.Dispose();
        }

        return link;
    }

    // The known keys that a chain leads from. A stranger's chain costs a question and no signature.
    private async Task<(IReadOnlyList<Predecessor> Keys, bool Forged)> FindSucceededAsync(SecureChannel channel)
    {
        if (channel.Chain is not { } chain || await _driver.FindKnownAsync(chain, channel.RemoteId).ConfigureAwait(false) is not [var first, ..] known)
        {
            return ([], false);
        }

        _driver.OnChainVerified();
        if (!chain.Verify(first))
        {
            _node.Logger.ForgedChain(channel.RemoteId, Address, chain.OldIds[first]);
            return ([], true);
        }

        DateTimeOffset learned = _node.Clock.UtcNow;
        return ([.. known.Select(i => _driver.Older(chain.OldIds[i], chain.Records[i].AcceptOldUntil(learned)))], false);
    }

    // The other side's answer and the mesh's orders, whichever comes first.
    private async Task<Link?> SettleAsync(Handshake handshake, CancellationToken ct)
    {
        using CancellationTokenSource stopReading = CancellationTokenSource.CreateLinkedTokenSource(ct);
        Task<HandshakeAnswer> answer = handshake.ReadAnswerAsync(stopReading.Token);
        Task<Order> order = _orders.Reader.ReadAsync(ct).AsTask();
        try
        {
            for (bool answered = false; ;)
            {
                await Task.WhenAny(answered ? order : answer, order).ConfigureAwait(false);
                if (!answered && answer.IsCompleted)
                {
                    answered = true;
                    HandshakeAnswer given = await answer.ConfigureAwait(false);
                    if (given.Failure is { } refused)
                    {
                        await LearnFromRefusalAsync(given.Records).ConfigureAwait(false);
                        ConnectionFailure failure = FailureOf(refused, byPeer: true, penalise: false) with { SharedWith = given.SharedWith };
                        await _driver.FailAsync(this, failure).ConfigureAwait(false);
                        await handshake.EndAsync(refused, CancellationToken.None).ConfigureAwait(false);
                        return null;
                    }

                    // Here and not in the driver's loop: a signature takes its time.
                    Record = given.Record is { } record ? _node.Records.CheckOwn(record, _channel!.RemoteId) : null;
                    await _driver.ReadyAsync(this).ConfigureAwait(false);
                    continue;
                }

                Order ordered = await order.ConfigureAwait(false);
                switch (ordered.Kind)
                {
                    case OrderKind.Live:
                        return Link;
                    case OrderKind.Ready:
                        Told = _node.Records.Own.For(RemoteAddress, LocalAddress);
                        await handshake.SendReadyAsync(Told.Bytes, ct, ordered.NoPlace).ConfigureAwait(false);
                        order = _orders.Reader.ReadAsync(ct).AsTask();
                        break;
                    default:
                        await StopAsync(stopReading, answer).ConfigureAwait(false);
                        await (ordered.Refuse is { } refuse
                            ? handshake.SendRefuseAsync(refuse, _abort.Token)
                            : handshake.SendGoodbyeAsync(ordered.Code, "", _abort.Token)).ConfigureAwait(false);
                        return null;
                }
            }
        }
        finally
        {
            await StopAsync(stopReading, answer).ConfigureAwait(false);
        }
    }

    // A full node helps who finds no place; only whom this node has dialled itself may send it on.
    private async Task LearnFromRefusalAsync(IReadOnlyList<ReadOnlyMemory<byte>> records)
    {
        if (_dial is { Probe: false } && _node.Exchanges && records.Count > 0)
        {
            await _driver.LearnAsync(_channel!.RemoteId, RemoteAddress, records).ConfigureAwait(false);
        }
    }

    private static async Task StopAsync(CancellationTokenSource stopReading, Task<HandshakeAnswer> answer)
    {
        await stopReading.CancelAsync().ConfigureAwait(false);

        // Whatever it was, another reason to end came first.
        await ((Task)answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private ConnectionFailure FailureOf(MesharaException e, bool byPeer, bool penalise) =>
        new(e.Code, e.Message, e.IsTransient, e.RetryAfter, byPeer, _channel!.RemoteId, penalise);

    // Once for each link: a peer must not be able to fill the watchers' queues with it.
    private void OnIdentityInUse(string address)
    {
        if (Interlocked.Exchange(ref _noticed, 1) == 0)
        {
            _driver.OnNotice(RemoteKey.Id, address);
        }
    }

    private sealed record Order(OrderKind Kind)
    {
        public Refuse? Refuse { get; init; }

        public GoodbyeCode Code { get; init; }

        public NoPlace? NoPlace { get; init; }
    }
}
