namespace Meshara.Core;

/// <summary>As what a peer counts among the places.</summary>
internal enum PlaceKind
{
    None,
    Static,
    Passing,
    Inbound,
    Outbound,
    Anchor,
}

/// <summary>Whose place has to be counted again, because something changed on which it rests; counting all at each HELLO costs more than the handshake where there are thousands.</summary>
internal sealed class PlacesDue
{
    private readonly Queue<PeerEntry> _peers = new();

    /// <summary>Peers with a live link.</summary>
    public int Linked { get; set; }

    /// <summary>What the operator named has changed: it may be anybody's place.</summary>
    public bool All { get; set; }

    public void Add(PeerEntry peer)
    {
        if (!peer.IsCountDue)
        {
            peer.IsCountDue = true;
            _peers.Enqueue(peer);
        }
    }

    public bool TryTake([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out PeerEntry? peer)
    {
        if (!_peers.TryDequeue(out peer))
        {
            return false;
        }

        peer.IsCountDue = false;
        return true;
    }
}
