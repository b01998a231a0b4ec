using System.Net;
using System.Net.Sockets;

namespace Meshara.Net.Diagnosis;

/// <summary>Connects as a node does (Happy Eyeballs), and remembers what became of each address.</summary>
internal sealed class TcpAttempts(DialProbeContext context)
{
    private readonly List<Attempt> _attempts = [];

    /// <summary>The addresses that were tried, in their order, and how far each came.</summary>
    public string Describe() => string.Join(", ", _attempts.Take(8).Select(static a => $"{PeerAddress.Join(LocalRoute.Show(a.Where.Address), a.Where.Port)}: {a.Result}"));

    /// <summary>Addresses that neither took nor refused.</summary>
    public IReadOnlyList<IPAddress> Silent => [.. _attempts.Where(static a => a.IsSilent).Select(static a => a.Where.Address)];

    /// <summary>How many were tried.</summary>
    public int Count => _attempts.Count;

    /// <summary>Tries the addresses of a host.</summary>
    /// <exception cref="MesharaException">As <see cref="HappyEyeballs.ConnectAsync(IPAddress[], CancellationToken)"/>.</exception>
    public ValueTask<TransportConnection> ConnectAsync(string host, int port, IPAddress[] addresses, CancellationToken ct) =>
        new HappyEyeballs(host, port, context.Clock.Provider, TryAsync).ConnectAsync(addresses, ct);

    private async ValueTask<TransportConnection> TryAsync(IPEndPoint where, CancellationToken ct)
    {
        Attempt attempt = new(where);
        _attempts.Add(attempt);
        try
        {
            TransportConnection connection = await context.Connect(where, ct).ConfigureAwait(false);
            attempt.Result = "connected";
            attempt.IsSilent = false;
            return connection;
        }
        catch (SocketException e)
        {
            attempt.Result = e.SocketErrorCode == SocketError.ConnectionRefused ? "refused" : e.SocketErrorCode.ToString();
            attempt.IsSilent = e.SocketErrorCode == SocketError.TimedOut;
            throw;
        }
    }

    private sealed class Attempt(IPEndPoint where)
    {
        public IPEndPoint Where { get; } = where;

        public string Result { get; set; } = "no answer";

        public bool IsSilent { get; set; } = true;
    }
}
