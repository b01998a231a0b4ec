using System.Net;
using System.Net.Security;
using System.Net.Sockets;

namespace Meshara.Benchmarks;

/// <summary>The yardstick: a bare SslStream with the TLS settings of Meshara and nothing on top but a 4-byte length.</summary>
internal sealed class RawCandidate : ICandidate, IDisposable
{
    private static readonly SslApplicationProtocol Protocol = new("meshara/1");

    private readonly MutualTls _tls = new();

    public string Name => "raw SslStream";

    public bool Supports(Workload workload) => workload.HasOneWriter;

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
        await new RawServer(stream, stream).RunAsync(cancellationToken);
    }

    public async Task<IClient> ConnectAsync(string address, CancellationToken cancellationToken)
    {
        string[] parts = address.Split('/');
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, int.Parse(parts[0]), cancellationToken);
        SslStream stream = new(new NetworkStream(socket, ownsSocket: true));
        await stream.AuthenticateAsClientAsync(_tls.Client(parts[1], Protocol), cancellationToken);
        return new RawClient(stream, stream, stream);
    }

    public void Dispose() => _tls.Dispose();
}
