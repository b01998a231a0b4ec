using System.Net;
using System.Net.Sockets;

namespace Meshara.Mdns.Engine;

/// <summary>What every part of the engine may know of a link. The engine makes and changes it.</summary>
internal sealed class LinkState(LinkKey key, EngineInterface face, EngineConfig config)
{
    /// <summary>Which it is.</summary>
    public LinkKey Key { get; } = key;

    /// <summary>Its interface as it is now.</summary>
    public EngineInterface Interface { get; set; } = face;

    /// <summary>Sending failed, and has not worked since: nothing is sent here, no schedule goes on, until the link is up again.</summary>
    public bool IsDead { get; set; }

    /// <summary>What may be sent here.</summary>
    public LinkBudget Budget { get; } = new(config.PacketsPerSecond);

    /// <summary>How many of our own packets came back on this link: multicast works.</summary>
    public long LoopbackHeard { get; set; }

    /// <summary>Whether another program of this host has port 5353 too, so that unicast answers may be lost to it (RFC 6762 section 15.1): then nothing is asked with QU.</summary>
    public bool PortShared => Key.IPv6 ? Interface.IPv6PortShared : Interface.IPv4PortShared;

    /// <summary>Whether the address is one of the interface's own.</summary>
    public bool IsOwn(IPAddress address)
    {
        foreach (IPAddress own in Interface.Addresses)
        {
            if (SameBytes(own, address))
                return true;
        }

        return false;
    }

    /// <summary>Whether the address is of a host on this link (RFC 6762 section 11): in a subnet of the interface, or link-local. Never a group, a broadcast address or the unspecified one.</summary>
    public bool IsOnLink(IPAddress address)
    {
        bool isIPv6 = address.AddressFamily == AddressFamily.InterNetworkV6;
        if (isIPv6 != Key.IPv6 || IsGroup(address) || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) || IPAddress.IsLoopback(address))
            return false;
        if (isIPv6 && address.IsIPv6LinkLocal)
            return true;
        foreach (IPNetwork subnet in Interface.Subnets)
        {
            if (subnet.BaseAddress.AddressFamily == address.AddressFamily && subnet.Contains(address))
                return isIPv6 || !IsBroadcast(subnet, address);
        }

        return false;
    }

    private static bool IsGroup(IPAddress address) =>
        address.IsIPv6Multicast || (address.AddressFamily == AddressFamily.InterNetwork && address.GetAddressBytes()[0] >= 224);

    private static bool IsBroadcast(IPNetwork subnet, IPAddress address)
    {
        if (subnet.PrefixLength >= 31)
            return false;
        uint host = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes()) & (uint.MaxValue >> subnet.PrefixLength);
        return host == 0 || host == uint.MaxValue >> subnet.PrefixLength;
    }

    // The scope of a link-local address is written by whoever saw it.
    private static bool SameBytes(IPAddress a, IPAddress b)
    {
        Span<byte> left = stackalloc byte[16];
        Span<byte> right = stackalloc byte[16];
        return a.TryWriteBytes(left, out int m) && b.TryWriteBytes(right, out int n) && m == n && left[..m].SequenceEqual(right[..n]);
    }
}
