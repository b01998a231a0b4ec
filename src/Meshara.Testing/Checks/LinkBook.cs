using System.Net;

namespace Meshara.Testing.Checks;

/// <summary>One connection of a node, as it has told of it.</summary>
/// <param name="Number">Its number, counted by that node.</param>
/// <param name="Peer">Who is at the other end.</param>
/// <param name="Inbound">Whether the other end dialled.</param>
/// <param name="Probe">Whether it only tests an address.</param>
/// <param name="From">The address of the other end.</param>
/// <param name="Since">Since when it lives, in virtual time.</param>
internal sealed record LiveLink(long Number, NodeId Peer, bool Inbound, bool Probe, IPAddress? From, TimeSpan Since);

/// <summary>Which links each node has at this moment, from what it told; the checks share it.</summary>
internal sealed class LinkBook(SimulatedNetwork network)
{
    private readonly Dictionary<SimulatedNode, SortedDictionary<long, LiveLink>> _links = [];
    private readonly Dictionary<(SimulatedNode Node, long Number), (NodeId Id, IPAddress? From)> _proven = [];
    private readonly Dictionary<(SimulatedNode Node, NodeId Peer), long> _current = [];

    /// <summary>Links that came to life, probes apart, since the beginning.</summary>
    public long Ups { get; private set; }

    /// <summary>The links of a node, probes among them, the oldest first.</summary>
    public IReadOnlyCollection<LiveLink> Of(SimulatedNode node) => _links.TryGetValue(node, out SortedDictionary<long, LiveLink>? links) ? links.Values : [];

    /// <summary>Whether a node has a link with another, probes apart.</summary>
    public bool Has(SimulatedNode node, NodeId peer) => Of(node).Any(link => !link.Probe && link.Peer == peer);

    /// <summary>The number of the last link that a node had with a peer; 0: none yet. Another one: messages may be lost between the two.</summary>
    public long LastOf(SimulatedNode node, NodeId peer) => _current.GetValueOrDefault((node, peer));

    /// <summary>What was proven of a connection.</summary>
    public NodeId? ProvenOf(SimulatedNode node, long number) => _proven.TryGetValue((node, number), out (NodeId Id, IPAddress? From) proven) ? proven.Id : null;

    /// <summary>The nodes that a node has links with.</summary>
    public IReadOnlyList<string> NeighboursOf(string name) =>
        network.Nodes.FirstOrDefault(n => n.Name == name) is { } node ? [.. Of(node).Where(static l => !l.Probe).Select(l => network.NameOf(l.Peer)).Distinct()] : [];

    /// <summary>Takes a fact; called before the checks see it.</summary>
    public void Take(SimulatedNode node, NodeFact fact)
    {
        switch (fact)
        {
            case NodeFact.Proven proven:
                _proven[(node, proven.Connection)] = (proven.Id, IPEndPoint.TryParse(proven.RemoteAddress, out IPEndPoint? end) ? end.Address : null);
                break;
            case NodeFact.Up up:
                LinksOf(node)[up.Connection] = new LiveLink(up.Connection, up.Peer, up.Inbound, up.Probe, _proven.GetValueOrDefault((node, up.Connection)).From, network.Elapsed);
                if (!up.Probe)
                {
                    Ups++;
                    _current[(node, up.Peer)] = up.Connection;
                }

                break;
            case NodeFact.Down down:
                LinksOf(node).Remove(down.Connection);
                break;
            case NodeFact.Gone:
                // Its numbers begin anew with its next start.
                LinksOf(node).Clear();
                foreach ((SimulatedNode Node, long Number) key in _proven.Keys.Where(k => k.Node == node).ToList())
                    _proven.Remove(key);
                break;
        }
    }

    private SortedDictionary<long, LiveLink> LinksOf(SimulatedNode node)
    {
        if (!_links.TryGetValue(node, out SortedDictionary<long, LiveLink>? links))
            _links.Add(node, links = []);
        return links;
    }
}
