namespace Meshara.Mdns.Net;

/// <summary>What the loop knows of a publication and its owner may see: its names, when it had them first, and whom to tell of others.</summary>
internal sealed class PublicationState
{
    private readonly TaskCompletionSource _first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile ServicePublished? _names;

    /// <summary>The names it has now; null: none yet.</summary>
    public ServicePublished? Names => _names;

    /// <summary>Ends when it has names.</summary>
    public Task HasNames => _first.Task;

    /// <summary>Is told of another name, on the loop.</summary>
    public Action<ServiceRenamed>? Renamed { get; set; }

    /// <summary>It is published under these.</summary>
    public void OnPublished(ServicePublished names)
    {
        _names = names;
        _first.TrySetResult();
    }

    /// <summary>It takes another name.</summary>
    public void OnRenamed(ServiceRenamed names)
    {
        _names = _names is { } old ? old with { InstanceName = names.NewName } : null;
        Renamed?.Invoke(names);
    }

    /// <summary>Nothing more will come.</summary>
    public void OnEnded()
    {
        // Seen, whether or not anybody waits still.
        if (_first.TrySetException(new ObjectDisposedException("MdnsService")))
            _ = _first.Task.Exception;
    }
}
