using System.Net;
using System.Net.Sockets;

namespace Meshara.Core.Policy;

/// <summary>How far an address reaches, the widest first.</summary>
internal enum AddressReach
{
    Public,

    /// <summary>RFC 1918, shared space (RFC 6598), unique local (RFC 4193).</summary>
    Private,

    LinkLocal,

    Loopback,

    /// <summary>Nothing can be dialled there: unspecified, multicast, broadcast, 0/8, 240/4.</summary>
    Nowhere,
}

/// <summary>Which addresses a source may name (hostile inputs X3 and X4).</summary>
internal static class AddressKinds
{
    /// <summary>Whether whoever is at <paramref name="from"/> may name an address: one that reaches as far as its own, or farther.</summary>
    /// <param name="address">What it named.</param>
    /// <param name="from">Where its connection comes from; null: the operator, who may name all that can be dialled.</param>
    public static bool MayName(IPAddress address, IPAddress? from)
    {
        AddressReach reach = ReachOf(address);
        return reach != AddressReach.Nowhere && (from is null || reach <= ReachOf(from));
    }

    /// <summary>Of a tunnel address: the narrower of itself and the IPv4 address in it.</summary>
    public static AddressReach ReachOf(IPAddress address)
    {
        IPAddress plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        if (plain.AddressFamily == AddressFamily.InterNetwork)
        {
            return ReachOfV4(plain);
        }

        IPAddress inner = AddressGroups.Decode(plain);
        return inner.AddressFamily == AddressFamily.InterNetwork ? ReachOfV4(inner) : ReachOfV6(plain);
    }

    private static AddressReach ReachOfV6(IPAddress address) =>
        IPAddress.IsLoopback(address) ? AddressReach.Loopback
        : address.Equals(IPAddress.IPv6Any) || address.IsIPv6Multicast ? AddressReach.Nowhere
        : address.IsIPv6LinkLocal ? AddressReach.LinkLocal
        : address.IsIPv6UniqueLocal || address.IsIPv6SiteLocal ? AddressReach.Private
        : AddressReach.Public;

    private static AddressReach ReachOfV4(IPAddress address)
    {
        Span<byte> b = stackalloc byte[4];
        address.TryWriteBytes(b, out _);
        return b switch
        {
            [0 or >= 224, ..] => AddressReach.Nowhere,
            [127, ..] => AddressReach.Loopback,
            [169, 254, ..] => AddressReach.LinkLocal,
            [10, ..] or [192, 168, ..] or [172, >= 16 and <= 31, ..] or [100, >= 64 and <= 127, ..] => AddressReach.Private,
            _ => AddressReach.Public,
        };
    }
}
