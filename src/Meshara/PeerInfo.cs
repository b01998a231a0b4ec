namespace Meshara;

/// <summary>A peer to which a link lives, as it was at one moment.</summary>
public sealed record PeerInfo
{
    /// <summary>The id proven in the handshake.</summary>
    public required NodeId Id { get; init; }

    /// <summary>The key proven in the handshake.</summary>
    public required PublicKey PublicKey { get; init; }

    /// <summary>The other end of the connection, <c>host:port</c>. Where this node dialled, what it dialled: a name stays a name. Where the peer dialled, the IP address
    /// and port that it called from, at which it need not listen.</summary>
    public required string Address { get; init; }

    /// <summary>Whether the peer dialled this node.</summary>
    public required bool Inbound { get; init; }

    /// <summary>Whether the operator named this peer: it is in <see cref="Node.ListTrusted"/> (added, trusted, or the first at an address of the operator's), or in
    /// <see cref="NodeOptions.Peers"/> with its id.</summary>
    public required bool Pinned { get; init; }

    /// <summary>Whether the peer counts against the limits of <see cref="DiscoveryOptions"/>.</summary>
    public PeerClass Class { get; init; } = PeerClass.Mesh;

    /// <summary>When this node first heard of the peer, as far as its store remembers.</summary>
    public DateTimeOffset FirstSeen { get; init; }

    /// <summary>When the link came to life.</summary>
    public required DateTimeOffset ConnectedSince { get; init; }

    /// <summary>When the last frame came from the peer.</summary>
    public required DateTimeOffset LastSeen { get; init; }

    /// <summary>Bytes of frames sent, before TLS.</summary>
    public required long BytesSent { get; init; }

    /// <summary>Bytes of frames received, after TLS.</summary>
    public required long BytesReceived { get; init; }

    /// <summary>Messages and requests sent.</summary>
    public required long MessagesSent { get; init; }

    /// <summary>Messages and requests received.</summary>
    public required long MessagesReceived { get; init; }

    /// <summary>The last measured time from PING to PONG; null before the first.</summary>
    public required TimeSpan? RoundTripTime { get; init; }

    /// <summary>What the peer's conduct is worth: <see cref="PeerRecord.MinReputation"/> to <see cref="PeerRecord.MaxReputation"/>, 0 at first; <see cref="Node.ExplainPeerAsync"/> says why.</summary>
    public required double Reputation { get; init; }

    /// <summary>What the peer says it runs. Hostile text: escape it before you show it.</summary>
    public required string Agent { get; init; }
}
