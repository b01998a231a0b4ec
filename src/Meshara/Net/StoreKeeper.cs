using Microsoft.Extensions.Logging;

namespace Meshara.Net;

/// <summary>Writes to the peer store: one write at a time, at most one a second, changes of a peer drawn together. What the store does holds up nobody but this task.</summary>
internal sealed class StoreKeeper
{
    /// <summary>Longer than that no start waits for what is only an aid.</summary>
    public static readonly TimeSpan LoadWithin = TimeSpan.FromSeconds(5);

    private const int MaxBatch = 1000;

    private static readonly TimeSpan Pace = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PaceAfterFault = TimeSpan.FromMinutes(1);

    private readonly IPeerStore _store;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Func<IReadOnlyList<NodeId>, Task<IReadOnlyList<PeerRecord>>> _recordsOf;
    private readonly Lock _sync = new();
    private readonly AsyncSignal _signal = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _loop;
    private readonly HashSet<NodeId> _changed = [];
    private IReadOnlyList<PeerAddress>? _anchors;
    private ReadOnlyMemory<byte>? _key;
    private bool _warned;
    private volatile bool _abandoned;

    /// <summary>Begins to wait for changes.</summary>
    /// <param name="store">The operator's.</param>
    /// <param name="newKey">The secret of the address table, where the store has none yet.</param>
    /// <param name="time">The clock of the pace.</param>
    /// <param name="logger">Hears of the first fault.</param>
    /// <param name="recordsOf">What is to be stored of these peers now.</param>
    public StoreKeeper(IPeerStore store, ReadOnlyMemory<byte>? newKey, TimeProvider time, ILogger logger, Func<IReadOnlyList<NodeId>, Task<IReadOnlyList<PeerRecord>>> recordsOf)
    {
        (_store, _key, _time, _logger, _recordsOf) = (store, newKey, time, logger, recordsOf);
        _loop = Task.Run(RunAsync);
        if (newKey is not null)
        {
            _signal.Set();
        }
    }

    /// <summary>Reads the store before the start; null: it cannot be used, and the log says why.</summary>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.PeerStore"/>: it must not be touched by this version.</exception>
    public static async Task<PeerStoreContent?> LoadAsync(IPeerStore store, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        using CancellationTokenSource late = new(LoadWithin, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        try
        {
            // A store may block its caller.
            return await Task.Run(() => store.LoadAsync(either.Token), either.Token).WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            logger.StoreIsSlow(LoadWithin.TotalSeconds);
            return null;
        }
        catch (Exception e) when (e is not (MesharaException or OperationCanceledException))
        {
            logger.StoreFailed(e.Message);
            return null;
        }
    }

    /// <summary>What is stored of this peer has changed. Does not wait.</summary>
    public void Changed(NodeId id)
    {
        lock (_sync)
        {
            // Beyond it a peer waits for its next change.
            if (_changed.Count < PeerStoreContent.MaxPeers)
            {
                _changed.Add(id);
            }
        }

        _signal.Set();
    }

    public void AnchorsChanged(IReadOnlyList<PeerAddress> anchors)
    {
        lock (_sync)
        {
            _anchors = anchors;
        }

        _signal.Set();
    }

    /// <summary>Writes what is left, as long as that takes no longer than <paramref name="within"/>, and ends.</summary>
    public async Task StopAsync(TimeSpan within)
    {
        using CancellationTokenSource late = new(within, _time);
        await _stopping.CancelAsync().ConfigureAwait(false);
        _signal.Set();
        await _loop.WaitAsync(late.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_loop.IsCompleted)
        {
            _stopping.Dispose();
        }
        else
        {
            _logger.StoreNotFlushed(within.TotalSeconds);
        }
    }

    /// <summary>Ends without a last write. One that is under way is the store's.</summary>
    public void Abandon()
    {
        _abandoned = true;
        _stopping.Cancel();
        _signal.Set();
    }

    private async Task RunAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            await _signal.WaitAsync().ConfigureAwait(false);
            bool written = await WriteAsync().ConfigureAwait(false);
            await PauseAsync(written ? Pace : PaceAfterFault).ConfigureAwait(false);
        }

        // Whatever came since.
        await WriteAsync().ConfigureAwait(false);
    }

    // False: the store did not take it; it is tried again.
    private async Task<bool> WriteAsync()
    {
        while (!_abandoned)
        {
            (NodeId[] ids, IReadOnlyList<PeerAddress>? anchors, ReadOnlyMemory<byte>? key) = Take();
            if (ids.Length == 0 && anchors is null && key is null)
            {
                return true;
            }

            try
            {
                IReadOnlyList<PeerRecord> records = ids.Length == 0 ? [] : await _recordsOf(ids).ConfigureAwait(false);
                NodeId[] gone = [.. ids.Except(records.Select(r => r.Id))];
                await _store.SaveAsync(new PeerStoreChanges { Upserted = records, Removed = gone, Anchors = anchors, TableKey = key }, CancellationToken.None).ConfigureAwait(false);
                _warned = false;
                if (ids.Length < MaxBatch)
                {
                    // What came meanwhile has its turn after the pause.
                    return true;
                }
            }
            catch (Exception e)
            {
                PutBack(ids, anchors, key);
                if (!_warned && !_abandoned)
                {
                    _warned = true;
                    _logger.StoreFailed(e.Message);
                }

                return false;
            }
        }

        return true;
    }

    private (NodeId[] Ids, IReadOnlyList<PeerAddress>? Anchors, ReadOnlyMemory<byte>? Key) Take()
    {
        lock (_sync)
        {
            NodeId[] ids = [.. _changed.Take(MaxBatch)];
            _changed.ExceptWith(ids);
            (IReadOnlyList<PeerAddress>? anchors, ReadOnlyMemory<byte>? key) = (_anchors, _key);
            _anchors = null;
            _key = null;
            return (ids, anchors, key);
        }
    }

    private void PutBack(NodeId[] ids, IReadOnlyList<PeerAddress>? anchors, ReadOnlyMemory<byte>? key)
    {
        lock (_sync)
        {
            _changed.UnionWith(ids);
            _anchors ??= anchors;
            _key ??= key;
        }

        _signal.Set();
    }

    private async Task PauseAsync(TimeSpan pause)
    {
        try
        {
            await Task.Delay(pause, _time, _stopping.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The node stops: the last write comes now.
        }
    }
}
