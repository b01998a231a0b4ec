using System.Net;
using System.Net.Sockets;

namespace Meshara.Tests.Support;

/// <summary>Two ends of one real TCP connection on loopback.</summary>
internal sealed class LoopbackPair : IAsyncDisposable
{
    private LoopbackPair(NetworkStream dialer, NetworkStream acceptor)
    {
        Dialer = dialer;
        Acceptor = acceptor;
    }

    public NetworkStream Dialer { get; }

    public NetworkStream Acceptor { get; }

    public static async Task<LoopbackPair> CreateAsync()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Socket dialer = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await dialer.ConnectAsync(listener.LocalEndpoint).WaitAsync(TimeSpan.FromSeconds(10));
        Socket acceptor = await listener.AcceptSocketAsync().WaitAsync(TimeSpan.FromSeconds(10));
        acceptor.NoDelay = true;
        return new LoopbackPair(new NetworkStream(dialer, ownsSocket: true), new NetworkStream(acceptor, ownsSocket: true));
    }

    public async ValueTask DisposeAsync()
    {
        await Dialer.DisposeAsync();
        await Acceptor.DisposeAsync();
    }
}
