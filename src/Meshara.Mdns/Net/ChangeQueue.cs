using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace Meshara.Mdns.Net;

/// <summary>What a browser has not taken yet: one change for each service at most, so that one who takes nothing costs no more than there are services.</summary>
internal sealed class ChangeQueue
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, LinkedListNode<ServiceChange>> _byName = new(StringComparer.OrdinalIgnoreCase);
    private readonly LinkedList<ServiceChange> _changes = new();
    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>How many wait.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _changes.Count;
        }
    }

    /// <summary>Adds a change; with one of the same service that waits it becomes one, or none.</summary>
    public void Add(ServiceChange change)
    {
        lock (_lock)
        {
            string name = change.Instance.InstanceName;
            if (_byName.TryGetValue(name, out LinkedListNode<ServiceChange>? waiting))
            {
                if (Merge(waiting.Value, change) is { } merged)
                {
                    waiting.Value = merged;
                }
                else
                {
                    _changes.Remove(waiting);
                    _byName.Remove(name);
                }
            }
            else
            {
                _byName.Add(name, _changes.AddLast(change));
            }
        }

        _signal.Writer.TryWrite(true);
    }

    /// <summary>Takes the oldest change.</summary>
    public bool TryTake([NotNullWhen(true)] out ServiceChange? change)
    {
        lock (_lock)
        {
            change = _changes.First?.Value;
            if (change is not null)
            {
                _changes.RemoveFirst();
                _byName.Remove(change.Instance.InstanceName);
            }
        }

        return change is not null;
    }

    /// <summary>Waits for a change; false: none will come.</summary>
    public async ValueTask<bool> WaitAsync(CancellationToken cancellationToken)
    {
        bool isOpen = await _signal.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false);
        _signal.Reader.TryRead(out _);
        return isOpen;
    }

    /// <summary>No change will come.</summary>
    public void Complete() => _signal.Writer.TryComplete();

    // What one sees who takes the second only, having seen what was before the first. Null: nothing.
    private static ServiceChange? Merge(ServiceChange first, ServiceChange second) => (first.Kind, second.Kind) switch
    {
        (ServiceChangeKind.Added, ServiceChangeKind.Removed) => null,
        (ServiceChangeKind.Added, _) => second with { Kind = ServiceChangeKind.Added },
        (ServiceChangeKind.Removed, ServiceChangeKind.Added or ServiceChangeKind.Updated) => second with { Kind = ServiceChangeKind.Updated },
        _ => second,
    };
}
