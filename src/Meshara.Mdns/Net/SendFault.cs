using System.Net.Sockets;

namespace Meshara.Mdns.Net;

/// <summary>What a person can do about packets that the system does not send.</summary>
internal static class SendFault
{
    /// <summary>The system's own words.</summary>
    public static string Describe(SocketError error) => error == SocketError.TimedOut ? "The packet was not sent in time: the interface is stuck." : new SocketException((int)error).Message;

    /// <summary>What to look at.</summary>
    public static string Advice(SocketError error, string name, bool ipv6)
    {
        string group = ipv6 ? "ff02::fb" : "224.0.0.251";
        return error switch
        {
            SocketError.HostUnreachable or SocketError.NetworkUnreachable when OperatingSystem.IsMacOS() =>
                "macOS lets a program send into the local network only if it was granted: System Settings, Privacy & Security, Local Network.",
            SocketError.HostUnreachable or SocketError.NetworkUnreachable =>
                $"There is no route to {group} on {name}: check that the interface is up and has an address, and that no route says otherwise ({(ipv6 ? "ip -6 route get ff02::fb" : "ip route get 224.0.0.251")} oif {name}).",
            SocketError.AccessDenied => $"A firewall or a security policy forbids UDP to {group} port 5353 on {name}: allow it for outgoing packets.",
            SocketError.AddressNotAvailable => $"{name} has no usable address yet; this mends itself when it has one.",
            SocketError.NetworkDown => $"{name} is down.",
            _ => $"Check the interface {name} and the firewall for UDP to {group} port 5353.",
        };
    }
}
