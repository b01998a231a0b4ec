using System.Globalization;
using System.Runtime.InteropServices;

namespace Meshara.Cli.Doctor.Firewall;

/// <summary>Ports from the first to the last.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct PortRange(int First, int Last)
{
    /// <summary>Those that a system gives to a program which asks for none.</summary>
    public static PortRange Ephemeral { get; } = new(1024, 65535);

    public static implicit operator PortRange(int port) => new(port, port);

    /// <summary>Whether a port of this range is in another, written <c>80</c> or <c>80-90</c>. A name that is not understood is Maybe.</summary>
    public Truth IsIn(string text)
    {
        string[] parts = text.Split('-', ':');
        if (parts.Length > 2 || Number(parts[0]) is not { } low || Number(parts[^1]) is not { } high)
        {
            return Truth.Maybe;
        }

        return Last < low || First > high ? Truth.No : First >= low && Last <= high ? Truth.Yes : Truth.Maybe;
    }

    private static int? Number(string text) => text == "mdns" ? 5353 : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;
}

/// <summary>A kind of packet of which a firewall is asked: what is known of all of them.</summary>
internal sealed record FirewallPacket
{
    /// <summary>Whether it comes in (prerouting, input); else it goes out (output, postrouting).</summary>
    public required bool IsInbound { get; init; }

    public required bool IsIPv6 { get; init; }

    /// <summary><c>tcp</c> or <c>udp</c>.</summary>
    public required string Protocol { get; init; }

    public required PortRange SourcePort { get; init; }

    public required PortRange DestinationPort { get; init; }

    /// <summary>Where it may come from; none: unknown.</summary>
    public IReadOnlyList<AddressRange> Sources { get; init; } = [];

    /// <summary>Where it may go; none: unknown.</summary>
    public IReadOnlyList<AddressRange> Destinations { get; init; } = [];

    /// <summary>The kernel's word for the destination: <c>local</c>, <c>multicast</c>, <c>unicast</c>.</summary>
    public required string DestinationType { get; init; }

    /// <summary>By which interface it comes or goes; null: by any that is not loopback.</summary>
    public string? Interface { get; init; }

    /// <summary>The kernel's word for its connection: <c>new</c> or <c>established</c>.</summary>
    public required string State { get; init; }

    /// <summary>The flags of TCP.</summary>
    public IReadOnlyList<string> TcpFlags { get; init; } = [];

    /// <summary>Whether it comes or goes by an interface of this name.</summary>
    /// <param name="name">May end with <paramref name="wildcard"/>.</param>
    /// <param name="wildcard"><c>*</c> of nft, <c>+</c> of iptables.</param>
    public Truth IsBy(string name, char wildcard) =>
        name == "lo" ? Truth.No
        : name == wildcard.ToString() ? Truth.Yes
        : Interface is null ? Truth.Maybe
        : Truths.Of(name.EndsWith(wildcard) ? Interface.StartsWith(name[..^1], StringComparison.Ordinal) : name == Interface);

    /// <summary>Whether its protocol is the one that is named or numbered.</summary>
    public Truth IsOf(string protocol) => Truths.Of(protocol == Protocol || protocol == (Protocol == "tcp" ? "6" : "17"));

    /// <summary>Whether an address of it is in a range as the tools write it.</summary>
    public Truth IsAt(IReadOnlyList<AddressRange> addresses, string text) =>
        !AddressRange.TryParse(text, out AddressRange? range) ? Truth.Maybe
        : addresses.Count == 0 ? AddressRange.All(IsIPv6).IsIn(range.Value)
        : Truths.Same([.. addresses.Select(address => address.IsIn(range.Value))]);

    /// <summary>The kernel's word for its source.</summary>
    public string SourceType => IsInbound ? "unicast" : "local";
}
