using System.Net;

namespace Meshara.Mdns;

/// <summary>One network interface, and how multicast DNS fares on it.</summary>
public sealed record InterfaceState
{
    /// <summary>The system's name of the interface, as <c>eth0</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The system's number of the interface.</summary>
    public required int Index { get; init; }

    /// <summary>Its addresses.</summary>
    public required IReadOnlyList<IPAddress> Addresses { get; init; }

    /// <summary>How 224.0.0.251 fares; null: not used here, because the interface has no address of the family or it is switched off.</summary>
    public FamilyState? IPv4 { get; init; }

    /// <summary>How ff02::fb fares; null: as for IPv4.</summary>
    public FamilyState? IPv6 { get; init; }
}

/// <summary>How the multicast group of one address family fares on one interface.</summary>
public sealed record FamilyState
{
    /// <summary>Whether the group was joined, so that packets can be heard.</summary>
    public bool Joined { get; init; }

    /// <summary>Why the group could not be joined, or the family not be used at all; null: it was. It is tried again every five seconds.</summary>
    public string? JoinError { get; init; }

    /// <summary>What the system said when the last packet was sent; null: that went well, or none was sent.</summary>
    public string? LastSendError { get; init; }

    /// <summary>When a packet was last heard, of anybody, this program's own among them; null: never.</summary>
    public DateTimeOffset? LastHeard { get; init; }

    /// <summary>How many packets were sent without an error.</summary>
    public long PacketsSent { get; init; }

    /// <summary>How many packets were heard.</summary>
    public long PacketsHeard { get; init; }

    /// <summary>How many of the packets sent here were heard again: more than 0 shows that multicast leaves and comes.</summary>
    public long PacketsLoopedBack { get; init; }

    /// <summary>Whether another program of this host is bound to UDP port 5353 too: packets to this host alone reach only one of them.</summary>
    public bool PortShared { get; init; }
}
