using Meshara.Net;

namespace Meshara;

// What only the simulated network asks of a node, which runs whole nodes on the one thread of the pool.
public sealed partial class Node
{
    private volatile bool _abandoned;

    /// <summary>What is held now. Read without the driver's loop: only where nothing runs beside the caller.</summary>
    internal NodeCensus Census() => _driver?.Census() is { } census ? census with { Tasks = RunningTasks } : new NodeCensus();

    /// <inheritdoc cref="MeshDriver.CountConnectionsAsync"/>
    internal Task<int> CountConnectionsAsync() => _driver.CountConnectionsAsync();

    /// <summary>Ends the node as the end of its process would: without a goodbye, a last write to the store or to a file; its directory can be opened again when this returns.</summary>
    /// <remarks>
    /// Its connections are closed without a word and its loops end; whoever waits for it gets an exception, and disposing of it does nothing. What has no owner here
    /// is the caller's: multicast DNS says goodbye on its way out, so take its transport away before.
    /// </remarks>
    internal void Abandon()
    {
        lock (_sync)
        {
            _abandoned = true;
            _stopped ??= Task.CompletedTask;
        }

        _state = NodeState.Stopped;
        Die();
    }

    // Once more where it was in the middle of its start: something may have been opened since.
    private void ThrowIfAbandoned()
    {
        if (_abandoned)
        {
            Die();
            throw new MesharaException(MesharaErrorCode.NodeStopped, "The node was killed while it started.");
        }
    }

    // Any number of times.
    private void Die()
    {
        _pins.Abandon();
        _metrics?.Dispose();
        _deadlines.Dispose();
        _driver?.Abandon();
        List<Task> ending = [.. _listeners.Select(static l => l.DisposeAsync().AsTask()), StopSourcesAsync(), _stopping.CancelAsync()];
        if (_watcher is { } watcher)
        {
            ending.Add(watcher.DisposeAsync().AsTask());
        }

        _directory?.Dispose();
        _events.Complete();
        _handlerTasks.Start(() => Task.WhenAll(ending));
    }
}
