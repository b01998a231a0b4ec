namespace Meshara;

/// <summary>What a node does by multicast DNS in the local network (<see cref="DiscoveryOptions.MdnsMode"/>).</summary>
public enum MdnsMode
{
    /// <summary>It announces itself and looks for others. A node that listens nowhere, or on loopback alone, has nothing to announce, and does neither.</summary>
    Full,

    /// <summary>It looks for others and tells the network nothing of itself but that somebody looks for nodes of Meshara. Also for a node that listens nowhere.</summary>
    ListenOnly,

    /// <summary>It announces itself and looks for nobody.</summary>
    AnnounceOnly,
}
