using Meshara.Core.Policy;
using Meshara.Wire;

namespace Meshara.Core;

/// <summary>What the driver has to do, in the order given. A connection not live yet is forgotten by the mesh with SendRefuse, SendGoodbye and Abort; a live one with LinkClosed.</summary>
internal abstract record MeshAction
{
    private MeshAction()
    {
    }

    /// <summary>Connect, then TLS and HELLO; ends in Hello or ConnectionFailed.</summary>
    /// <param name="Connection">The new connection.</param>
    /// <param name="Address">Where, and who must answer.</param>
    public sealed record Dial(long Connection, PeerAddress Address) : MeshAction
    {
        /// <summary>Older keys of the one who must answer; the mesh says at HELLO whether one of them still may.</summary>
        public IReadOnlyList<NodeId> AlsoAccepted { get; init; } = [];

        /// <summary>Who named the address and the id in it, where the operator did not ask for this dial.</summary>
        public AddressSource? Source { get; init; }

        /// <summary>HELLO says that this is a probe.</summary>
        public bool Probe { get; init; }
    }

    public sealed record SendReady(long Connection) : MeshAction
    {
        /// <summary>To a probe: the limit for which its sender would be refused as a peer, and when to try; null: none.</summary>
        public (MetLimit Limit, TimeSpan RetryAfter)? NoPlace { get; init; }
    }

    /// <summary>Send REFUSE and close. Nothing more is heard of this connection.</summary>
    public sealed record SendRefuse(long Connection, RefuseCode Code, TimeSpan? RetryAfter, string Limit, long Value, string Message) : MeshAction;

    /// <summary>Send GOODBYE and close: this side has sent READY, but does not want the link any more. Nothing more is heard of this connection.</summary>
    public sealed record SendGoodbye(long Connection, GoodbyeCode Code) : MeshAction;

    /// <summary>Close a connection that is not live, at once. Nothing more is heard of it.</summary>
    public sealed record Abort(long Connection) : MeshAction;

    /// <summary>READY was sent and received: run the link; ends in LinkClosed. A probe's is closed by the next action.</summary>
    public sealed record LinkUp(long Connection, NodeId Peer, bool Inbound, bool Probe) : MeshAction;

    /// <summary>Send PING on a link; its PONG comes back as HandlePong with the same number. Numbers of a link rise.</summary>
    public sealed record Ping(long Connection, long Number) : MeshAction;

    /// <summary>Answer with HandleLiveness.</summary>
    public sealed record Check(long Connection) : MeshAction;

    /// <summary>Send NOTICE(1): another node has the receiver's identity.</summary>
    public sealed record Notice(long Connection, string Address) : MeshAction;

    /// <summary>End a link; LinkClosed follows when it has ended.</summary>
    public sealed record CloseLink(long Connection, DisconnectReason Reason, string Detail) : MeshAction;

    /// <summary>An operator's add is done. The peer is known from now on and redialled at <paramref name="Address"/>.</summary>
    public sealed record AddSucceeded(long AddId, NodeId Peer, PeerAddress Address) : MeshAction;

    /// <summary>Trust on first use: this id answered at an address from the configuration that names none, and is pinned from now on.</summary>
    public sealed record Pinned(NodeId Peer, PeerAddress Address) : MeshAction;

    /// <summary>A verified chain led from a known key to this connection's, which takes its place from now on.</summary>
    public sealed record Succeeded(long Connection, NodeId Old, NodeId New, DateTimeOffset Until) : MeshAction;

    /// <summary>A verified chain led from a known key to another one and was not followed.</summary>
    public sealed record NotFollowed(string Address, NodeId Old, NodeId New, string Reason) : MeshAction;

    /// <summary>Ask the peer of a link for others; what it says comes back as HandleRecord.</summary>
    public sealed record AskPeers(long Connection) : MeshAction;

    /// <summary>Look whether this node's own record is to be issued anew, and tell it to the peers.</summary>
    public sealed record SpreadRecord : MeshAction;

    /// <summary>A peer that the operator named has completed a handshake at another address than <paramref name="Old"/>, which its record names no more; null: none was known.</summary>
    public sealed record Moved(NodeId Peer, PeerAddress? Old, PeerAddress Proven) : MeshAction;

    /// <summary>What is stored of a peer has changed: ask <see cref="Mesh.Snapshot"/> when it suits.</summary>
    public sealed record Keep(NodeId Peer) : MeshAction;

    /// <summary>The peers to dial first after the next start.</summary>
    public sealed record KeepAnchors(IReadOnlyList<PeerAddress> Anchors) : MeshAction;

    public sealed record AddFailed(long AddId, ConnectionFailure Failure) : MeshAction;

    /// <summary>For PeerEvent: a link is no longer the peer's. Comes before the LinkUp that replaces it.</summary>
    public sealed record LinkDown(long Connection, NodeId Peer, string Address, DisconnectReason Reason, string Detail) : MeshAction;

    /// <summary>For PeerEvent: an id is banned from now on.</summary>
    public sealed record Banned(NodeId Peer, ReputationCause Cause, TimeSpan Until, int Count) : MeshAction;

    /// <summary>For PeerEvent: a node of this mesh is announced in the local network that may not join. Once for each id.</summary>
    /// <param name="Peer">Whom it says to be: the hash of <paramref name="Key"/>; nothing more is proven.</param>
    /// <param name="Address">Where, host:port.</param>
    /// <param name="Key">Its public key, hex of what may be one.</param>
    public sealed record Nearby(NodeId Peer, string Address, string Key) : MeshAction;

    /// <summary>For PeerEvent: a connection came to nothing.</summary>
    public sealed record Refused(string Address, NodeId? Peer, ConnectionFailure Failure) : MeshAction
    {
        /// <summary>Whether the other side dialled.</summary>
        public bool Inbound { get; init; }

        /// <summary>Another key than the pinned one answered a dial that nobody waits for, for the first time since the address succeeded: the operator has to know.</summary>
        public bool IsNewMismatch { get; init; }
    }

    /// <summary>Several peers met the limit of one on-link address: told once.</summary>
    public sealed record ManyAtOneAddress(int Peers, string Address, string Limit, long Value) : MeshAction;

    /// <summary>For PeerEvent: two live nodes have one key. <paramref name="OtherAddress"/> is null when the other is this node.</summary>
    public sealed record Shared(NodeId Peer, string Address, string? OtherAddress) : MeshAction;
}
