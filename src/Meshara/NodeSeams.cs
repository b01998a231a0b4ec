using Meshara.Net;

namespace Meshara;

/// <summary>What the simulated network sets in a node and nobody else: each is null or false outside of a simulation, and then changes nothing.</summary>
internal sealed record NodeSeams
{
    /// <summary>Hears what the node does. Null: nobody.</summary>
    public INodeObserver? Observer { get; init; }
}
