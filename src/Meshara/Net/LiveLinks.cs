using System.Collections.Concurrent;
using System.Net;

namespace Meshara.Net;

/// <summary>The live links by peer: written by the driver, read by everybody. At most one for each id, and bounded by what the mesh admits.</summary>
internal sealed class LiveLinks
{
    private readonly ConcurrentDictionary<NodeId, LiveLink> _links = new();
    private volatile IReadOnlyDictionary<NodeId, NodeId> _aliases = new Dictionary<NodeId, NodeId>();

    /// <summary>Older ids and the newest of each.</summary>
    public IReadOnlyDictionary<NodeId, NodeId> Aliases
    {
        get => _aliases;
        set => _aliases = value;
    }

    /// <summary>The link of a peer, or that of the newest key of the peer that this id belonged to.</summary>
    public LiveLink? Reach(NodeId peer) => Find(peer) ?? (_aliases.TryGetValue(peer, out NodeId current) ? Find(current) : null);

    public LiveLink? Find(NodeId peer) => _links.GetValueOrDefault(peer);

    public void Set(NodeId peer, LiveLink link) => _links[peer] = link;

    /// <summary>Removes this link, not one that took its place.</summary>
    public void Remove(NodeId peer, Link? link)
    {
        if (_links.TryGetValue(peer, out LiveLink? live) && live.Link == link)
        {
            _links.TryRemove(new KeyValuePair<NodeId, LiveLink>(peer, live));
        }
    }

    /// <summary>Sorted by id.</summary>
    public IReadOnlyList<KeyValuePair<NodeId, LiveLink>> All() => [.. _links.ToArray().OrderBy(l => l.Key)];
}

/// <summary>A live link and what the mesh thinks of its peer.</summary>
internal sealed class LiveLink(Link link, PublicKey key, double reputation, bool pinned)
{
    private volatile bool _pinned = pinned;
    private volatile bool _isStatic;
    private double _reputation = reputation;

    public Link Link { get; } = link;

    public PublicKey Key { get; } = key;

    public bool Pinned
    {
        get => _pinned;
        set => _pinned = value;
    }

    public bool IsStatic
    {
        get => _isStatic;
        set => _isStatic = value;
    }

    public double Reputation
    {
        get => Volatile.Read(ref _reputation);
        set => Volatile.Write(ref _reputation, value);
    }

    /// <summary>Where the connection goes, whatever name was dialled; null: not on an IP network.</summary>
    public IPAddress? Host { get; init; }

    /// <summary>When the peer was first seen, in this run or an earlier one.</summary>
    public DateTimeOffset FirstSeen { get; init; }

    public PeerInfo Describe()
    {
        PeerInfo info = Link.Describe(Pinned, Reputation);

        // The link has taken its time before the ledger did.
        return info with { FirstSeen = FirstSeen < info.ConnectedSince ? FirstSeen : info.ConnectedSince, Class = IsStatic ? PeerClass.Static : PeerClass.Mesh };
    }
}
