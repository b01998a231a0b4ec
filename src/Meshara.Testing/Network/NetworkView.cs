namespace Meshara.Testing.Network;

/// <summary>What checks may ask of the network.</summary>
internal sealed class NetworkView(SimulatedNetwork network)
{
    /// <summary>Who is at an address, or was there last: <c>host:port</c> as a connection tells it. Null: nobody.</summary>
    public SimulatedNode? WhoIs(string remoteAddress) => network.NodeOf(network.Internet.WhoIs(remoteAddress));

    /// <summary>Whether one node can begin a connection to another at this moment.</summary>
    public bool CanReach(SimulatedNode from, SimulatedNode to) => network.Internet.CanReach(from.Machine, to.Machine);
}
