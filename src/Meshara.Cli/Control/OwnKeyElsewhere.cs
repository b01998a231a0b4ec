namespace Meshara.Cli.Control;

/// <summary>What a running node has noticed of another one with its own key: a copied data directory. Fed with its events, read by <c>doctor</c>.</summary>
internal sealed class OwnKeyElsewhere
{
    private volatile Sight? _proven;
    private volatile Sight? _suspected;

    /// <summary>The last time that another live node was seen, by this node or by a peer that the operator named.</summary>
    public Sight? Proven => _proven;

    /// <summary>The last time that this node's key answered where another peer was expected; that could be this node itself.</summary>
    public Sight? Suspected => _suspected;

    /// <summary>One more event of the node.</summary>
    public void Take(PeerEvent happened, NodeId own)
    {
        if (happened is IdentityShared shared && shared.Peer == own)
        {
            _proven = new Sight(shared.Time, shared.Address);
        }
        else if (happened is PeerRefused { Code: MesharaErrorCode.Self, Inbound: false, Peer: null } refused)
        {
            // TLS ended such a dial. Of one that came to HELLO the event names the peer, and HELLO has told the two apart.
            _suspected = new Sight(refused.Time, refused.Address);
        }
    }

    /// <summary>Once.</summary>
    /// <param name="Time">When.</param>
    /// <param name="Address">Where the other one is, <c>host:port</c>.</param>
    internal sealed record Sight(DateTimeOffset Time, string Address);
}
