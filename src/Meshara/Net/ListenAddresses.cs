using System.Net;
using System.Net.Sockets;

namespace Meshara.Net;

/// <summary>Where a node that listens can be dialled: wildcards become the addresses of this machine.</summary>
internal static class ListenAddresses
{
    /// <summary>One address for each listener, or for a wildcard one for each address of an interface that is up.</summary>
    /// <param name="id">Of the node.</param>
    /// <param name="listeners">Where it listens.</param>
    /// <param name="scan">The addresses of this machine; null: those of its interfaces.</param>
    public static IReadOnlyList<PeerAddress> Expand(NodeId id, IEnumerable<TransportListener> listeners, Func<IReadOnlySet<LocalAddress>?>? scan = null) =>
        Expand(
            id,
            listeners.Select(l => (l.Host, l.Port, TakesIPv4(l))),
            scan is null ? Interfaces.Addresses : () => scan()?.Where(a => a.IsUp).Select(a => a.Address) ?? []);

    /// <summary>The same.</summary>
    /// <param name="id">Of the node.</param>
    /// <param name="listeners">Host (an address, a wildcard, or a name) and port of each, and whether it takes IPv4: <c>::</c> may do so too.</param>
    /// <param name="interfaces">Addresses of this machine.</param>
    public static IReadOnlyList<PeerAddress> Expand(
        NodeId id, IEnumerable<(string Host, int Port, bool TakesIPv4)> listeners, Func<IEnumerable<IPAddress>> interfaces)
    {
        (string Host, int Port, bool TakesIPv4)[] all = [.. listeners];
        IPAddress[] ours = all.Any(l => IsWildcard(l.Host, out _)) ? [.. interfaces().Where(a => !a.IsIPv6Multicast)] : [];

        // Decided for all listeners together: beside an address that others can use, nobody needs one that means nothing to them.
        IEnumerable<IPAddress> reached = all.SelectMany(l => StandsFor(l.Host, l.TakesIPv4, ours));
        int best = reached.Select(Worth).DefaultIfEmpty(0).Max();
        IEnumerable<PeerAddress> expanded =
            from l in all
            from host in IsWildcard(l.Host, out IPAddress? wildcard) ? Hosts(wildcard, l.TakesIPv4) : [l.Host]
            select new PeerAddress(host, l.Port, id);
        return [.. expanded.Distinct()];

        IEnumerable<string> Hosts(IPAddress wildcard, bool takesIPv4)
        {
            IPAddress[] found = [.. StandsFor(wildcard.ToString(), takesIPv4, ours).Where(a => Worth(a) == best).OrderBy(a => a.AddressFamily == AddressFamily.InterNetworkV6)];

            // Where interfaces are hidden there is still this machine.
            return found.Length > 0 ? found.Select(a => a.ToString())
                : ours.Length > 0 ? []
                : [(takesIPv4 ? IPAddress.Loopback : IPAddress.IPv6Loopback).ToString()];
        }
    }

    /// <summary>Ports of listeners on a wildcard, and the families that each takes.</summary>
    /// <param name="listeners">Where the node listens.</param>
    /// <param name="others">Listeners of other transports than TCP too: their addresses are this machine's.</param>
    public static IReadOnlyList<(int Port, AddressFamily Family)> Everywhere(IEnumerable<TransportListener> listeners, bool others = false) =>
    [
        .. from l in listeners
           where (others || l is TcpTransportListener) && IsWildcard(l.Host, out _)
           from family in Families(l)
           select (l.Port, family),
    ];

    // `::` of another transport takes what there is.
    private static bool TakesIPv4(TransportListener listener) => listener is not TcpTransportListener tcp || tcp.TakesIPv4;

    private static IEnumerable<AddressFamily> Families(TransportListener listener)
    {
        if (IPAddress.Parse(listener.Host).AddressFamily == AddressFamily.InterNetworkV6)
        {
            yield return AddressFamily.InterNetworkV6;
        }

        if (TakesIPv4(listener))
        {
            yield return AddressFamily.InterNetwork;
        }
    }

    /// <summary>Whether an address means something on other machines: a link-local IPv6 address has a scope that is one machine's own.</summary>
    public static bool MeansTheSameElsewhere(PeerAddress address) => !IPAddress.TryParse(address.Host, out IPAddress? ip) || !ip.IsIPv6LinkLocal;

    private static IEnumerable<IPAddress> StandsFor(string host, bool takesIPv4, IPAddress[] ours) => !IsWildcard(host, out IPAddress? wildcard) ? []
        : ours.Where(a => a.AddressFamily == wildcard.AddressFamily || (takesIPv4 && a.AddressFamily == AddressFamily.InterNetwork));

    // 2: of a network; 1: of one cable; 0: of this machine alone.
    private static int Worth(IPAddress address) => IPAddress.IsLoopback(address) ? 0
        : address.IsIPv6LinkLocal || (address.AddressFamily == AddressFamily.InterNetwork && address.GetAddressBytes() is [169, 254, ..]) ? 1
        : 2;

    private static bool IsWildcard(string host, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out IPAddress? wildcard) =>
        IPAddress.TryParse(host, out wildcard) && (wildcard.Equals(IPAddress.Any) || wildcard.Equals(IPAddress.IPv6Any));
}
