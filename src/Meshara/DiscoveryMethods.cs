namespace Meshara;

/// <summary>Ways in which a node finds peers (<see cref="DiscoveryOptions.EnabledMethods"/>). Values can be combined.</summary>
[Flags]
public enum DiscoveryMethods
{
    /// <summary>None: the node dials nobody but those named by call (<see cref="Node.AddPeerAsync(PeerAddress, PublicKey?, CancellationToken)"/>) or found again in the store.</summary>
    None = 0,

    /// <summary><see cref="NodeOptions.Peers"/>.</summary>
    Manual = 1,

    /// <summary>Multicast DNS in the local network: this node is announced there, and looks for others (<see cref="DiscoveryOptions.MdnsMode"/>). Over TCP only.</summary>
    LocalMdns = 2,

    /// <summary><see cref="DiscoveryOptions.BootstrapNodes"/> and <see cref="DiscoveryOptions.BootstrapLists"/>.</summary>
    Bootstrap = 4,

    /// <summary><see cref="DiscoveryOptions.StaticPeersFile"/>.</summary>
    StaticFile = 8,

    /// <summary>Lists of peers that peers give each other. Without it this node neither asks, nor answers, nor learns from a refusal.</summary>
    PeerExchange = 16,

    /// <summary>All of them, later ones too.</summary>
    All = Manual | LocalMdns | Bootstrap | StaticFile | PeerExchange,
}
