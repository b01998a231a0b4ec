using System.Net;
using System.Net.Sockets;
using Xunit;

namespace Meshara.Tests.Support;

/// <summary>TCP that dials from one address of this machine, which other addresses of 127.0.0.0/8 are on Linux.</summary>
internal sealed class SourceTransport(string source, Func<Stream, Stream>? wrap = null) : ITransport
{
    private readonly TcpTransport _tcp = new();

    public static void SkipIfOneLoopback() => Assert.SkipUnless(OperatingSystem.IsLinux(), "All of 127.0.0.0/8 must be addresses of this machine, as on Linux.");

    public ValueTask<TransportListener> ListenAsync(string host, int port, CancellationToken cancellationToken) => _tcp.ListenAsync(host, port, cancellationToken);

    public async ValueTask<TransportConnection> ConnectAsync(string host, int port, CancellationToken cancellationToken)
    {
        NetworkStream stream = new(await DialAsync(source, port, cancellationToken), ownsSocket: true);
        return new TransportConnection(wrap?.Invoke(stream) ?? stream, host, port);
    }

    /// <summary>A socket to a port of 127.0.0.1.</summary>
    public static async Task<Socket> DialAsync(string source, int port, CancellationToken cancellationToken = default)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Parse(source), 0));
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), cancellationToken);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
