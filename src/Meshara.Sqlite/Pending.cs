namespace Meshara.Sqlite;

/// <summary>Changes that are not on disk yet: one batch, or all since the disk failed. Bounded as the store is.</summary>
/// <param name="time">For <see cref="MemoryPeerStore"/>.</param>
internal sealed class Pending(TimeProvider time)
{
    private readonly HashSet<NodeId> _removed = [];
    private MemoryPeerStore _changed = new(time);
    private IReadOnlyList<PeerAddress>? _anchors;

    /// <summary>Whether there is nothing to write.</summary>
    public bool IsEmpty { get; private set; } = true;

    /// <summary>Adds a batch after those that wait.</summary>
    public async Task AddAsync(PeerStoreChanges changes)
    {
        await _changed.SaveAsync(changes).ConfigureAwait(false);
        foreach (NodeId id in changes.Removed)
        {
            // Beyond the bound a forgotten peer may come back: harmless, and the memory is worth more.
            if (_removed.Count < PeerStoreContent.MaxPeers)
                _removed.Add(id);
        }

        foreach (PeerRecord peer in changes.Upserted)
            _removed.Remove(peer.Id);

        _anchors = changes.Anchors ?? _anchors;
        IsEmpty = false;
    }

    /// <summary>All that waits, as one batch.</summary>
    public async Task<PeerStoreChanges> AllAsync()
    {
        PeerStoreContent changed = await _changed.LoadAsync().ConfigureAwait(false);
        return new PeerStoreChanges { Upserted = changed.Peers, Removed = [.. _removed], TableKey = changed.TableKey, Anchors = _anchors };
    }

    /// <summary>What the store would hold if the changes were written.</summary>
    public async Task<PeerStoreContent> OverAsync(PeerStoreContent stored)
    {
        if (IsEmpty)
            return stored;

        MemoryPeerStore all = new(time);
        await all.SaveAsync(new PeerStoreChanges { Upserted = stored.Peers, TableKey = stored.TableKey, Anchors = stored.Anchors }).ConfigureAwait(false);
        await all.SaveAsync(await AllAsync().ConfigureAwait(false)).ConfigureAwait(false);
        PeerStoreContent both = await all.LoadAsync().ConfigureAwait(false);
        return new PeerStoreContent { Peers = both.Peers, TableKey = both.TableKey, Anchors = both.Anchors, Skipped = stored.Skipped };
    }

    /// <summary>All is written.</summary>
    public void Clear()
    {
        _changed = new MemoryPeerStore(time);
        _removed.Clear();
        _anchors = null;
        IsEmpty = true;
    }
}
