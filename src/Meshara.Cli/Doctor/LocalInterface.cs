using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using Meshara.Cli.Doctor.Firewall;

namespace Meshara.Cli.Doctor;

/// <summary>A network interface of this machine, as it was at one moment.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">What it is.</param>
/// <param name="IsUp">Whether packets pass.</param>
/// <param name="HasMulticast">Whether it says that it carries multicast.</param>
/// <param name="Addresses">Its addresses with the length of their networks.</param>
internal sealed record LocalInterface(string Name, InterfaceKind Kind, bool IsUp, bool HasMulticast, IReadOnlyList<(IPAddress Address, int Length)> Addresses)
{
    // IFF_UP, IFF_BROADCAST, IFF_POINTOPOINT and IFF_NOARP of netdevice(7).
    private const int FlagUp = 0x1, FlagBroadcast = 0x2, FlagPointToPoint = 0x10, FlagNoArp = 0x80;

    /// <summary>For the index by family; null: made by a test.</summary>
    public NetworkInterface? System { get; init; }

    /// <summary>Whether it was switched on and has no other end: no cable, no wireless network.</summary>
    public bool LacksCarrier { get; init; }

    /// <summary>Whether its addresses could not be read: then there are none here, and nobody knows which it has.</summary>
    public bool IsUnread { get; init; }

    /// <summary>Whether packets to other machines may take it, as far as is known.</summary>
    public bool IsUsable => IsUp && Kind != InterfaceKind.Loopback && (IsUnread || Addresses.Count > 0);

    /// <summary>What gets one that is down up again.</summary>
    public string UpAdvice => LacksCarrier ? $"Plug in the cable of {Name}, or join its wireless network." : OperatingSystem.IsLinux() ? $"ip link set {Name} up" : $"Switch {Name} on in the system's network settings.";

    /// <summary>What switches its multicast on.</summary>
    public string MulticastAdvice => OperatingSystem.IsLinux() ? $"ip link set {Name} multicast on" : $"Switch multicast on for {Name}.";

    /// <summary>Those of this machine, by name; null: the system does not show them.</summary>
    public static IReadOnlyList<LocalInterface>? All()
    {
        try
        {
            // A bridge of containers without any is down as a rule: it is nobody's cable.
            return [.. NetworkInterface.GetAllNetworkInterfaces()
                .OrderBy(static n => Directory.Exists($"/sys/class/net/{n.Name}/bridge")).ThenBy(static n => n.Name, StringComparer.Ordinal).Select(static one => Read(one, FlagsOf(one.Name)))];
        }
        catch (Exception)
        {
            // Systems tell of interfaces in words that the framework does not know, and it throws what it likes: no reason to say nothing of the rest.
            return null;
        }
    }

    /// <summary>The interface that is down and therefore keeps packets to an address from leaving; null: none does.</summary>
    /// <param name="all">Those of this machine.</param>
    /// <param name="to">The address; null: a name, whose addresses are not known.</param>
    public static LocalInterface? DownTowards(IReadOnlyList<LocalInterface> all, IPAddress? to)
    {
        if (to is not null && IPAddress.IsLoopback(to))
        {
            return null;
        }

        // A network in which two interfaces are, wireless and by cable, is reached by the one that is up.
        if (to is not null && all.Any(one => one.IsUsable && one.Reaches(to)))
        {
            return null;
        }

        LocalInterface[] down = [.. all.Where(static one => one is { IsUp: false, Kind: InterfaceKind.Lan })];
        return (to is null ? null : down.FirstOrDefault(one => one.Reaches(to)))
            ?? (all.Any(static one => one.IsUsable) ? null : down.FirstOrDefault());
    }

    // Every interface has a network fe80::/64; the scope says which is meant.
    private bool Reaches(IPAddress to) => Addresses.Any(a =>
        AddressRange.Network(to, 128).IsIn(AddressRange.Network(a.Address, a.Length)) == Truth.Yes
        && (!to.IsIPv6LinkLocal || to.ScopeId == 0 || to.ScopeId == a.Address.ScopeId));

    /// <summary>What is known of one.</summary>
    /// <param name="one">Which.</param>
    /// <param name="flags">Its flags (Linux); null: not known.</param>
    internal static LocalInterface Read(NetworkInterface one, int? flags)
    {
        bool isUp = one.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown || one.NetworkInterfaceType == NetworkInterfaceType.Loopback;
        (IPAddress Address, int Length)[]? addresses = AddressesOf(one);
        return new LocalInterface(one.Name, KindOf(one.NetworkInterfaceType, flags), isUp, one.SupportsMulticast, addresses ?? [])
        {
            System = one,
            IsUnread = addresses is null,
            LacksCarrier = !isUp && flags is { } known && (known & FlagUp) != 0,
        };
    }

    /// <summary>A dummy device has no ARP, a tunnel one other end: neither is where neighbours are.</summary>
    internal static InterfaceKind KindOf(NetworkInterfaceType type, int? flags) =>
        type == NetworkInterfaceType.Loopback ? InterfaceKind.Loopback
        : flags is { } known ? (known & (FlagBroadcast | FlagPointToPoint | FlagNoArp)) == FlagBroadcast ? InterfaceKind.Lan : InterfaceKind.Other
        : type is NetworkInterfaceType.Ethernet or NetworkInterfaceType.GigabitEthernet or NetworkInterfaceType.Wireless80211 ? InterfaceKind.Lan : InterfaceKind.Other;

    private static int? FlagsOf(string name)
    {
        try
        {
            // "0x1003"
            return OperatingSystem.IsLinux()
                && int.TryParse(File.ReadAllText($"/sys/class/net/{name}/flags").Trim().AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out int flags) ? flags : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException)
        {
            return null;
        }
    }

    private static (IPAddress Address, int Length)[]? AddressesOf(NetworkInterface one)
    {
        try
        {
            return [.. one.GetIPProperties().UnicastAddresses.Select(static a => (a.Address, a.PrefixLength))];
        }
        catch (Exception)
        {
            // It went while it was looked at, or is one that the framework does not take: the others are told of.
            return null;
        }
    }
}

/// <summary>What an interface is.</summary>
internal enum InterfaceKind
{
    /// <summary>Of this machine to itself.</summary>
    Loopback,

    /// <summary>Neighbours are there: Ethernet, wireless.</summary>
    Lan,

    /// <summary>A tunnel, a line with one other end, a device without neighbours.</summary>
    Other,
}
