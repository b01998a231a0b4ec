using System.Net;
using System.Net.Sockets;

namespace Meshara.Net.Diagnosis;

/// <summary>By which way this machine would send to an address.</summary>
internal static class LocalRoute
{
    /// <summary>"from 10.0.0.1 (eth0)"; or why there is no way. Sends nothing: a UDP socket that connects only asks the routing table.</summary>
    public static string Describe(IPAddress to)
    {
        try
        {
            using Socket socket = new(to.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(new IPEndPoint(to, 9));
            return socket.LocalEndPoint is IPEndPoint { Address: var from } ? $"This machine sends {Describe(from, InterfaceOf(from))}." : "This machine does not say by which interface it sends.";
        }
        catch (SocketException)
        {
            return "This machine has no route there.";
        }
    }

    /// <summary>This machine's end of a connection; null: not known.</summary>
    public static string? OfLocal(IPAddress? local) => local is null ? null : Describe(local, InterfaceOf(local));

    /// <summary>An address as people write it: the scope of a link-local one by the name of its interface, where the system takes names.</summary>
    public static string Show(IPAddress address) =>
        !OperatingSystem.IsWindows() && address is { IsIPv6LinkLocal: true, ScopeId: not 0 }
        && LocalAddress.Scan()?.FirstOrDefault(a => a.Address.IsIPv6LinkLocal && a.Address.ScopeId == address.ScopeId) is { Interface: { } name }
            ? $"{new IPAddress(address.GetAddressBytes())}%{name}"
            : address.ToString();

    private static string Describe(IPAddress from, string? name) => $"from {(from.IsIPv6LinkLocal ? new IPAddress(from.GetAddressBytes()) : from)}{(name is null ? "" : $" ({name})")}";

    private static string? InterfaceOf(IPAddress address)
    {
        byte[] bytes = address.GetAddressBytes();
        return LocalAddress.Scan()?
            .Where(a => a.Address.GetAddressBytes().AsSpan().SequenceEqual(bytes) && (address.ScopeIdOrZero() == 0 || a.Address.ScopeIdOrZero() == address.ScopeIdOrZero()))
            .Select(static a => a.Interface).FirstOrDefault();
    }

    private static long ScopeIdOrZero(this IPAddress address) => address.AddressFamily == AddressFamily.InterNetworkV6 ? address.ScopeId : 0;
}
