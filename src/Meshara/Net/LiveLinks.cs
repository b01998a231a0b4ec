using System.Collections.Concurrent;

namespace Meshara.Net;

/// <summary>The live links by peer: written by the driver, read by everybody. At most one for each id, and MaxPeers in all.</summary>
internal sealed class LiveLinks
{
    private readonly ConcurrentDictionary<NodeId, LiveLink> _links = new();

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

    public Link Link { get; } = link;

    public PublicKey Key { get; } = key;

    public bool Pinned
    {
        get => _pinned;
        set => _pinned = value;
    }

    public PeerInfo Describe() => Link.Describe(_pinned, reputation);
}
