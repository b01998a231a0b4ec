namespace Meshara;

/// <summary>A store that ends with the program: for tests, and for nodes that start afresh each time.</summary>
/// <remarks>Keeps what it holds from one node to the next in the same program. Safe for use by several threads.</remarks>
public sealed class MemoryPeerStore : IPeerStore
{
    private readonly Lock _gate = new();
    private readonly Dictionary<NodeId, PeerRecord> _peers = [];
    private readonly TimeProvider _time;
    private readonly int _maxPeers, _maxBanned;
    private ReadOnlyMemory<byte>? _tableKey;
    private IReadOnlyList<PeerAddress> _anchors = [];

    /// <summary>Creates an empty store.</summary>
    /// <param name="timeProvider">Says who is banned now when the store is full; null: the system's clock.</param>
    public MemoryPeerStore(TimeProvider? timeProvider = null)
        : this(timeProvider, PeerStoreContent.MaxPeers, PeerStoreContent.MaxBanned)
    {
    }

    internal MemoryPeerStore(TimeProvider? timeProvider, int maxPeers, int maxBanned)
    {
        _time = timeProvider ?? TimeProvider.System;
        _maxPeers = maxPeers;
        _maxBanned = maxBanned;
    }

    /// <inheritdoc/>
    public Task<PeerStoreContent> LoadAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
            return Task.FromCanceled<PeerStoreContent>(cancellationToken);

        lock (_gate)
            return Task.FromResult(new PeerStoreContent { Peers = [.. _peers.Values], TableKey = _tableKey, Anchors = _anchors });
    }

    /// <inheritdoc/>
    public Task SaveAsync(PeerStoreChanges changes, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(changes);
        if (cancellationToken.IsCancellationRequested)
            return Task.FromCanceled(cancellationToken);

        lock (_gate)
            Apply(changes);

        return Task.CompletedTask;
    }

    private void Apply(PeerStoreChanges changes)
    {
        foreach (NodeId id in changes.Removed)
            _peers.Remove(id);

        foreach (PeerRecord peer in changes.Upserted)
            _peers[peer.Id] = peer.PublicKey is null || peer.PublicKey.Id == peer.Id ? peer : peer with { PublicKey = null };

        _tableKey = changes.TableKey ?? _tableKey;
        _anchors = changes.Anchors ?? _anchors;
        if (_peers.Count > _maxPeers)
            Shrink(_peers.Count - _maxPeers);
    }

    private void Shrink(int excess)
    {
        DateTimeOffset now = _time.GetUtcNow();
        HashSet<NodeId> spared = [.. _peers.Values
            .Where(peer => peer.BanUntil > now)
            .OrderByDescending(peer => peer.BanUntil).ThenBy(peer => peer.Id)
            .Take(_maxBanned)
            .Select(peer => peer.Id)];
        List<NodeId> dropped = [.. _peers.Values
            .Where(peer => !spared.Contains(peer.Id))
            .OrderBy(peer => peer.LastSeen).ThenBy(peer => peer.Id)
            .Take(excess)
            .Select(peer => peer.Id)];
        foreach (NodeId id in dropped)
            _peers.Remove(id);
    }
}
