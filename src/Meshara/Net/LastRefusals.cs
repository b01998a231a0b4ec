namespace Meshara.Net;

/// <summary>The last refusal of each peer that this node dialled, until there is a link. Used by the driver's loop alone.</summary>
internal sealed class LastRefusals
{
    /// <summary>Peers that are remembered; of more the latest.</summary>
    public const int Most = 256;

    private readonly Dictionary<NodeId, PeerRefused> _last = [];
    private readonly Queue<(NodeId Id, PeerRefused Refused)> _order = new();

    /// <summary>Who answered or refused.</summary>
    public IEnumerable<NodeId> Ids => _last.Keys;

    public void Add(NodeId id, PeerRefused refused)
    {
        _last[id] = refused;
        _order.Enqueue((id, refused));
        while (_order.Count > Most)
        {
            (NodeId oldest, PeerRefused told) = _order.Dequeue();
            if (ReferenceEquals(_last.GetValueOrDefault(oldest), told))
            {
                _last.Remove(oldest);
            }
        }
    }

    public void Remove(NodeId id) => _last.Remove(id);

    public PeerRefused? Of(NodeId id) => _last.GetValueOrDefault(id);
}
