using System.Net;
using System.Net.Sockets;
using Meshara.Wire;

namespace Meshara.Core.Policy;

/// <summary>Which announced addresses may be dialled at all. Whoever is on the network can announce any: a record must not aim this node at a victim.</summary>
internal static class LanRules
{
    // As in AddressGroups: a wider prefix says nothing about who is near.
    private const int WidestV4 = 8, WidestV6 = 32;

    /// <summary>Judges one address.</summary>
    /// <param name="address">What was announced.</param>
    /// <param name="interfaces">Those of this machine.</param>
    /// <param name="ownPorts">Where this node listens.</param>
    public static LanFault Judge(in LanAddress address, IReadOnlyCollection<LanInterface> interfaces, IReadOnlySet<int> ownPorts)
    {
        IPAddress ip = address.Address;
        if (address.Port is < 1 or > IPEndPoint.MaxPort)
        {
            return LanFault.Port;
        }

        if (ip.IsIPv4MappedToIPv6 || AddressKinds.ReachOf(ip) is AddressReach.Nowhere or AddressReach.Loopback)
        {
            return LanFault.Kind;
        }

        int heard = address.Interface;
        if (interfaces.FirstOrDefault(i => i.Index == heard) is not { } here)
        {
            return LanFault.NotOnLink;
        }

        LanFault fault = ip.IsIPv6LinkLocal ? JudgeLinkLocal(ip, here) : JudgeNetwork(ip, here);
        return fault != LanFault.None ? fault
            : ownPorts.Contains(address.Port) && interfaces.Any(i => IsOf(i, ip, here.Index)) ? LanFault.Own
            : LanFault.None;
    }

    /// <summary>Whether the address is one of this machine's.</summary>
    /// <param name="address">As announced.</param>
    /// <param name="heard">The interface that heard it: a link-local address means something there only.</param>
    /// <param name="interfaces">Those of this machine.</param>
    public static bool IsThisMachine(IPAddress address, int heard, IReadOnlyCollection<LanInterface> interfaces) => interfaces.Any(i => IsOf(i, address, heard));

    /// <summary>The address as it is dialled: a link-local one with the interface that heard it.</summary>
    public static PeerAddress ToDial(in LanAddress address, LanInterface heard, NodeId id)
    {
        string host = Bare(address.Address).ToString();
        return new PeerAddress(address.Address.IsIPv6LinkLocal ? $"{host}%{heard.Scope}" : host, address.Port, id);
    }

    /// <summary>The same address without a scope.</summary>
    public static IPAddress Bare(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetworkV6 && address.ScopeId != 0 ? new IPAddress(address.GetAddressBytes()) : address;

    private static bool IsOf(LanInterface of, IPAddress address, int heard) =>
        (!address.IsIPv6LinkLocal || of.Index == heard) && of.Addresses.Any(a => Bare(a).Equals(Bare(address)));

    private static LanFault JudgeLinkLocal(IPAddress ip, LanInterface here) =>
        (ip.ScopeId == 0 || ip.ScopeId == here.Index) && here.Addresses.Any(static a => a.IsIPv6LinkLocal) ? LanFault.None : LanFault.NotOnLink;

    private static LanFault JudgeNetwork(IPAddress ip, LanInterface here)
    {
        LanFault fault = LanFault.NotOnLink;
        foreach (IPNetwork network in here.Networks)
        {
            bool v4 = ip.AddressFamily == AddressFamily.InterNetwork;
            if (network.PrefixLength < (v4 ? WidestV4 : WidestV6) || !network.Contains(Bare(ip)))
            {
                continue;
            }

            // In one network no host, in another of the same interface perhaps: both are refused.
            if (IsNoHost(ip, network, v4))
            {
                return LanFault.NotAHost;
            }

            fault = LanFault.None;
        }

        return fault;
    }

    // The network's own address (of IPv6: any router, RFC 4291 section 2.6.1), and the broadcast address of IPv4. Two-address networks have neither (RFC 3021, RFC 6164).
    private static bool IsNoHost(IPAddress ip, IPNetwork network, bool v4)
    {
        int size = v4 ? 32 : 128;
        if (network.PrefixLength >= size - 1)
        {
            return false;
        }

        Bits128 ofHost = ~Bits128.Ones(network.PrefixLength), host = AddressKey.BitsOf(ip) & ofHost, ones = Bits128.Ones(size) & ofHost;
        return host == default || (v4 && host == ones);
    }
}
