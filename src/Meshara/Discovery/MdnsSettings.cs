using System.Net;
using System.Net.Sockets;

namespace Meshara.Discovery;

/// <summary>What a node announces, and how it looks for others.</summary>
/// <param name="Mode">Which of both.</param>
/// <param name="Interval">How long a new node can stay unseen even if its announcements are lost.</param>
/// <param name="Port">Where this node listens; null: nowhere that others reach, so that nothing is announced.</param>
/// <param name="Networks">Where it listens at that port: addresses outside are not announced. None: everywhere.</param>
/// <param name="OwnPorts">All its ports: at an address of this machine, those lead back to it.</param>
/// <param name="Interfaces">Names of those that are used; none: all.</param>
internal sealed record MdnsSettings(MdnsMode Mode, TimeSpan Interval, int? Port, IReadOnlyList<IPNetwork> Networks, IReadOnlySet<int> OwnPorts, IReadOnlyList<string> Interfaces)
{
    private const int MostNetworks = 64;

    private static readonly IPNetwork AllIPv4 = new(IPAddress.Any, 0), AllIPv6 = new(IPAddress.IPv6Any, 0);

    public bool Announces => Port is not null && Mode != MdnsMode.ListenOnly;

    public bool Browses => Mode != MdnsMode.AnnounceOnly;

    /// <summary>What the options ask for; null: nothing, and why.</summary>
    /// <param name="discovery">The options.</param>
    /// <param name="listeners">Where the node listens.</param>
    /// <param name="why">For people; null where there are settings.</param>
    public static MdnsSettings? Of(DiscoveryOptions discovery, IReadOnlyList<ListenPlace> listeners, out string? why)
    {
        ListenPlace[] reached = [.. listeners.Where(static l => !IsLoopback(l.Host))];
        int? port = reached.Length > 0 ? reached[0].Port : null;
        bool isWanted = discovery.EnabledMethods.HasFlag(DiscoveryMethods.LocalMdns);
        bool listensOnly = discovery.MdnsMode == MdnsMode.ListenOnly;
        why = !isWanted ? "it is switched off"
            : reached.Length > 0 || listensOnly ? null
            : listeners.Count == 0 ? "this node listens nowhere, so there is nothing to announce; MdnsMode ListenOnly looks for others all the same"
            : "this node listens on loopback alone, where nobody else reaches it; MdnsMode ListenOnly looks for others all the same";
        return why is null
            ? new MdnsSettings(discovery.MdnsMode, discovery.MdnsInterval, port, NetworksOf(reached.Where(l => l.Port == port)), listeners.Select(static l => l.Port).ToHashSet(), discovery.MdnsInterfaces)
            : null;
    }

    /// <summary>Whether both ask for the same.</summary>
    public bool IsSameAs(MdnsSettings? other) => other is not null && Mode == other.Mode && Interval == other.Interval && Port == other.Port
        && Networks.SequenceEqual(other.Networks) && OwnPorts.SetEquals(other.OwnPorts) && Interfaces.SequenceEqual(other.Interfaces);

    private static bool IsLoopback(string host) => IPAddress.TryParse(host, out IPAddress? address) && IPAddress.IsLoopback(address);

    // What is announced and not listened on costs each receiver a dial.
    private static IReadOnlyList<IPNetwork> NetworksOf(IEnumerable<ListenPlace> listeners)
    {
        HashSet<IPNetwork> networks = [];
        foreach ((string host, _, bool takesIPv4) in listeners)
        {
            if (!IPAddress.TryParse(host, out IPAddress? address))
            {
                return [];
            }

            bool v4 = address.AddressFamily == AddressFamily.InterNetwork;
            networks.Add(address.Equals(IPAddress.Any) ? AllIPv4 : address.Equals(IPAddress.IPv6Any) ? AllIPv6 : new IPNetwork(new IPAddress(address.GetAddressBytes()), v4 ? 32 : 128));
            if (takesIPv4 && address.Equals(IPAddress.IPv6Any))
            {
                networks.Add(AllIPv4);
            }
        }

        // More than a service can name (ServiceProfile.Networks): all are announced.
        return networks.Count > MostNetworks || networks.IsSupersetOf([AllIPv4, AllIPv6]) ? [] : [.. networks];
    }
}
