using System.Runtime.InteropServices;
using Meshara.Core.Policy;
using Meshara.Wire;

namespace Meshara.Core;

/// <summary>What <see cref="Mesh"/> needs to know of the node's options.</summary>
internal sealed record MeshConfig
{
    public required NodeId Self { get; init; }

    public required AdmissionMode Admission { get; init; }

    /// <summary>As in <see cref="DiscoveryOptions"/>, as the next ones are. With 0 nobody is dialled on the node's own account.</summary>
    public int TargetPeers { get; init; }

    public int MaxPeers { get; init; } = 128;

    public IReadOnlyList<PeerAddress> BootstrapNodes { get; init; } = [];

    public TimeSpan FeelerInterval { get; init; } = TimeSpan.FromMinutes(2);

    public TimeSpan MaxCandidateBackoff { get; init; } = AddressTable.MaxBackoff;

    /// <summary>Whether peers are asked for others, and what is learned of others so counts.</summary>
    public bool Exchanges { get; init; }

    /// <summary>Secret; spreads addresses over the table and hides whom eviction spares. The same after a restart.</summary>
    public ReadOnlyMemory<byte> TableKey { get; init; } = new byte[PeerStoreContent.TableKeySize];

    /// <summary>Which addresses are trusted and on-link, at first.</summary>
    public AddressGroups Groups { get; init; } = new(AddressGroups.Loopback, []);

    public InboundLimits InboundLimits { get; init; } = new();

    public ReputationOptions Reputation { get; init; } = new();

    /// <summary>Whether an address is one of this node's own, by its latest knowledge.</summary>
    public Func<PeerAddress, bool>? IsOwn { get; init; }

    public NodeTimeouts Timeouts { get; init; } = new();

    /// <summary>The part of it that a node's options say, also while it runs.</summary>
    public MeshConfig With(NodeOptions options) => this with
    {
        TargetPeers = options.Discovery.TargetPeers,
        MaxPeers = options.Discovery.MaxPeers,
        BootstrapNodes = options.Discovery.EnabledMethods.HasFlag(DiscoveryMethods.Bootstrap) ? options.Discovery.BootstrapNodes : [],
        Exchanges = options.Discovery.EnabledMethods.HasFlag(DiscoveryMethods.PeerExchange),
        FeelerInterval = options.Discovery.FeelerInterval,
        MaxCandidateBackoff = options.Discovery.MaxBackoff,
        Reputation = options.Reputation,
        Timeouts = options.Timeouts,
    };

    // Jitter only; seeded by the node, so that a run can be repeated.
    public required Random Random { get; init; }
}

/// <summary>What HELLO and PROOF said, as far as the decision needs it; the id is the one proven in TLS. What section 5.1 refuses never comes here.</summary>
internal readonly record struct PeerFacts(NodeId Id, Bits128 Instance)
{
    public bool Probe { get; init; }

    public bool SecretProven { get; init; }

    /// <summary>Of an accepted connection: the address in HELLO whose host is the one that the connection came from.</summary>
    public PeerAddress? Back { get; init; }

    /// <summary>Its chain names a known key, and the signatures are wrong: it tries to pass for that peer.</summary>
    public bool Forged { get; init; }

    /// <summary>The older keys that <c>FindKnown</c> named and the verified chain leads from; oldest first.</summary>
    public IReadOnlyList<Predecessor> Succeeds { get; init; } = [];
}

/// <summary>An older key of a peer's.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Until">Until when it is accepted, for people and for the disk.</param>
/// <param name="Deadline">The same on the clock of <see cref="Mesh"/>.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct Predecessor(NodeId Id, DateTimeOffset Until, TimeSpan Deadline);

/// <summary>Why a connection never got live.</summary>
/// <param name="Code">For programs.</param>
/// <param name="Message">For people.</param>
/// <param name="IsTransient">Whether the same dial may succeed later.</param>
/// <param name="RetryAfter">What the other side asked for.</param>
/// <param name="ByPeer">Whether the other side refused.</param>
/// <param name="Peer">The id proven in TLS, where it came so far.</param>
/// <param name="Penalise">Whether that id broke the protocol.</param>
internal sealed record ConnectionFailure(
    MesharaErrorCode Code, string Message, bool IsTransient = false, TimeSpan? RetryAfter = null, bool ByPeer = false, NodeId? Peer = null, bool Penalise = false)
{
    /// <summary>Where another live node with this node's own identity is, as far as this connection says so.</summary>
    public string? SharedWith { get; init; }

    /// <summary>What that id broke the protocol by was forged.</summary>
    public bool IsForgery { get; init; }

    /// <summary>This node gave the connection up for reasons of its own: nothing speaks against the address.</summary>
    public bool IsOwnDoing { get; init; }
}
