using System.Net;
using System.Net.Sockets;

namespace Meshara.Net;

/// <summary>What the sockets say, for people: what failed, where, what to do.</summary>
internal static class TcpErrors
{
    public static MesharaException NameNotResolved(string host, SocketException? error)
    {
        // EAI_AGAIN: the resolver itself could not be asked, the name may be right.
        bool transient = error?.SocketErrorCode is SocketError.TryAgain or SocketError.NetworkDown or SocketError.TooManyOpenSockets;
        string shown = PeerText.Clean(host.Length > 80 ? string.Concat(host.AsSpan(0, 80), "…") : host);
        return new MesharaException(
            MesharaErrorCode.NameNotResolved,
            transient
                ? $"The name '{shown}' could not be looked up: the name server did not answer. Check this machine's network, or use an IP address."
                : $"The name '{shown}' has no address. Check its spelling, or use an IP address.",
            transient,
            innerException: error);
    }

    public static MesharaException ConnectFailed(string host, int port, IPAddress[] tried, SocketException error)
    {
        (string what, bool transient) = error.SocketErrorCode switch
        {
            SocketError.ConnectionRefused => ("nothing listens there. Check the port, and that the node runs", true),
            SocketError.TimedOut => ("no answer. Check the address, and that no firewall is between", true),
            SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.HostDown or SocketError.NetworkDown =>
                ("there is no route to it. Check the address and this machine's network", true),
            SocketError.TooManyOpenSockets => ("this process has no file descriptors left. Raise its limit (ulimit -n)", true),
            SocketError.AccessDenied => ("this machine does not permit it. Check its firewall", false),
            SocketError.AddressFamilyNotSupported => ("this machine does not speak this kind of address. Use an IPv4 address", false),
            _ => (error.Message, true),
        };
        string address = PeerAddress.Join(host, port);
        string literal = PeerAddress.Join(tried[^1].ToString(), port);
        string where = address == literal ? address : tried.Length == 1 ? $"{address} ({literal})" : $"{address} ({tried.Length} addresses, the last {literal})";
        return new MesharaException(MesharaErrorCode.ConnectFailed, $"Cannot connect to {where}: {what}.", transient, innerException: error);
    }

    public static MesharaException ListenFailed(string host, int port, SocketException error)
    {
        (string what, bool transient) = error.SocketErrorCode switch
        {
            SocketError.AddressAlreadyInUse => ("another program listens there. Stop it, or choose another port", true),
            SocketError.AddressNotAvailable => ("this is not an address of this machine. Use 0.0.0.0 or [::] for all of them", false),
            SocketError.AccessDenied => ("not permitted. Ports below 1024 need privileges: choose a higher one", false),
            SocketError.AddressFamilyNotSupported or SocketError.OperationNotSupported or SocketError.ProtocolFamilyNotSupported =>
                ("this machine does not speak this kind of address. Use 0.0.0.0", false),
            _ => (error.Message, false),
        };
        return new MesharaException(MesharaErrorCode.ListenFailed, Listen(host, port, what + "."), transient, innerException: error);
    }

    public static string Listen(string host, int port, string why) => $"Cannot listen on {PeerAddress.Join(host, port)}: {why}";
}
