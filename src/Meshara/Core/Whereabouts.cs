namespace Meshara.Core;

/// <summary>Where peers were that this node has no other memory of: removed ones, and strangers whose key was proven and who were not admitted. Bounded: the oldest goes.</summary>
internal sealed class Whereabouts
{
    private const int Capacity = 256;

    private readonly Dictionary<NodeId, PeerAddress> _addresses = [];
    private readonly Queue<NodeId> _order = new();

    public void Remember(NodeId id, PeerAddress? address)
    {
        if (address is null)
        {
            return;
        }

        if (!_addresses.ContainsKey(id))
        {
            _order.Enqueue(id);
        }

        _addresses[id] = address;
        if (_order.Count > Capacity)
        {
            _addresses.Remove(_order.Dequeue());
        }
    }

    public PeerAddress? Find(NodeId id) => _addresses.GetValueOrDefault(id);
}
