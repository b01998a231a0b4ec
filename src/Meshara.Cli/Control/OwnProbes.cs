namespace Meshara.Cli.Control;

/// <summary>Strangers that are this node itself: as them <c>doctor</c> dials its own addresses. That they are refused is nothing to report.</summary>
internal sealed class OwnProbes
{
    // One for each doctor; its refusals are told while it runs.
    private const int Most = 16;

    private readonly Lock _lock = new();
    private readonly Queue<NodeId> _ids = new();

    /// <summary>One more.</summary>
    public void Add(NodeId id)
    {
        lock (_lock)
        {
            if (_ids.Count == Most)
            {
                _ids.Dequeue();
            }

            _ids.Enqueue(id);
        }
    }

    /// <summary>Whether an event of the node tells of one.</summary>
    public bool Made(PeerEvent happened)
    {
        if (happened is not PeerRefused { Inbound: true, Peer: { } id })
        {
            return false;
        }

        lock (_lock)
        {
            return _ids.Contains(id);
        }
    }
}
