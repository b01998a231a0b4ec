using System.Net;
using System.Net.Sockets;

namespace Meshara.Benchmarks.Flood;

/// <summary>TCP that dials from one address of this machine, which all of 127.0.0.0/8 are on Linux.</summary>
internal sealed class SourceTransport(string source) : ITransport
{
    public ValueTask<TransportListener> ListenAsync(string host, int port, CancellationToken cancellationToken) => throw new NotSupportedException();

    public async ValueTask<TransportConnection> ConnectAsync(string host, int port, CancellationToken cancellationToken)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Parse(source), 0));
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Parse(host), port), cancellationToken);
            return new TransportConnection(new NetworkStream(socket, ownsSocket: true), host, port);
        }
        catch (Exception e)
        {
            socket.Dispose();
            throw e is SocketException ? new MesharaException(MesharaErrorCode.ConnectFailed, e.Message, isTransient: true, innerException: e) : e;
        }
    }
}
