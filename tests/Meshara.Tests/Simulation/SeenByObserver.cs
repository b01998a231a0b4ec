using System.Collections.Concurrent;
using Meshara.Net;

namespace Meshara.Tests.Simulation;

/// <summary>Writes down what a node does.</summary>
internal sealed class SeenByObserver : INodeObserver
{
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly ConcurrentDictionary<NodeId, int> _links = new();

    /// <summary>In order; ids in short.</summary>
    public IReadOnlyList<string> Lines => [.. _lines];

    /// <summary>The most links to one peer that there were at once, probes not counted.</summary>
    public int MostLinks { get; private set; }

    public void Event(PeerEvent told) => _lines.Enqueue($"event {told.GetType().Name}");

    public void LinkUp(long connection, NodeId peer, bool inbound, bool probe)
    {
        _lines.Enqueue($"up {peer.ToShortString()}{(inbound ? " inbound" : "")}{(probe ? " probe" : "")}");
        if (!probe)
        {
            MostLinks = Math.Max(MostLinks, _links.AddOrUpdate(peer, 1, static (_, n) => n + 1));
        }
    }

    public void LinkDown(long connection, NodeId peer, DisconnectReason reason)
    {
        _lines.Enqueue($"down {peer.ToShortString()} {reason}");
        if (reason != DisconnectReason.ProbeDone)
        {
            _links.AddOrUpdate(peer, -1, static (_, n) => n - 1);
        }
    }

    public void Proven(long connection, NodeId id, string remoteAddress) => _lines.Enqueue($"proven {id.ToShortString()} {remoteAddress}");
}
