using System.Globalization;
using System.Net;

namespace Meshara.Mdns.Net;

/// <summary>An IPv6 address as /proc/net/if_inet6 tells of it.</summary>
/// <param name="Address">Without a scope.</param>
/// <param name="PrefixLength">How much of it names the subnet.</param>
/// <param name="Flags">The kernel's IFA_F_… .</param>
internal readonly record struct LinuxAddress(IPAddress Address, int PrefixLength, int Flags)
{
    private const int Temporary = 0x01;
    private const int Failed = 0x08;
    private const int Deprecated = 0x20;
    private const int Tentative = 0x40;

    /// <summary>Being tried for duplicates: nothing can be sent from it yet.</summary>
    public bool IsTentative => (Flags & (Tentative | Failed)) == Tentative;

    /// <summary>Neither being tried nor found to be another's.</summary>
    public bool IsUsable => (Flags & (Tentative | Failed)) == 0;

    /// <summary>Link-local first, what will stay before what is temporary, what is to go last.</summary>
    public int Rank => Address.IsIPv6LinkLocal ? 0 : (Flags & Deprecated) != 0 ? 3 : (Flags & Temporary) != 0 ? 2 : 1;
}

/// <summary>What Linux tells of interfaces and the framework does not: flags, ports of bridges, addresses that are being tried, default routes.</summary>
internal sealed class LinuxInterfaces
{
    private const int Up = 0x1;
    private const int Loopback = 0x8;
    private const int PointToPoint = 0x10;
    private const int Multicast = 0x1000;

    private readonly ILookup<string, LinuxAddress> _addresses;
    private readonly HashSet<string> _defaultRoutes;

    private LinuxInterfaces(ILookup<string, LinuxAddress> addresses, HashSet<string> defaultRoutes)
    {
        _addresses = addresses;
        _defaultRoutes = defaultRoutes;
    }

    /// <summary>Reads what is so now.</summary>
    public static LinuxInterfaces Read() => new(
        ParseIPv6(Lines("/proc/net/if_inet6")),
        [.. Lines("/proc/net/route").Select(DefaultRouteIPv4).Concat(Lines("/proc/net/ipv6_route").Select(DefaultRouteIPv6)).OfType<string>()]);

    /// <summary>The kernel's number; null: it is gone.</summary>
    public int? Index(string name) => int.TryParse(First($"/sys/class/net/{name}/ifindex"), NumberStyles.None, null, out int index) ? index : null;

    /// <summary>The IPv6 addresses of an interface.</summary>
    public IEnumerable<LinuxAddress> IPv6Of(string name) => _addresses[name];

    /// <summary>Up, multicast, not loopback, not point-to-point, and not a port of a bridge or bond: there the master is the link, and the port would send each packet past it once more.</summary>
    /// <remarks>/sys may show the interfaces of another network namespace: what has another number there is not this one, and nothing is known of it.</remarks>
    public bool IsUsable(string name, int index)
    {
        string? text = First($"/sys/class/net/{name}/flags");
        if (text is null || Index(name) != index || !int.TryParse(text.AsSpan(Math.Min(2, text.Length)), NumberStyles.AllowHexSpecifier, null, out int flags))
            return true;
        return (flags & (Up | Multicast)) == (Up | Multicast) && (flags & (Loopback | PointToPoint)) == 0 && !IsPort(name);
    }

    /// <summary>What is joined first, because the system may not let us join all: those of default routes, cards, bridges, the rest.</summary>
    public int Rank(string name) =>
        _defaultRoutes.Contains(name) ? 0
        : Directory.Exists($"/sys/class/net/{name}/device") ? 1
        : Directory.Exists($"/sys/class/net/{name}/bridge") ? 2
        : 3;

    /// <summary>Lines such as <c>fe80000000000000… 02 40 20 80 eth0</c>: address, index, prefix, scope, flags, name, numbers in hex.</summary>
    internal static ILookup<string, LinuxAddress> ParseIPv6(IEnumerable<string> lines)
    {
        List<(string Name, LinuxAddress Address)> found = [];
        foreach (string line in lines)
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length >= 6 && words[0].Length == 32 && words[0].All(char.IsAsciiHexDigit) && IsHex(words[2], out int prefix) && prefix <= 128 && IsHex(words[4], out int flags))
                found.Add((words[5], new LinuxAddress(new IPAddress(Convert.FromHexString(words[0])), prefix, flags)));
        }

        return found.ToLookup(static f => f.Name, static f => f.Address, StringComparer.Ordinal);
    }

    /// <summary>A line of /proc/net/route: name, destination, gateway, flags …; null: not the default route.</summary>
    internal static string? DefaultRouteIPv4(string line)
    {
        string[] words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return words.Length >= 8 && words[1] == "00000000" && words[7] == "00000000" ? words[0] : null;
    }

    /// <summary>A line of /proc/net/ipv6_route: destination, prefix … name; null: not the default route. The kernel's own unreachable route is on lo.</summary>
    internal static string? DefaultRouteIPv6(string line)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words.Length >= 10 && words[1] == "00" && words[0].All(static c => c == '0') && words[9] != "lo" ? words[9] : null;
    }

    private static bool IsHex(string word, out int value) => int.TryParse(word, NumberStyles.AllowHexSpecifier, null, out value);

    // A VRF is a master too, but only of routes: its interfaces are links of their own.
    private static bool IsPort(string name) =>
        Directory.Exists($"/sys/class/net/{name}/master") && !Lines($"/sys/class/net/{name}/master/uevent").Contains("DEVTYPE=vrf", StringComparer.Ordinal);

    private static string? First(string path) => Lines(path) is [string line, ..] ? line : null;

    private static string[] Lines(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllLines(path) : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
