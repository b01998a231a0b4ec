namespace Meshara;

/// <summary>Something that happened between this node and another.</summary>
/// <param name="Time">When, by the node's clock.</param>
public abstract record PeerEvent(DateTimeOffset Time);

/// <summary>A link came to life.</summary>
/// <param name="Time">When.</param>
/// <param name="Peer">The id proven in the handshake.</param>
/// <param name="Address">The other end, <c>host:port</c>.</param>
/// <param name="Inbound">Whether the peer dialled.</param>
public sealed record PeerConnected(DateTimeOffset Time, NodeId Peer, string Address, bool Inbound) : PeerEvent(Time);

/// <summary>A link ended.</summary>
/// <param name="Time">When.</param>
/// <param name="Peer">The peer.</param>
/// <param name="Address">The other end, <c>host:port</c>.</param>
/// <param name="Reason">The first reason.</param>
/// <param name="Detail">More for people; may be empty. May hold text of the peer: escape it before you show it.</param>
public sealed record PeerDisconnected(DateTimeOffset Time, NodeId Peer, string Address, DisconnectReason Reason, string Detail) : PeerEvent(Time);

/// <summary>A connection came to no link: this node refused, or the other did, or the handshake failed.</summary>
/// <param name="Time">When.</param>
/// <param name="Address">The other end, <c>host:port</c>.</param>
/// <param name="Peer">The id, where it was proven.</param>
/// <param name="Code">Why.</param>
/// <param name="ByPeer">Whether the other side refused.</param>
/// <param name="Detail">The same for people. May hold text of the peer: escape it before you show it.</param>
/// <param name="RetryAfter">When it may be tried again, where that was said. Of a peer without a place that this node had dialled on its own account: when it does so, in whole seconds, rounded up.</param>
public sealed record PeerRefused(
    DateTimeOffset Time, string Address, NodeId? Peer, MesharaErrorCode Code, bool ByPeer, string Detail, TimeSpan? RetryAfter) : PeerEvent(Time)
{
    /// <summary>Whether the other side dialled.</summary>
    public bool Inbound { get; init; }
}

/// <summary>A peer was banned for its conduct: it gets no link until then. <see cref="Node.ForgiveAsync"/> lifts the ban.</summary>
/// <param name="Time">When.</param>
/// <param name="Peer">Who.</param>
/// <param name="Cause">What it did last; <see cref="Node.ExplainPeerAsync"/> tells the rest.</param>
/// <param name="Until">The end of the ban.</param>
/// <param name="Count">Its bans so far, this one included; each is twice as long as the one before (<see cref="ReputationOptions.FirstBan"/>).</param>
public sealed record PeerBanned(DateTimeOffset Time, NodeId Peer, ReputationCause Cause, DateTimeOffset Until, int Count) : PeerEvent(Time);

/// <summary>A node of this mesh's name is announced in the local network, and may not join: only known peers may. Once for each id.</summary>
/// <remarks>To admit it: <see cref="Node.TrustAsync"/>, or <c>meshara trust add KEY</c>, after its operator has told you the key; and the same there, for this node's key. Then both dial.</remarks>
/// <param name="Time">When.</param>
/// <param name="Peer">Whom it says to be: the hash of <paramref name="PublicKey"/>. Nothing more is proven: anybody in the network can announce it.</param>
/// <param name="Address">Where, <c>host:port</c>.</param>
/// <param name="PublicKey">Its key.</param>
public sealed record PeerDiscovered(DateTimeOffset Time, NodeId Peer, string Address, PublicKey PublicKey) : PeerEvent(Time);

/// <summary>A live node with the same identity key as another was seen (a copied data directory).</summary>
/// <param name="Time">When.</param>
/// <param name="Peer">The id that two nodes share.</param>
/// <param name="Address">Where the newcomer is.</param>
/// <param name="OtherAddress">Where the first one is; null when it is this node.</param>
public sealed record IdentityShared(DateTimeOffset Time, NodeId Peer, string Address, string? OtherAddress) : PeerEvent(Time);

/// <summary>A pinned peer has a new key, which its old one has signed; from now on the new one is pinned.</summary>
/// <param name="Time">When this node learned of it.</param>
/// <param name="Old">The id until now. What is sent to it goes to the new one.</param>
/// <param name="New">The id from now on.</param>
public sealed record PeerKeySucceeded(DateTimeOffset Time, NodeId Old, NodeId New) : PeerEvent(Time);
