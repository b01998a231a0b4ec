using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Meshara.Net;

/// <summary>Where a node that listens can be dialled: wildcards become the addresses of this machine.</summary>
internal static class ListenAddresses
{
    /// <summary>One address for each listener, or for a wildcard one for each address of an interface that is up.</summary>
    public static IReadOnlyList<PeerAddress> Expand(NodeId id, IEnumerable<TransportListener> listeners) =>
        [.. listeners.SelectMany(l => HostsOf(l.Host, Interfaces).Select(host => new PeerAddress(host, l.Port, id))).Distinct()];

    /// <summary>The hosts that a listener's host stands for.</summary>
    /// <param name="host">An address, a wildcard, or a name.</param>
    /// <param name="interfaces">Addresses of this machine.</param>
    public static IEnumerable<string> HostsOf(string host, Func<IEnumerable<IPAddress>> interfaces)
    {
        if (!IPAddress.TryParse(host, out IPAddress? address) || !(address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any)))
        {
            return [host];
        }

        // "::" takes IPv4 as well; link-local addresses mean nothing without the dialer's own scope.
        bool both = address.AddressFamily == AddressFamily.InterNetworkV6;
        IPAddress[] usable =
        [
            .. interfaces()
                .Where(a => a.AddressFamily == AddressFamily.InterNetwork || (both && a.AddressFamily == AddressFamily.InterNetworkV6))
                .Where(a => !a.IsIPv6LinkLocal && !a.IsIPv6Multicast)
                .OrderBy(a => a.AddressFamily == AddressFamily.InterNetworkV6),
        ];
        IPAddress[] reachable = [.. usable.Where(a => !IPAddress.IsLoopback(a))];

        // Without a network there is still this machine.
        IEnumerable<IPAddress> chosen = reachable.Length > 0 ? reachable : usable.Length > 0 ? usable : [IPAddress.Loopback];
        return chosen.Select(a => a.ToString());
    }

    private static IEnumerable<IPAddress> Interfaces()
    {
        try
        {
            return [.. NetworkInterface.GetAllNetworkInterfaces()
                .Where(n => n.OperationalStatus == OperationalStatus.Up || n.NetworkInterfaceType == NetworkInterfaceType.Loopback)
                .SelectMany(n => n.GetIPProperties().UnicastAddresses)
                .Select(a => a.Address)];
        }
        catch (NetworkInformationException)
        {
            // A sandbox may hide the interfaces; listening works all the same.
            return [];
        }
    }
}
