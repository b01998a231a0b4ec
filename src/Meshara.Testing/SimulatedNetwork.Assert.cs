using Meshara.Testing.Checks;

namespace Meshara.Testing;

public sealed partial class SimulatedNetwork
{
    /// <summary>Asserts that the running nodes are one mesh: each has a peer, both ends of a link know of it, and from each node links lead to every other.</summary>
    /// <param name="nodes">Which; null: all that run.</param>
    /// <param name="minimumPeers">So many peers each has at least. Default 1.</param>
    /// <exception cref="SimulationException">They are not; the message says who is missing.</exception>
    public void AssertMesh(IEnumerable<SimulatedNode>? nodes = null, int minimumPeers = 1)
    {
        SimulatedNode[] all = [.. (nodes ?? _nodes).Where(n => n.State == SimulatedNodeState.Running)];
        if (all.Length == 0 || (all.Length == 1 && nodes is null))
        {
            return;
        }

        Dictionary<SimulatedNode, HashSet<NodeId>> links = all.ToDictionary(n => n, n => n.Node.ListPeers().Select(p => p.Id).ToHashSet());
        foreach (SimulatedNode node in all)
        {
            if (links[node].Count < minimumPeers)
            {
                throw Wrong($"{node} has {links[node].Count} peers, {minimumPeers} are wanted.", node);
            }

            if (Array.Find(all, other => links[node].Contains(other.Id) && !links[other].Contains(node.Id)) is { } other)
            {
                throw Wrong($"{node} has a link with {other}, which knows nothing of it.", node, other);
            }
        }

        HashSet<SimulatedNode> reached = [all[0]];
        Queue<SimulatedNode> next = new([all[0]]);
        while (next.TryDequeue(out SimulatedNode? node))
        {
            foreach (SimulatedNode other in all.Where(o => links[node].Contains(o.Id) && reached.Add(o)))
            {
                next.Enqueue(other);
            }
        }

        SimulatedNode[] missing = [.. all.Where(n => !reached.Contains(n))];
        if (missing.Length > 0)
        {
            throw Wrong($"{reached.Count} of {all.Length} nodes are one mesh; no way leads from {all[0]} to {string.Join(", ", missing.Take(10).Select(n => n.Name))}.", missing[0], all[0]);
        }
    }

    private SimulationException Wrong(string what, params SimulatedNode[] nodes) =>
        new($"At {Elapsed:c} of virtual time: {what}") { Violation = new Violation("mesh", what, [.. nodes.Select(n => n.Name)]) };
}
