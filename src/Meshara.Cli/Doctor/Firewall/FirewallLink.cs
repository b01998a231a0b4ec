using System.Net;
using System.Net.Sockets;

namespace Meshara.Cli.Doctor.Firewall;

/// <summary>A port on which the node can be called from other machines.</summary>
/// <param name="Port">The port.</param>
/// <param name="IPv4">Whether by IPv4.</param>
/// <param name="IPv6">Whether by IPv6.</param>
internal sealed record ListenPort(int Port, bool IPv4, bool IPv6)
{
    /// <summary>The ports of a node's addresses. Loopback counts not: no firewall stands between this machine and itself.</summary>
    public static IEnumerable<ListenPort> Of(IEnumerable<PeerAddress> addresses) =>
        addresses.Select(static address => (address.Port, Ip: IPAddress.TryParse(address.Host, out IPAddress? ip) ? ip : null))
            .Where(static one => one.Ip is null || !IPAddress.IsLoopback(one.Ip))
            .GroupBy(static one => one.Port)
            .Select(static port => new ListenPort(
                port.Key,
                port.Any(static one => one.Ip is null or { AddressFamily: AddressFamily.InterNetwork }),
                port.Any(static one => one.Ip is null or { AddressFamily: AddressFamily.InterNetworkV6 })));
}

/// <summary>An interface by which packets come and go.</summary>
/// <param name="Name">Its name; null: any that is not loopback.</param>
/// <param name="Addresses">Its addresses with the length of their networks; null: unknown.</param>
internal sealed record FirewallLink(string? Name, IReadOnlyList<(IPAddress Address, int Length)>? Addresses)
{
    // What is sent to ff02::fb comes from such an address (RFC 6724 section 5, rule 2).
    private static readonly AddressRange[] LinkLocal = [AddressRange.Network(IPAddress.Parse("fe80::"), 64)];

    /// <summary>Those that are up and have addresses; where none is seen, one that could be any.</summary>
    /// <param name="interfaces">Those of this machine; null: the system does not show them.</param>
    public static IReadOnlyList<FirewallLink> Of(IReadOnlyList<LocalInterface>? interfaces)
    {
        FirewallLink[] all = [.. (interfaces ?? []).Where(static one => one.IsUsable).OrderBy(static one => one.Name, StringComparer.Ordinal).Select(static one => new FirewallLink(one.Name, one.IsUnread ? null : one.Addresses))];
        return all.Length > 0 ? all : [new FirewallLink(null, null)];
    }

    /// <summary>Whether it carries packets of a family.</summary>
    public bool Has(bool isIPv6) => Addresses?.Any(a => IsOf(a.Address, isIPv6)) != false;

    /// <summary>Where neighbours have their addresses.</summary>
    public IReadOnlyList<AddressRange> Neighbours(bool isIPv6) => Ranges(isIPv6, static length => length);

    /// <summary>A multicast DNS packet of a neighbour.</summary>
    public FirewallPacket MdnsIn(bool isIPv6) => Mdns(isIPv6, isInbound: true) with { Sources = isIPv6 ? LinkLocal : Neighbours(isIPv6) };

    /// <summary>A multicast DNS packet of this machine.</summary>
    public FirewallPacket MdnsOut(bool isIPv6) => Mdns(isIPv6, isInbound: false) with { Sources = isIPv6 ? LinkLocal : Ranges(isIPv6, static _ => 128) };

    /// <summary>The first packet of somebody's call.</summary>
    public FirewallPacket Call(int port, bool isIPv6) => new()
    {
        IsInbound = true,
        IsIPv6 = isIPv6,
        Protocol = "tcp",
        SourcePort = PortRange.Ephemeral,
        DestinationPort = port,
        Destinations = Ranges(isIPv6, static _ => 128),
        DestinationType = "local",
        Interface = Name,
        State = "new",
        TcpFlags = ["syn"],
    };

    /// <summary>The node's first packet back.</summary>
    public FirewallPacket Answer(int port, bool isIPv6) => new()
    {
        IsInbound = false,
        IsIPv6 = isIPv6,
        Protocol = "tcp",
        SourcePort = port,
        DestinationPort = PortRange.Ephemeral,
        Sources = Ranges(isIPv6, static _ => 128),
        DestinationType = "unicast",
        Interface = Name,
        State = "established",
        TcpFlags = ["syn", "ack"],
    };

    private FirewallPacket Mdns(bool isIPv6, bool isInbound) => new()
    {
        IsInbound = isInbound,
        IsIPv6 = isIPv6,
        Protocol = "udp",
        SourcePort = 5353,
        DestinationPort = 5353,
        Destinations = [AddressRange.Network(IPAddress.Parse(isIPv6 ? "ff02::fb" : "224.0.0.251"), 128)],
        DestinationType = "multicast",
        Interface = Name,
        State = "new",
    };

    private AddressRange[] Ranges(bool isIPv6, Func<int, int> length) =>
        [.. (Addresses ?? []).Where(a => IsOf(a.Address, isIPv6)).Select(a => AddressRange.Network(a.Address, length(a.Length)))];

    private static bool IsOf(IPAddress address, bool isIPv6) => address.AddressFamily == AddressFamily.InterNetworkV6 == isIPv6;
}
