using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Meshara.Cli.Doctor;

/// <summary>The interfaces of this machine, their addresses, and whether multicast comes back on them.</summary>
internal static class InterfaceCheck
{
    public static async Task<IReadOnlyList<FindingLine>> RunAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        NetworkInterface[] all;
        try
        {
            all = NetworkInterface.GetAllNetworkInterfaces();
        }
        catch (NetworkInformationException e)
        {
            return [new FindingLine("interface", FindingLine.Unseen, "all", $"This system does not show its network interfaces: {e.Message}")];
        }

        List<FindingLine> findings = [];
        List<(string Name, AddressFamily Family, Task<MulticastResult> Result)> tests = [];
        foreach (NetworkInterface one in all.OrderBy(static n => n.Name, StringComparer.Ordinal))
        {
            IPAddress[] addresses = AddressesOf(one);
            findings.Add(Describe(one, addresses));
            if (one is { OperationalStatus: OperationalStatus.Up or OperationalStatus.Unknown, SupportsMulticast: true, NetworkInterfaceType: not NetworkInterfaceType.Loopback })
            {
                foreach (AddressFamily family in addresses.Select(static a => a.AddressFamily).Distinct().Where(family => IndexOf(one, family) is not null))
                {
                    tests.Add((one.Name, family, MulticastTest.RunAsync(IndexOf(one, family)!.Value, family, time, cancellationToken)));
                }
            }
        }

        await Task.WhenAll(tests.Select(static t => t.Result));
        List<(string Name, AddressFamily Family, MulticastResult Result)> results = [];
        foreach ((string name, AddressFamily family, Task<MulticastResult> result) in tests)
        {
            results.Add((name, family, await result));
        }

        findings.AddRange(Judge(results));
        return findings;
    }

    /// <summary>What the tests say together: a family that works on one interface is not broken by another.</summary>
    internal static IEnumerable<FindingLine> Judge(IReadOnlyList<(string Name, AddressFamily Family, MulticastResult Result)> results)
    {
        foreach (AddressFamily family in new[] { AddressFamily.InterNetwork, AddressFamily.InterNetworkV6 })
        {
            string version = family == AddressFamily.InterNetwork ? "IPv4" : "IPv6";
            (string Name, AddressFamily Family, MulticastResult Result)[] mine = [.. results.Where(r => r.Family == family)];
            if (mine.Length == 0)
            {
                yield return new FindingLine("multicast", FindingLine.Warning, version, $"No interface that carries multicast has an {version} address: nobody is found by {version}.")
                {
                    Advice = family == AddressFamily.InterNetwork ? "Give an interface an IPv4 address, if the other nodes have no IPv6." : "Switch IPv6 on (Linux: sysctl net.ipv6.conf.all.disable_ipv6=0), if the other nodes have no IPv4.",
                };
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

    private static FindingLine Describe(NetworkInterface one, IPAddress[] addresses)
    {
        string list = addresses.Length == 0 ? "no addresses" : string.Join(", ", addresses.Select(static a => a.ToString()));
        bool up = one.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown || one.NetworkInterfaceType == NetworkInterfaceType.Loopback;
        string kind = one.NetworkInterfaceType == NetworkInterfaceType.Loopback ? "loopback; " : !up ? "down; " : !one.SupportsMulticast ? "up, no multicast; " : "up; ";
        return new FindingLine("interface", FindingLine.Ok, one.Name, kind + list);
    }

    private static IPAddress[] AddressesOf(NetworkInterface one)
    {
        try
        {
            return [.. one.GetIPProperties().UnicastAddresses.Select(static a => a.Address)];
        }
        catch (NetworkInformationException)
        {
            // It went while it was looked at.
            return [];
        }
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
