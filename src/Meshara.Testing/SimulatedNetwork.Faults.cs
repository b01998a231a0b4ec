using Meshara.Testing.Network;

namespace Meshara.Testing;

public sealed partial class SimulatedNetwork
{
    private readonly List<SimulatedPartition> _partitions = [];

    /// <summary>Cuts the network in two: between the two sides nothing passes, and nobody is told. What is sent is held, as a sender tries again and again.</summary>
    /// <param name="side">One side.</param>
    /// <param name="other">The other. Nodes on neither side reach both.</param>
    /// <returns>What can be healed on its own.</returns>
    public SimulatedPartition Partition(IEnumerable<SimulatedNode> side, IEnumerable<SimulatedNode> other) => Cut(side, other, bothWays: true, "partition");

    /// <summary>Nothing passes from one side to the other; the way back is free. No connection can be made in either direction.</summary>
    /// <param name="from">Who is not heard.</param>
    /// <param name="to">Who does not hear.</param>
    public SimulatedPartition PartitionOneWay(IEnumerable<SimulatedNode> from, IEnumerable<SimulatedNode> to) => Cut(from, to, bothWays: false, "one-way partition");

    /// <summary>Cuts one node off from all others, those that start later too.</summary>
    public SimulatedPartition Isolate(SimulatedNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        return Cut([node], null, bothWays: true, "isolation");
    }

    /// <summary>Heals all partitions. What was held comes after a while, up to as long as the partition was or a minute.</summary>
    public void Heal()
    {
        foreach (SimulatedPartition partition in _partitions.ToArray())
        {
            partition.Heal();
        }
    }

    /// <summary>The conditions between two nodes, both ways; theirs alone from now on.</summary>
    public NetworkConditions Between(SimulatedNode a, SimulatedNode b) => Path(a, b, bothWays: true);

    /// <summary>The conditions of one way between two nodes; its own from now on.</summary>
    public NetworkConditions OneWay(SimulatedNode from, SimulatedNode to) => Path(from, to, bothWays: false);

    /// <summary>Breaks every connection between two nodes: both ends get an error at once.</summary>
    /// <returns>How many there were.</returns>
    public int Reset(SimulatedNode a, SimulatedNode b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        Cable[] between = [.. Internet.Wires.Where(w => (w.Dialer.Process.Machine == a.Machine && w.Acceptor.Process.Machine == b.Machine)
            || (w.Dialer.Process.Machine == b.Machine && w.Acceptor.Process.Machine == a.Machine))];
        foreach (Cable wire in between)
        {
            wire.Reset();
        }

        Faulted($"reset of {between.Length} connections between {a} and {b}");
        return between.Length;
    }

    /// <summary>A partition is no more.</summary>
    internal void Healed(SimulatedPartition partition, Cut cut)
    {
        _partitions.Remove(partition);
        Faulted("heal");
        Trace.Add("heal");
        Internet.Remove(cut);
    }

    private SimulatedPartition Cut(IEnumerable<SimulatedNode> side, IEnumerable<SimulatedNode>? other, bool bothWays, string what)
    {
        ArgumentNullException.ThrowIfNull(side);
        SimulatedNode[] one = [.. side];
        SimulatedNode[]? two = other is null ? null : [.. other];
        Cut cut = new(one.Select(n => n.Machine), two?.Select(n => n.Machine), bothWays);
        SimulatedPartition partition = new(this, cut);
        string line = $"{what}: {string.Join(' ', one.Select(n => n.Name))} | {(two is null ? "all others" : string.Join(' ', two.Select(n => n.Name)))}";
        Faulted(line);
        Trace.Add(line);
        _partitions.Add(partition);
        Internet.Apply(cut);
        return partition;
    }

    private NetworkConditions Path(SimulatedNode a, SimulatedNode b, bool bothWays)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        return Internet.PathBetween(a.Machine, b.Machine, bothWays);
    }
}
