using System.Net;
using System.Net.Security;
using System.Net.Sockets;

namespace Meshara.Benchmarks;

/// <summary>The yardstick: a bare SslStream with the TLS settings of Meshara and nothing on top but a 4-byte length.</summary>
/// <param name="piped">Behind two pipes: no yardstick, but what is left of it where writers and readers do not touch the connection themselves.</param>
internal sealed class RawCandidate(bool piped = false) : ICandidate, IDisposable
{
    private static readonly SslApplicationProtocol Protocol = new("meshara/1");

    private readonly MutualTls _tls = new();

    public string Name => piped ? "raw SslStream behind pipes" : "raw SslStream";

    public bool Supports(Workload workload) => workload.HasOneWriter && (!piped || workload.Shape is Shape.Bulk or Shape.Messages);

    public string Introduce() => _tls.Pin;

    public async Task ServeAsync(string parent, Action<string> ready, CancellationToken cancellationToken)
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        ready($"{((IPEndPoint)listener.LocalEndpoint).Port}/{Introduce()}");

        using Socket socket = await listener.AcceptSocketAsync(cancellationToken);
        socket.NoDelay = true;
        await using SslStream stream = new(new NetworkStream(socket));
        await stream.AuthenticateAsServerAsync(_tls.Server(parent, Protocol), cancellationToken);
        if (!piped)
        {
            await new RawServer(stream, stream).RunAsync(cancellationToken);
            return;
        }

        await using PipedStream pipes = new(stream);
        await new RawServer(pipes.Incoming, pipes.Outgoing).RunAsync(cancellationToken);
    }

    public async Task<IClient> ConnectAsync(string address, CancellationToken cancellationToken)
    {
        string[] parts = address.Split('/');
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, int.Parse(parts[0]), cancellationToken);
        SslStream stream = new(new NetworkStream(socket, ownsSocket: true));
        await stream.AuthenticateAsClientAsync(_tls.Client(parts[1], Protocol), cancellationToken);
        if (!piped)
        {
            return new RawClient(stream, stream, stream);
        }

        PipedStream pipes = new(stream);
        return new RawClient(pipes.Incoming, pipes.Outgoing, pipes);
    }

    public void Dispose() => _tls.Dispose();
}
