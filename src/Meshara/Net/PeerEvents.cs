using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Meshara.Net;

/// <summary>Hands every event to every watcher. A watcher that is slow loses its oldest events and holds nobody up.</summary>
/// <param name="logger">Hears of a slow watcher.</param>
/// <param name="observer">Told first, on the caller's thread; null: nobody.</param>
internal sealed class PeerEvents(ILogger logger, INodeObserver? observer = null)
{
    /// <summary>Events that wait for one watcher at most.</summary>
    public const int Capacity = 1024;

    private readonly Lock _sync = new();
    private readonly List<Channel<PeerEvent>> _watchers = [];
    private bool _completed;

    public void Publish(PeerEvent happened)
    {
        observer?.Event(happened);
        lock (_sync)
        {
            foreach (Channel<PeerEvent> watcher in _watchers)
            {
                watcher.Writer.TryWrite(happened);
            }
        }
    }

    /// <summary>Begins to watch now, not with the first read.</summary>
    public IAsyncEnumerable<PeerEvent> Watch(CancellationToken cancellationToken)
    {
        bool warned = false;
        Channel<PeerEvent> watcher = Channel.CreateBounded<PeerEvent>(
            new BoundedChannelOptions(Capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true },
            _ =>
            {
                if (!warned)
                {
                    warned = true;
                    logger.WatcherIsSlow();
                }
            });
        lock (_sync)
        {
            if (_completed)
            {
                watcher.Writer.TryComplete();
            }
            else
            {
                _watchers.Add(watcher);
            }
        }

        return ReadAsync(watcher, cancellationToken);
    }

    /// <summary>There will be no more events: watchers end when they have read what there is.</summary>
    public void Complete()
    {
        lock (_sync)
        {
            _completed = true;
            foreach (Channel<PeerEvent> watcher in _watchers)
            {
                watcher.Writer.TryComplete();
            }

            _watchers.Clear();
        }
    }

    private async IAsyncEnumerable<PeerEvent> ReadAsync(Channel<PeerEvent> watcher, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        try
        {
            await foreach (PeerEvent happened in watcher.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                yield return happened;
            }
        }
        finally
        {
            lock (_sync)
            {
                _watchers.Remove(watcher);
            }
        }
    }
}
