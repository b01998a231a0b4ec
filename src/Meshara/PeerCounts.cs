namespace Meshara;

/// <summary>How many peers a node has and wants, as it was at one moment.</summary>
public sealed record PeerCounts
{
    /// <summary><see cref="DiscoveryOptions.TargetPeers"/>.</summary>
    public required int Target { get; init; }

    /// <summary><see cref="DiscoveryOptions.MaxPeers"/>.</summary>
    public required int Max { get; init; }

    /// <summary>Peers that the operator named; they count against nothing.</summary>
    public required int Static { get; init; }

    /// <summary>Mesh peers that dialled this node, newcomers among them.</summary>
    public required int Inbound { get; init; }

    /// <summary>Mesh peers that this node dialled, newcomers among them.</summary>
    public required int Outbound { get; init; }

    /// <summary>Connections that are extra for a moment: a newcomer for whom another peer will give way, and a test of an address.</summary>
    public required int Passing { get; init; }

    /// <summary>Addresses that were reached.</summary>
    public required int ProvenAddresses { get; init; }

    /// <summary>Addresses that were only heard of.</summary>
    public required int UnprovenAddresses { get; init; }

    /// <summary>Ids that are banned for their conduct; <see cref="Node.ListBannedAsync"/> lists them.</summary>
    public required int Banned { get; init; }

    /// <summary><see cref="Inbound"/> and <see cref="Outbound"/>.</summary>
    public int Mesh => Inbound + Outbound;
}
