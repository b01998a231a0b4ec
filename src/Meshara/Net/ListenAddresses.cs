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
            listeners.Select(PlaceOf),
            scan is null ? Interfaces.Addresses : () => scan()?.Where(a => a.IsUp).Select(a => a.Address) ?? []);

    /// <summary>The same.</summary>
    /// <param name="id">Of the node.</param>
    /// <param name="listeners">Where it listens.</param>
    /// <param name="interfaces">Addresses of this machine.</param>
    public static IReadOnlyList<PeerAddress> Expand(NodeId id, IEnumerable<ListenPlace> listeners, Func<IEnumerable<IPAddress>> interfaces)
    {
        ListenPlace[] all = [.. listeners];
        IPAddress[] ours = all.Any(l => IsWildcard(l.Host, out _)) ? [.. interfaces().Where(a => !a.IsIPv6Multicast)] : [];

        // Decided for all listeners together: beside an address that others can use, nobody needs one that means nothing to them.
        int best = 0;
        foreach (IPAddress reached in all.SelectMany(l => StandsFor(l.Host, l.TakesIPv4, ours)))
        {
            best = Math.Max(best, Worth(reached));
        }

        return [.. all.SelectMany(l => (IsWildcard(l.Host, out IPAddress? wildcard) ? Hosts(wildcard, l.TakesIPv4) : [l.Host]).Select(host => new PeerAddress(host, l.Port, id))).Distinct()];

        IEnumerable<string> Hosts(IPAddress wildcard, bool takesIPv4)
        {
            IPAddress[] found = [.. StandsFor(wildcard.ToString(), takesIPv4, ours).Where(a => Worth(a) == best)];

            // Where interfaces are hidden there is still this machine.
            return found.Length > 0 ? [.. Of(found, AddressFamily.InterNetwork), .. Of(found, AddressFamily.InterNetworkV6)]
                : ours.Length > 0 ? []
                : [(takesIPv4 ? IPAddress.Loopback : IPAddress.IPv6Loopback).ToString()];
        }

        static IEnumerable<string> Of(IPAddress[] some, AddressFamily family) => some.Where(a => a.AddressFamily == family).Select(a => a.ToString());
    }

    /// <summary>Where a listener listens.</summary>
    public static ListenPlace PlaceOf(TransportListener listener) => new(listener.Host, listener.Port, TakesIPv4(listener));

    /// <summary>Ports of listeners on a wildcard, and the families that each takes.</summary>
    /// <param name="listeners">Where the node listens.</param>
    /// <param name="others">Listeners of other transports than TCP too: their addresses are this machine's.</param>
    public static IReadOnlyList<(int Port, AddressFamily Family)> Everywhere(IEnumerable<TransportListener> listeners, bool others = false)
    {
        List<(int, AddressFamily)> everywhere = [];
        foreach (TransportListener listener in listeners)
        {
            if ((!others && listener is not TcpTransportListener) || !IsWildcard(listener.Host, out IPAddress? wildcard))
            {
                continue;
            }

            if (wildcard.AddressFamily == AddressFamily.InterNetworkV6)
            {
                everywhere.Add((listener.Port, AddressFamily.InterNetworkV6));
            }

            if (TakesIPv4(listener))
            {
                everywhere.Add((listener.Port, AddressFamily.InterNetwork));
            }
        }

        return everywhere;
    }

    // `::` of another transport takes what there is.
    private static bool TakesIPv4(TransportListener listener) => listener is not TcpTransportListener tcp || tcp.TakesIPv4;

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
