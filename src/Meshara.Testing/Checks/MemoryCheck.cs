namespace Meshara.Testing.Checks;

/// <summary>A node that has stopped holds nothing: no task, no link.</summary>
internal sealed class MemoryCheck(SimulatedNetwork network, LinkBook links) : NodeCheck(network, links)
{
    // Of one peer: its reader, its writer, its ping, and what its streams and handlers run.
    private const int TasksOfAPeer = 64;
    private const int TasksOfANode = 64;

    public override string Name => "memory";

    /// <summary>Added to each count that is read: for a harness that is broken on purpose.</summary>
    public int Wrongly { get; init; }

    public override void OnSecond()
    {
        foreach (SimulatedNode node in Network.Nodes)
        {
            if ((node.Index + (long)Network.Elapsed.TotalSeconds) % 10 == 0 && Census(node) is { } census && census.Tasks + Wrongly > TasksOfANode + (TasksOfAPeer * (census.MaxPeers + census.Connections)))
                Wrong($"{node} has {census.Tasks} tasks with {census.Connections} connections.", node);
        }
    }

    public override IEnumerable<Violation> AtEnd()
    {
        foreach (SimulatedNode node in Network.Nodes.Where(static n => n.State == SimulatedNodeState.Stopped && n.Starts > 0))
        {
            if (node.Node.RunningTasks + Wrongly != 0)
                yield return new Violation(Name, $"{node} has stopped, and {node.Node.RunningTasks} of its tasks, links or listeners are left.", node.Name);
            if (Links.Of(node).Count > 0)
                yield return new Violation(Name, $"{node} has stopped and has not told of the end of {Links.Of(node).Count} links.", node.Name);
        }
    }
}
