using System.Net.NetworkInformation;
using System.Net.Sockets;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Doctor;

/// <summary>The interfaces of this machine, their addresses, and whether multicast comes back on them.</summary>
internal static class InterfaceCheck
{
    /// <summary>Looks at each, and tries multicast where it can be.</summary>
    /// <param name="all">Those of this machine; null: the system does not show them.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<IReadOnlyList<FindingLine>> RunAsync(IReadOnlyList<LocalInterface>? all, TimeProvider time, CancellationToken cancellationToken)
    {
        if (all is null)
        {
            return [new FindingLine("interface", FindingLine.Unseen, "all", "This system does not show its network interfaces.")];
        }

        List<FindingLine> findings = [.. all.Select(one => Describe(one, all))];
        List<(string Name, AddressFamily Family, Task<MulticastResult> Result)> tests = [];
        foreach (LocalInterface one in all.Where(static one => one is { IsUp: true, HasMulticast: true, Kind: not InterfaceKind.Loopback }))
        {
            foreach (AddressFamily family in one.Addresses.Select(static a => a.Address.AddressFamily).Distinct().Where(family => IndexOf(one.System!, family) is not null))
            {
                tests.Add((one.Name, family, MulticastTest.RunAsync(IndexOf(one.System!, family)!.Value, family, time, cancellationToken)));
            }
        }

        await Task.WhenAll(tests.Select(static t => t.Result));
        List<(string Name, AddressFamily Family, MulticastResult Result)> results = [];
        foreach ((string name, AddressFamily family, Task<MulticastResult> result) in tests)
        {
            results.Add((name, family, await result));
        }

        findings.AddRange(Judge(results, all));
        return findings;
    }

    /// <summary>What the tests say together: a family that works on one interface is not broken by another.</summary>
    internal static IEnumerable<FindingLine> Judge(IReadOnlyList<(string Name, AddressFamily Family, MulticastResult Result)> results, IReadOnlyList<LocalInterface> all)
    {
        foreach (AddressFamily family in new[] { AddressFamily.InterNetwork, AddressFamily.InterNetworkV6 })
        {
            string version = family == AddressFamily.InterNetwork ? "IPv4" : "IPv6";
            (string Name, AddressFamily Family, MulticastResult Result)[] mine = [.. results.Where(r => r.Family == family)];
            if (mine.Length == 0)
            {
                yield return NoFamily(family, version, all);
                continue;
            }

            bool works = mine.Any(static r => r.Result.FailedStep is null);
            foreach ((string name, _, MulticastResult result) in mine)
            {
                string subject = $"{name}, {version}";
                yield return result.FailedStep is null
                    ? new FindingLine("multicast", FindingLine.Ok, subject, $"A multicast DNS packet was sent to {Group(family)} and came back.")
                    : Explain(result, subject, family, name, works ? FindingLine.Warning : FindingLine.Broken);
            }
        }
    }

    private static FindingLine Explain(MulticastResult result, string subject, AddressFamily family, string name, string state)
    {
        string group = Group(family);
        (string what, string advice) = (result.FailedStep, result.Error) switch
        {
            ("bind", SocketError.AddressAlreadyInUse) => ("port 5353/udp is held by another program for itself alone", "Stop that program, or let it share the port (SO_REUSEADDR, SO_REUSEPORT); the lines on port 5353 say which it is."),
            ("bind", SocketError.AccessDenied) => ("this program may not open port 5353/udp", "Run it with the rights to, or start the node with --no-mdns."),
            ("join", SocketError.NoBufferSpaceAvailable) => ($"the group {group} cannot be joined: the limit of memberships is reached", "Raise it: sysctl net.ipv4.igmp_max_memberships=100"),
            ("send", SocketError.AccessDenied) => ($"a firewall of this machine forbids to send to {group}", "The lines on the firewall name the rule; let 5353/udp out."),
            ("send", SocketError.NetworkUnreachable or SocketError.HostUnreachable or SocketError.NetworkDown or SocketError.AddressNotAvailable) => (
                $"there is no route to the multicast group {group} (\"{(result.Error == SocketError.HostUnreachable ? "no route to host" : "network is unreachable")}\")",
                OperatingSystem.IsMacOS()
                    ? "System Settings, Privacy & Security, Local Network: allow this program (or the terminal that starts it); macOS says 'no route to host' to programs that may not."
                    : family == AddressFamily.InterNetwork ? $"Look for an unreachable or missing route: ip route get {group}; add one: ip route add 224.0.0.0/4 dev {name}" : $"Look for an unreachable or missing route: ip -6 route get {group} oif {name}"),
            ("hear", _) => ($"a packet was sent to {group} and did not come back", "A firewall drops 5353/udp here: the lines on the firewall name the rule where it can be read. Let 5353/udp in."),
            var (step, error) => ($"the step '{step}' failed{(error is { } e ? $" ({e})" : "")}", "Check this interface; nodes there have to be named by address."),
        };
        return new FindingLine("multicast", state, subject, $"Multicast does not work: {what}.") { Advice = advice };
    }

    // Nobody is found by this family: is an interface down, or its multicast off, or is there no address?
    private static FindingLine NoFamily(AddressFamily family, string version, IReadOnlyList<LocalInterface> all)
    {
        LocalInterface[] lan = [.. all.Where(static one => one.Kind == InterfaceKind.Lan)];
        if (lan.FirstOrDefault(one => one is { IsUp: true, HasMulticast: false } && one.Addresses.Any(a => a.Address.AddressFamily == family)) is { } off)
        {
            return new FindingLine("multicast", FindingLine.Warning, version, $"{off.Name} has an {version} address, but its MULTICAST flag is off, and no other interface carries multicast by {version}: nobody is found by {version}.") { Advice = off.MulticastAdvice };
        }

        // One that is down has lost its IPv6 addresses.
        if (!all.Any(static one => one.IsUsable) && lan.FirstOrDefault(static one => !one.IsUp) is { } down)
        {
            return new FindingLine("multicast", FindingLine.Warning, version, $"{down.Name} is down, and no other interface carries multicast by {version}: nobody is found by {version}.") { Advice = down.UpAdvice };
        }

        if (all.FirstOrDefault(static one => one is { IsUnread: true, IsUsable: true, HasMulticast: true }) is { } unread)
        {
            return new FindingLine("multicast", FindingLine.Unseen, version, $"The addresses of {unread.Name} cannot be read, and no other interface that carries multicast has an {version} address: whether anybody is found by {version} is not seen.");
        }

        return new FindingLine("multicast", FindingLine.Warning, version, $"No interface that carries multicast has an {version} address: nobody is found by {version}.")
        {
            Advice = family == AddressFamily.InterNetwork ? "Give an interface an IPv4 address, if the other nodes have no IPv6." : "Switch IPv6 on (Linux: sysctl net.ipv6.conf.all.disable_ipv6=0), if the other nodes have no IPv4.",
        };
    }

    /// <summary>What one of the interfaces is, and whether it stands in the way.</summary>
    internal static FindingLine Describe(LocalInterface one, IReadOnlyList<LocalInterface> all)
    {
        string list = one.IsUnread ? "its addresses cannot be read" : one.Addresses.Count == 0 ? "no addresses" : string.Join(", ", one.Addresses.Select(static a => Scope.Bare(a.Address).ToString()));
        if (one.Kind == InterfaceKind.Loopback)
        {
            return new FindingLine("interface", FindingLine.Ok, one.Name, $"loopback; {list}");
        }

        if (!one.IsUp)
        {
            return one.Kind == InterfaceKind.Lan && !all.Any(static other => other.IsUsable)
                ? new FindingLine("interface", FindingLine.Warning, one.Name, $"down; {list}. Nothing is sent or heard on it{(one.LacksCarrier ? " (it is switched on, but has no other end)" : "")}, and this machine has no other network.") { Advice = one.UpAdvice }
                : new FindingLine("interface", FindingLine.Ok, one.Name, $"down; {list}");
        }

        if (one.HasMulticast)
        {
            return new FindingLine("interface", FindingLine.Ok, one.Name, $"up; {list}");
        }

        // Tunnels and lines with one other end have none, which is no fault where another interface has.
        bool isFault = one.IsUsable && one.Kind == InterfaceKind.Lan;
        bool isAlone = one.IsUsable && !all.Any(static other => other is { IsUsable: true, HasMulticast: true }) && !all.Any(static other => other is { IsUsable: true, Kind: InterfaceKind.Lan });
        return isFault ? new FindingLine("interface", FindingLine.Warning, one.Name, $"up, no multicast; {list}. Multicast DNS cannot work on it: its MULTICAST flag is off.") { Advice = one.MulticastAdvice }
            : isAlone ? new FindingLine("interface", FindingLine.Warning, one.Name, $"up, no multicast; {list}. Nobody is found by multicast DNS: no interface of this machine carries multicast.") { Advice = "Name the other nodes by their addresses (meshara add)." }
            : new FindingLine("interface", FindingLine.Ok, one.Name, $"up, no multicast; {list}");
    }

    private static int? IndexOf(NetworkInterface one, AddressFamily family)
    {
        try
        {
            IPInterfaceProperties properties = one.GetIPProperties();
            return family == AddressFamily.InterNetwork ? properties.GetIPv4Properties().Index : properties.GetIPv6Properties().Index;
        }
        catch (NetworkInformationException)
        {
            return null;
        }
    }

    private static string Group(AddressFamily family) => family == AddressFamily.InterNetwork ? "224.0.0.251" : "ff02::fb";
}
