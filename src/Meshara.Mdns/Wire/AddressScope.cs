using System.Net;
using System.Net.Sockets;

namespace Meshara.Mdns.Wire;

/// <summary>The scope of IPv6 addresses: a link-local one means something together with the interface only (RFC 4007 section 11), and no record has it.</summary>
internal static class AddressScope
{
    /// <summary>The address alone.</summary>
    public static IPAddress WithoutScope(this IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetworkV6 && address.ScopeId != 0 ? new IPAddress(address.GetAddressBytes()) : address;

    /// <summary>The address on an interface; one that is not link-local is the same on all.</summary>
    public static IPAddress OnInterface(this IPAddress address, int index) =>
        address.IsIPv6LinkLocal && address.ScopeId != index ? new IPAddress(address.GetAddressBytes(), index) : address;
}
