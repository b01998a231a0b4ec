namespace Meshara.Core.Policy;

/// <summary>Where an inbound connection comes from; no lane takes anything from another.</summary>
internal enum AcceptLane
{
    /// <summary>Exempt from every limit but <see cref="AcceptLimits.MaxGreetings"/>.</summary>
    Trusted,

    /// <summary>An address of a peer that the operator named.</summary>
    Pinned,

    /// <summary>An address at which a peer was reached before.</summary>
    Proven,

    /// <summary>A network of this machine's interfaces.</summary>
    OnLink,

    /// <summary>Everybody else.</summary>
    Public,
}

/// <summary>Why an inbound connection was closed before TLS was done; the values are in the metrics.</summary>
internal enum AcceptLevel
{
    /// <summary>Too many from its address.</summary>
    Address,

    /// <summary>Too many from its /24 or /48.</summary>
    Network,

    /// <summary>Too many from its /16 or /32.</summary>
    Wide,

    /// <summary>The waiting pool of its lane was full, and its group the largest there.</summary>
    Pool,

    /// <summary>No complete ClientHello, or no turn, within the deadline of TLS.</summary>
    Late,

    /// <summary>What it sent first is no ClientHello.</summary>
    NotTls,

    /// <summary>Its handshake stood still while others waited for the place.</summary>
    Stalled,

    /// <summary>Too many of its lane are between TLS and a link.</summary>
    Greetings,
}
