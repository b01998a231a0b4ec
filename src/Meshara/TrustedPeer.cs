namespace Meshara;

/// <summary>A pin: a key that may join this node, whether its node is connected or not.</summary>
public sealed record TrustedPeer
{
    /// <summary>The hash of <see cref="PublicKey"/>.</summary>
    public required NodeId Id { get; init; }

    /// <summary>The pinned key.</summary>
    public required PublicKey PublicKey { get; init; }

    /// <summary>What the operator calls the peer, 1 to 64 characters; null: nothing.</summary>
    public string? Name { get; init; }

    /// <summary>Where the operator or a handshake has found it, at most 16; this node dials them. Empty: the peer may only call.</summary>
    public IReadOnlyList<PeerAddress> Addresses { get; init; } = [];
}
