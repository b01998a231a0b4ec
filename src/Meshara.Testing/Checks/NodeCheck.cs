using Meshara.Net;

namespace Meshara.Testing.Checks;

/// <summary>What all checks have: the network, the links, and a way to say that something is wrong.</summary>
internal abstract class NodeCheck(SimulatedNetwork network, LinkBook links) : ISimulationCheck
{
    /// <summary>The name of the invariant, as <c>--break</c> knows it.</summary>
    public abstract string Name { get; }

    protected SimulatedNetwork Network => network;

    protected LinkBook Links => links;

    /// <inheritdoc/>
    public virtual void OnEvent(SimulatedNode node, object what)
    {
    }

    /// <inheritdoc/>
    public virtual void OnSecond()
    {
    }

    /// <inheritdoc/>
    public virtual IEnumerable<Violation> AtEnd() => [];

    /// <summary>Ends the run.</summary>
    protected void Wrong(string what, params IReadOnlyList<SimulatedNode> nodes) => network.Violated(new Violation(Name, what, [.. nodes.Select(static n => n.Name)]));

    /// <summary>Its node where it runs and is not frozen; else null.</summary>
    protected static Node? Running(SimulatedNode node) => node.Live is { State: NodeState.Running } live ? live : null;

    /// <summary>Whose id it is; null: a stranger's.</summary>
    protected SimulatedNode? Whose(NodeId id) => network.Nodes.FirstOrDefault(n => n.Id == id);

    /// <summary>How much a node holds; null where it does not run.</summary>
    protected static NodeCensus? Census(SimulatedNode node) => Running(node)?.Census();
}
