using System.Net;
using System.Runtime.InteropServices;

namespace Meshara.Core.Policy;

/// <summary>A limit that an address met.</summary>
/// <param name="Name">For REFUSE, the log and people: snake case.</param>
/// <param name="Value">Its value.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct MetLimit(string Name, int Value);

/// <summary>How many inbound mesh peers may come from one place.</summary>
internal sealed record InboundLimits
{
    /// <summary>From one IPv4 address or IPv6 /56; on-link from one IPv6 address.</summary>
    public int PerAddress { get; init; } = 4;

    /// <summary>From one IPv4 /24.</summary>
    public int PerNetworkV4 { get; init; } = 6;

    /// <summary>From one IPv6 /48.</summary>
    public int PerNetworkV6 { get; init; } = 8;

    /// <summary>From one IPv4 /16 or IPv6 /32: the inbound slots divided by this.</summary>
    public int WideShare { get; init; } = 4;

    /// <summary>From all on-link IPv6 addresses of one /56, where a machine has as many as it likes: the inbound slots divided by this, at least <see cref="PerAddress"/>.</summary>
    public int OnLinkShareV6 { get; init; } = 2;

    /// <summary>Null: no limit is met. Trusted addresses meet none, on-link ones only <see cref="PerAddress"/> and <see cref="OnLinkShareV6"/>; each limit is at least 2.</summary>
    /// <param name="newcomer">Who wants in.</param>
    /// <param name="inbound">The addresses of all inbound mesh peers with a place.</param>
    /// <param name="slots">The inbound slots: <see cref="ConnectionPlan.InboundSlots"/>.</param>
    /// <param name="groups">The present groups.</param>
    public MetLimit? Judge(IPAddress newcomer, IEnumerable<IPAddress> inbound, int slots, AddressGroups groups)
    {
        if (groups.IsTrusted(newcomer))
        {
            return null;
        }

        AddressKeys own = AddressGroups.KeysOf(newcomer);
        AddressKey exactly = AddressGroups.Whole(newcomer);
        int same = 0, address = 0, network = 0, wide = 0;
        foreach (IPAddress peer in inbound)
        {
            if (groups.IsTrusted(peer))
                continue;

            AddressKeys keys = AddressGroups.KeysOf(peer);
            same += AddressGroups.Whole(peer) == exactly ? 1 : 0;
            address += keys.Address == own.Address ? 1 : 0;
            network += keys.Network == own.Network ? 1 : 0;
            wide += keys.Wide == own.Wide ? 1 : 0;
        }

        bool v4 = own.Address.Kind == AddressKeyKind.IPv4;
        int perNetwork = v4 ? PerNetworkV4 : PerNetworkV6;
        if (!v4 && groups.IsOnLink(newcomer))
        {
            return Met(same, "inbound_per_ipv6_address", PerAddress)
                ?? Met(address, "inbound_per_on_link_ipv6_56", Math.Max(PerAddress, slots / Math.Max(1, OnLinkShareV6)));
        }

        return Met(address, v4 ? "inbound_per_ipv4_address" : "inbound_per_ipv6_56", PerAddress)
            ?? (groups.IsOnLink(newcomer) ? null
                : Met(network, v4 ? "inbound_per_ipv4_24" : "inbound_per_ipv6_48", perNetwork)
                    ?? Met(wide, v4 ? "inbound_per_ipv4_16" : "inbound_per_ipv6_32", slots / Math.Max(1, WideShare)));
    }

    /// <summary>What a refused address is told: 60 s, longer the more were refused there, at most 1 h.</summary>
    /// <param name="refused">Refusals at this address within the last 10 minutes, this one included.</param>
    public static TimeSpan RetryAfter(int refused)
    {
        // The pace at which the gate lets one address in.
        const double PerSecond = 0.2;
        return TimeSpan.FromSeconds(Math.Clamp(refused / PerSecond, 60, 3600));
    }

    private static MetLimit? Met(int present, string name, int limit)
    {
        int least = Math.Max(2, limit);
        return present >= least ? new MetLimit(name, least) : null;
    }
}
