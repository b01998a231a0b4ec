using System.Net;
using System.Net.Sockets;

namespace Meshara.Net;

/// <summary>What the sockets say, for people: what failed, where, what to do.</summary>
internal static class TcpErrors
{
    // Enough to see what is wrong; a message is one line.
    private const int MostShown = 8;

    /// <summary>Whether the resolver itself could not be asked, so that the name may be right.</summary>
    public static bool IsSilentNameServer(SocketError error) => error is SocketError.TryAgain or SocketError.NetworkDown or SocketError.TooManyOpenSockets;

    public static MesharaException NameNotResolved(string host, SocketException? error)
    {
        bool transient = error is not null && IsSilentNameServer(error.SocketErrorCode);
        string shown = PeerText.Clean(host.Length > 80 ? string.Concat(host.AsSpan(0, 80), "…") : host);
        return new MesharaException(
            MesharaErrorCode.NameNotResolved,
            transient
                ? $"The name '{shown}' could not be looked up: the name server did not answer. Check this machine's network, or use an IP address."
                : $"The name '{shown}' has no address. Check its spelling, or use an IP address.",
            transient,
            innerException: error);
    }

    /// <summary>No address of a host took the connection: which were tried, and what each answered.</summary>
    /// <param name="host">As it was given.</param>
    /// <param name="port">The port that was dialled.</param>
    /// <param name="failures">At least one, in the order in which they came.</param>
    public static MesharaException ConnectFailed(string host, int port, IReadOnlyList<(IPEndPoint Where, SocketException Why)> failures)
    {
        (string What, string Advice, bool Transient)[] said = [.. failures.Select(f => Explain(f.Why))];
        string address = PeerAddress.Join(host, port);
        string[] literals = [.. failures.Select(f => PeerAddress.Join(f.Where.Address.ToString(), port))];
        string list = string.Join(", ", literals.Take(MostShown)) + More(literals.Length);
        string answers = said.Select(s => s.What).Distinct().Count() > 1
            ? $"Cannot connect to {address}: {string.Join("; ", literals.Zip(said, (where, s) => $"{where}: {s.What}").Take(MostShown))}{More(literals.Length)}. {said[^1].Advice}."
            : $"Cannot connect to {(literals is [{ } only] && only == address ? address : $"{address} ({list})")}: {said[0].What}. {said[0].Advice}.";
        return new MesharaException(MesharaErrorCode.ConnectFailed, answers, said.Any(s => s.Transient), innerException: failures[^1].Why);
    }

    public static MesharaException ListenFailed(string host, int port, SocketException error)
    {
        (string what, bool transient) = error.SocketErrorCode switch
        {
            SocketError.AddressAlreadyInUse => ("another program listens there. Stop it, or choose another port", true),
            SocketError.AddressNotAvailable => ("this is not an address of this machine. Use 0.0.0.0 or [::] for all of them", false),
            SocketError.AccessDenied => ("not permitted. Ports below 1024 need privileges: choose a higher one", false),
            SocketError.AddressFamilyNotSupported or SocketError.OperationNotSupported or SocketError.ProtocolFamilyNotSupported =>
                (host.Contains(':', StringComparison.Ordinal) ? "this machine has no IPv6. Use 0.0.0.0, or switch its IPv6 on" : "this machine does not speak this kind of address. Use [::]", false),
            _ => (error.Message, false),
        };
        return new MesharaException(MesharaErrorCode.ListenFailed, Listen(host, port, what + "."), transient, innerException: error);
    }

    public static string Listen(string host, int port, string why) => $"Cannot listen on {PeerAddress.Join(host, port)}: {why}";

    private static (string What, string Advice, bool Transient) Explain(SocketException error) => error.SocketErrorCode switch
    {
        SocketError.ConnectionRefused => ("nothing listens there", "Check the port, and that the node runs", true),
        SocketError.TimedOut => ("no answer", "Check the address, and that no firewall is between", true),
        SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.HostDown or SocketError.NetworkDown or SocketError.AddressNotAvailable =>
            ("there is no route to it", "Check the address and this machine's network", true),
        SocketError.ConnectionReset or SocketError.ConnectionAborted or SocketError.NotConnected or SocketError.Shutdown =>
            ("the connection was closed at once", "The other node may refuse connections from here for a while (its accept limits), or another program listens there", true),
        SocketError.TooManyOpenSockets => ("this process has no file descriptors left", "Raise its limit (ulimit -n)", true),
        SocketError.AccessDenied => ("this machine does not permit it", "Check its firewall", false),
        SocketError.AddressFamilyNotSupported => ("this machine does not speak this kind of address", "Use an address of another kind, IPv4 or IPv6", false),
        _ => (error.Message, "Check the address and this machine's network", true),
    };

    private static string More(int count) => count > MostShown ? $" and {count - MostShown} more" : "";
}
