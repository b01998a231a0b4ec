using System.Net;

namespace Meshara.Mdns.Engine;

/// <summary>A service that is published, as the engine knows it.</summary>
internal readonly record struct PublicationId(long Value);

/// <summary>Somebody who browses, as the engine knows him.</summary>
internal readonly record struct BrowseId(long Value);

/// <summary>What the engine is bounded by.</summary>
/// <param name="CacheLimit">Most records remembered for each link.</param>
/// <param name="PacketsPerSecond">Most packets a second for each link, after a burst of twice as many: of its own (probes, announcements, queries), and as many of answers. See <see cref="LinkBudget"/>.</param>
internal sealed record EngineConfig(int CacheLimit = 4096, int PacketsPerSecond = 50);

/// <summary>How a type is asked for: after the pauses of RFC 6762 section 5.2, or never less often than every <paramref name="RequeryInterval"/>.</summary>
internal readonly record struct BrowseSchedule(TimeSpan? RequeryInterval);

/// <summary>One interface that can be used now.</summary>
/// <param name="Index">The system's number.</param>
/// <param name="Name">The system's name.</param>
/// <param name="Addresses">Its addresses, the link-local ones with their scope.</param>
/// <param name="Subnets">What is on-link.</param>
/// <param name="IPv4">Whether the IPv4 group is used here.</param>
/// <param name="IPv6">Whether the IPv6 group is used here.</param>
/// <param name="IPv4PortShared">Whether another socket of this host holds port 5353 too: a unicast packet reaches one of them only (RFC 6762 section 15.1).</param>
/// <param name="IPv6PortShared">As for IPv4.</param>
internal sealed record EngineInterface(
    int Index,
    string Name,
    IReadOnlyList<IPAddress> Addresses,
    IReadOnlyList<IPNetwork> Subnets,
    bool IPv4,
    bool IPv6,
    bool IPv4PortShared = false,
    bool IPv6PortShared = false);

/// <summary>An interface and an address family: a link of its own, with its own probes, answers and cache (RFC 6762 section 14).</summary>
internal readonly record struct LinkKey(int InterfaceIndex, bool IPv6);

/// <summary>Where a packet came from.</summary>
/// <param name="Link">The interface and family on which it was heard.</param>
/// <param name="From">The sender.</param>
/// <param name="ToMulticast">Whether it was sent to the group, and not to this host alone.</param>
internal readonly record struct PacketInfo(LinkKey Link, IPEndPoint From, bool ToMulticast);

/// <summary>What the owner of the engine is to do.</summary>
internal abstract record EngineAction
{
    private EngineAction()
    {
    }

    /// <summary>Send from port 5353 through this interface; to the group where <paramref name="Destination"/> is null.</summary>
    internal sealed record Send(LinkKey Link, IPEndPoint? Destination, ReadOnlyMemory<byte> Packet) : EngineAction;

    /// <summary>A browser saw something.</summary>
    internal sealed record Changed(BrowseId Browse, ServiceChange Change) : EngineAction;

    /// <summary>The names of a publication are proven on at least one link and announced there. Comes once, and again after each change of name.</summary>
    internal sealed record Published(PublicationId Publication, ServicePublished Names) : EngineAction;

    /// <summary>A publication takes another name, because somebody else has it.</summary>
    internal sealed record Renamed(PublicationId Publication, ServiceRenamed Names) : EngineAction;
}
