using Meshara.Core;
using Meshara.Discovery;
using Meshara.Net;
using Meshara.Protocols;
using Meshara.Security;
using Meshara.Storage;
using Microsoft.Extensions.Logging;

namespace Meshara;

/// <summary>A member of a mesh: one identity, one link to each peer, messages, requests and streams over it.</summary>
/// <remarks>Every member may be used from any thread. Dispose the node to say goodbye to its peers and to close everything it holds.</remarks>
public sealed partial class Node : IAsyncDisposable
{
    private volatile NodeOptions _options;
    private readonly Handlers _handlers = new();
    private readonly LiveLinks _live = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _sync = new();
    private readonly List<TransportListener> _listeners = [];
    private readonly ILogger _logger;
    private readonly NodeClock _clock;
    private readonly PeerEvents _events;
    private readonly TaskTracker _handlerTasks;
    private readonly RequestDeadlines _deadlines;
    private readonly OwnAddresses _addresses = new();

    // Changes of known_peers, one after the other.
    private readonly SerialWork _pins;

    private DataDirectory? _directory;
    private NodeIdentity? _identity;
    private NodeCertificate? _certificate;
    private KnownPeersFile _known = null!;
    private NodeMetrics _metrics = null!;
    private MeshDriver _driver = null!;
    private PeerExchange _exchange = null!;
    private NetworkWatcher? _watcher;
    private volatile NodeState _state = NodeState.Starting;
    private Task? _stopped;
    private Task<PeerStoreContent?> _stored = Task.FromResult<PeerStoreContent?>(null);

    private Node(NodeOptions options, OpenLocalNetwork? network)
    {
        _options = options;
        _openNetwork = network;
        _logger = new SteadyLogger(options.LoggerFactory.CreateLogger("Meshara"));
        _clock = new NodeClock(options.TimeProvider);
        _events = new PeerEvents(_logger, options.Seams?.Observer);
        _handlerTasks = new TaskTracker(_logger.TaskFailed);
        _deadlines = new RequestDeadlines(_clock);
        _pins = new SerialWork(_logger.TaskFailed);
        options.Seams?.Created?.Invoke(this);
    }

    /// <summary>The version of the wire protocol that this library speaks.</summary>
    public static int ProtocolVersion => Handshake.Version;

    /// <summary>This node's name: the hash of <see cref="PublicKey"/>.</summary>
    public NodeId Id => PublicKey.Id;

    /// <summary>This node's key, which others pin.</summary>
    public PublicKey PublicKey { get; private set; } = null!;

    /// <summary>What the node is doing.</summary>
    public NodeState State => _state;

    /// <summary>Where others can dial this node, as <c>id@host:port</c>: <see cref="NodeOptions.AdvertisedAddresses"/>, or the addresses that
    /// are listened on, wildcards replaced by the addresses of this machine's interfaces; those follow a change of the network within seconds.
    /// Link-local ones only if there are no better ones, with their scope, which means something on this machine alone, so that peers are not told them.</summary>
    public IReadOnlyList<PeerAddress> Addresses => _addresses.Current;

    // Tasks, links and listeners that are left; 0 after disposal. For tests.
    internal int RunningTasks => _driver.RunningTasks + _handlerTasks.Count;

    // Who waits for TLS, and who is in the middle of it, in all lanes. For tests.
    internal (int Waiting, int Shaking) AtTheDoor => _driver.Door.Present;

    // For tests: a stranger's chain must cost no signature.
    internal int ChainsVerified => _driver.ChainsVerified;

    /// <summary>Starts a node: opens its data directory, listens, and begins to dial the peers it knows and those in the options.</summary>
    /// <param name="options">Read once, here.</param>
    /// <param name="cancellationToken">Gives up; nothing is left open then.</param>
    /// <returns>A running node. Unreachable peers do not keep it from starting.</returns>
    /// <exception cref="MesharaException">
    /// <see cref="MesharaErrorCode.InvalidOption"/>: an option is out of range.
    /// <see cref="MesharaErrorCode.ListenFailed"/>: an address is taken or not ours.
    /// <see cref="MesharaErrorCode.DataDirectory"/>, <see cref="MesharaErrorCode.DataDirectoryInUse"/>: the directory, or <c>known_peers</c> in it, cannot be used.
    /// <see cref="MesharaErrorCode.IdentityFile"/>, <see cref="MesharaErrorCode.Passphrase"/>: the identity cannot be read.
    /// <see cref="MesharaErrorCode.StaticPeersFile"/>: the static peers file is wrong, or cannot be read; one that does not exist is waited for.
    /// </exception>
    public static Task<Node> StartAsync(NodeOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        return StartAsync(new Node(options, options.Seams?.LocalNetwork ?? (options.Transport is null or TcpTransport ? MdnsNetwork.OpenAsync : null)), cancellationToken);
    }

    private static async Task<Node> StartAsync(Node node, CancellationToken cancellationToken)
    {
        try
        {
            IReadOnlyList<ListenEntry> listen = OptionsCheck.Check(node.Options);

            // Files, and a fifth of a second of PBKDF2: not on the caller's thread.
            await Task.Run(() => node.Open(cancellationToken), cancellationToken).ConfigureAwait(false);
            await node.RunAsync(listen, cancellationToken).ConfigureAwait(false);
            return node;
        }
        catch
        {
            try
            {
                await node.DisposeAsync().ConfigureAwait(false);
            }
            finally
            {
                // Begun beside the rest of the start, and ended with the node.
                await ((Task)node._stored).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            throw;
        }
    }

    /// <summary>Stops the node: stops listening, says goodbye, waits until what was accepted is delivered or the drain deadline
    /// (<see cref="NodeTimeouts.Drain"/>) has passed, and aborts what is left. Handlers are told by their token, and waited for as long again.</summary>
    public ValueTask DisposeAsync()
    {
        lock (_sync)
        {
            _stopped ??= StopUnlessKilledAsync();
        }

        return new ValueTask(_stopped);
    }

    private void Open(CancellationToken cancellationToken)
    {
        ThrowIfAbandoned();
        _directory = _options.DataDirectory is { } path ? DataDirectory.Open(path) : null;
        if (_options.Identity is null)
        {
            _identity = _directory is null ? NodeIdentity.Create() : NodeIdentity.LoadOrCreate(_directory.IdentityPath, _options.IdentityPassphrase);
        }

        // Who this node is stands fixed, and the directory is its own: the store takes as long as all the rest.
        _stored = LoadStoreAsync(cancellationToken);
        _known = KnownPeersFile.Load(_directory?.KnownPeersPath);
        NodeIdentity identity = _options.Identity ?? _identity!;
        PublicKey = identity.PublicKey;
        _certificate = new NodeCertificate(identity, _options.Seams?.SteadySignatures ?? false);
        _metrics = new NodeMetrics(_options.Mesh, Id, _options.TimeProvider);
        if (_options.Admission.Mode == AdmissionMode.Secret)
        {
            _options.Admission.DeriveKey(_options.Mesh);
            if (_options.Admission.IsWeakSecret)
            {
                _logger.WeakSecret();
            }
        }
    }

    private async Task RunAsync(IReadOnlyList<ListenEntry> listen, CancellationToken cancellationToken)
    {
        ITransport transport = _options.Transport ?? new TcpTransport(_options.TimeProvider);
        ThrowIfAbandoned();
        await ListenAsync(transport, listen, cancellationToken).ConfigureAwait(false);
        FindAddresses();
        PeerStoreContent? stored = await _stored.ConfigureAwait(false);
        ThrowIfAbandoned();
        _driver = CreateDriver(transport, stored);
        _driver.Start();
        _options.OnStarting?.Invoke(this);
        foreach (KnownPeer peer in _known.All)
        {
            foreach (PreviousKey previous in peer.Previous)
            {
                await _driver.SucceededAsync(previous.Id, peer.Id, previous.Until).ConfigureAwait(false);
            }
        }

        // After that: a key with a line of its own is trusted, whatever another line says of it.
        foreach (KnownPeer peer in _known.All)
        {
            await _driver.TrustAsync(peer.Id).ConfigureAwait(false);
        }

        await ApplySourcesAsync(_options.Discovery).ConfigureAwait(false);
        IReadOnlyList<PeerAddress> listed = _staticPeers?.Addresses ?? [];
        _driver.Door.Lanes = LaneAddresses.Of(_known.All.SelectMany(p => p.Addresses).Concat(PeersOf(_options)).Concat(listed).Select(a => a.Host), []);

        // Only now: a known peer that was quick would be refused before.
        foreach (TransportListener listener in _listeners)
        {
            _driver.Listen(listener);
        }

        foreach (PeerAddress address in PeersOf(_options))
        {
            if (address.Id is { } id && _live.Aliases.TryGetValue(id, out NodeId current))
            {
                _logger.ConfiguredIdIsOld(address, current);
            }
        }

        foreach (PeerAddress address in _known.All.SelectMany(p => p.Addresses).Concat(PeersOf(_options).Select(WithPin)))
        {
            await _driver.WantAsync(address).ConfigureAwait(false);
        }

        await _driver.BeginAsync().ConfigureAwait(false);
        ThrowIfAbandoned();
        if (transport is TcpTransport || _options.Seams?.Scan is not null)
        {
            _watcher = new NetworkWatcher(_options.TimeProvider, OnNetworkChange, _options.Seams?.Scan);
        }

        _state = NodeState.Running;
        _logger.Running(Id, _options.Mesh, string.Join(", ", Addresses));
    }

    private async Task ListenAsync(ITransport transport, IReadOnlyList<ListenEntry> listen, CancellationToken cancellationToken)
    {
        NodeListeners all = new(transport.ListenAsync, transport is TcpTransport tcp ? new NodeListeners.Tcp(tcp.ResolveToListenAsync, tcp.Listen) : null);
        RememberedPort? file = _directory is not null && listen.Any(l => l.Port is null) ? new RememberedPort(_directory.PortPath) : null;
        string? wrong = null;
        int? remembered = file?.Read(out wrong);
        if (wrong is not null)
        {
            _logger.PortIgnored(_directory!.PortPath, wrong);
        }

        (IReadOnlyList<TransportListener> listeners, int? port) = await all.OpenAsync(listen, DefaultPorts.InOrder(remembered), cancellationToken).ConfigureAwait(false);
        _listeners.AddRange(listeners);
        if (file is null || port is null || port == remembered)
        {
            return;
        }

        if (remembered is { } wanted)
        {
            // Somebody else has it for once: what others know of this node stays true for the next start.
            _logger.PortTaken(wanted, port.Value);
        }
        else if (file.Write(port.Value) is { } why)
        {
            _logger.PortNotRemembered(port.Value, _directory!.PortPath, why);
        }
    }

    private async Task<PeerStoreContent?> LoadStoreAsync(CancellationToken cancellationToken)
    {
        if (_options.PeerStore is not { } store)
        {
            return null;
        }

        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token, cancellationToken);
        try
        {
            PeerStoreContent? content = await StoreKeeper.LoadAsync(store, _options.TimeProvider, _logger, ended.Token).ConfigureAwait(false);
            if (content is not null)
            {
                _logger.StoreLoaded(content.Peers.Count, content.Skipped);
            }

            return content;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The node has ended meanwhile, and whoever waits for the start hears why.
            return null;
        }
    }

    private MeshDriver CreateDriver(ITransport transport, PeerStoreContent? stored)
    {
        LinkLimits limits = _options.Limits;
        byte[] tableKey = stored?.TableKey?.ToArray() ?? (_options.Seams?.NewTableKey ?? Nonces.NewTableKey)();
        NodeContext context = new()
        {
            Options = _options,
            Transport = transport,
            Certificate = _certificate!,
            Handshake = HandshakeConfig.Create(_options, Id, (_options.Seams?.NewInstance ?? Nonces.NewInstance)()),
            Addresses = _addresses,
            Clock = _clock,
            Deadlines = _deadlines,
            Turns = new Turns(),
            Handlers = _handlers,
            HandlerTasks = _handlerTasks,
            Places = NodePlaces.From(limits),
            Events = _events,
            Logger = _logger,
            Metrics = _metrics,
            Records = CreateRecords(tableKey),
            AskPeers = link => _exchange.Ask(link),
            PeerMoved = Moved,
            OnPinned = Pin,
            OnSucceeded = Succeed,
            Stored = stored,
            IsPinned = id => _known.Find(id) is not null,
            AliasOf = id => _known.Find(id)?.Name ?? _staticPeers?.NameOf(id),
            Stopping = _stopping.Token,
        };
        MeshConfig config = new()
        {
            Self = Id,
            Admission = _options.Admission.Mode,
            TableKey = tableKey,
            IsOwn = address => _addresses.Current.Any(own => own.HostAndPort == address.HostAndPort),
            Random = new Random(_options.Seed ?? Nonces.NewSeed()),
        };
        MeshDriver driver = new(context, config.With(_options), _live);
        _exchange = new PeerExchange(driver, context.Records, _live, _handlers, _clock, _handlerTasks, () => context.Exchanges, _logger);
        return driver;
    }

    private async Task StopUnlessKilledAsync()
    {
        try
        {
            await StopAsync().ConfigureAwait(false);
        }
        catch (MesharaException e) when (_abandoned && e.Code == MesharaErrorCode.NodeStopped)
        {
            // It was killed in the middle of it: nothing is left to stop.
        }
    }

    // The four steps; each works for a node that never came to run as well.
    private async Task StopAsync()
    {
        _state = NodeState.Stopping;
        if (_watcher is not null)
        {
            await _watcher.DisposeAsync().ConfigureAwait(false);
        }

        foreach (TransportListener listener in _listeners)
        {
            await listener.DisposeAsync().ConfigureAwait(false);
        }

        await StopSourcesAsync().ConfigureAwait(false);
        if (_driver is not null)
        {
            await _driver.StopAsync().ConfigureAwait(false);
        }

        _deadlines.Dispose();
        await _stopping.CancelAsync().ConfigureAwait(false);
        await WaitForHandlersAsync().ConfigureAwait(false);
        await _pins.StopAsync().ConfigureAwait(false);
        _events.Complete();
        _metrics?.Dispose();
        _certificate?.Dispose();
        _identity?.Dispose();
        _directory?.Dispose();
        _state = NodeState.Stopped;
        if (_driver is not null)
        {
            _logger.Stopped(Id);
        }
    }

    // A handler that heeds its token ends at once; one that does not must not keep the node from ending.
    private async Task WaitForHandlersAsync()
    {
        using CancellationTokenSource late = new(_options.Timeouts.Drain, _options.TimeProvider);
        await _handlerTasks.WhenAllAsync().WaitAsync(late.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_handlerTasks.Count > 0)
        {
            _logger.HandlersLeft(_handlerTasks.Count);
        }
    }
}
