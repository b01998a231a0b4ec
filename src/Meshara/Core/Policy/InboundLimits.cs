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
    /// <summary>From one IPv4 address or IPv6 /56.</summary>
    public int PerAddress { get; init; } = 4;

    /// <summary>From one IPv4 /24.</summary>
    public int PerNetworkV4 { get; init; } = 6;

    /// <summary>From one IPv6 /48.</summary>
    public int PerNetworkV6 { get; init; } = 8;

    /// <summary>From one IPv4 /16 or IPv6 /32: the inbound slots divided by this.</summary>
    public int WideShare { get; init; } = 4;

    /// <summary>Null: no limit is met. Trusted addresses meet none, on-link ones only <see cref="PerAddress"/>; each limit is at least 2.</summary>
    /// <param name="newcomer">Who wants in.</param>
    /// <param name="inbound">The addresses of all inbound mesh peers with a place.</param>
    /// <param name="slots">The inbound slots: <see cref="ConnectionPlan.InboundSlots"/>.</param>
    /// <param name="groups">The present groups.</param>
    public MetLimit? Judge(IPAddress newcomer, IEnumerable<IPAddress> inbound, int slots, AddressGroups groups) => throw new NotImplementedException();

    /// <summary>What a refused address is told: 60 s, longer the more were refused there, at most 1 h.</summary>
    /// <param name="refused">Refusals at this address within the last 10 minutes, this one included.</param>
    public static TimeSpan RetryAfter(int refused) => throw new NotImplementedException();
}
