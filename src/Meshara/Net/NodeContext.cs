using Meshara.Security;
using Microsoft.Extensions.Logging;

namespace Meshara.Net;

/// <summary>What all connections of a node share.</summary>
internal sealed record NodeContext
{
    private volatile NodeOptions _options = null!;

    /// <summary>Those that hold now; the driver changes them in its loop. A connection keeps a copy of this record, and with it those of its beginning.</summary>
    public required NodeOptions Options
    {
        get => _options;
        set => _options = value;
    }

    public required ITransport Transport { get; init; }

    public required NodeCertificate Certificate { get; init; }

    /// <summary>Follows <see cref="Options"/>.</summary>
    public required HandshakeConfig Handshake { get; set; }

    public required OwnAddresses Addresses { get; init; }

    public required NodeClock Clock { get; init; }

    public required RequestDeadlines Deadlines { get; init; }

    public required Turns Turns { get; init; }

    public required Handlers Handlers { get; init; }

    /// <summary>Handlers of the application.</summary>
    public required TaskTracker HandlerTasks { get; init; }

    /// <summary>The node's places for large messages; follow <see cref="Options"/>.</summary>
    public required NodePlaces Places { get; set; }

    public required PeerEvents Events { get; init; }

    public required ILogger Logger { get; init; }

    public required NodeMetrics Metrics { get; init; }

    /// <summary>Called in the driver's loop when a key was trusted on first use; must not block.</summary>
    public required Action<PublicKey, PeerAddress> OnPinned { get; init; }

    /// <summary>Called in the driver's loop when a known id was succeeded by a key; must not block.</summary>
    public required Action<NodeId, PublicKey, DateTimeOffset> OnSucceeded { get; init; }

    /// <summary>This node's own peer record, and those of others.</summary>
    public required Records Records { get; init; }

    /// <summary>Called in the driver's loop: ask the peer of a link for others. Must not block.</summary>
    public required Action<Link> AskPeers { get; init; }

    /// <summary>Called in the driver's loop when a peer that the operator named has completed a handshake at another address than the old one, which its
    /// record names no more (null: none was known). Must not block.</summary>
    public required Action<NodeId, PeerAddress?, PeerAddress> PeerMoved { get; init; }

    /// <summary>What the peer store held; null: there is none, or it cannot be used.</summary>
    public PeerStoreContent? Stored { get; init; }

    /// <summary>Whether the operator, or the first use of an address of his, pinned this id. Called from any thread.</summary>
    public required Func<NodeId, bool> IsPinned { get; init; }

    /// <summary>What the operator calls a peer.</summary>
    public required Func<NodeId, string?> AliasOf { get; init; }

    /// <summary>Told to handlers when the node stops.</summary>
    public required CancellationToken Stopping { get; init; }

    /// <summary>Whether this node asks for peers, answers, and learns from refusals.</summary>
    public bool Exchanges => Options.Discovery.EnabledMethods.HasFlag(DiscoveryMethods.PeerExchange);

    public NodeTimeouts Timeouts => Options.Timeouts;

    public SecureChannelOptions Tls => new(Options.MinimumTls, Timeouts.Tls, Clock.Provider);
}
