namespace Meshara;

/// <summary>Who named an address. The numbers are stored: they never change.</summary>
public enum AddressSource
{
    /// <summary>The operator.</summary>
    Manual = 0,

    /// <summary>The list of bootstrap nodes in the configuration.</summary>
    Bootstrap = 1,

    /// <summary>A file of static peers.</summary>
    StaticFile = 2,

    /// <summary>Another peer, by peer exchange: hearsay.</summary>
    PeerExchange = 3,

    /// <summary>Multicast DNS in the local network.</summary>
    LocalMdns = 4,

    /// <summary>The peer itself, in its HELLO.</summary>
    Hello = 5,
}
