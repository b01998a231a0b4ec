using Meshara.Net;
using Meshara.Security;

namespace Meshara.Tests.Support;

/// <summary>Two links over real TLS on loopback, as they are after the handshake.</summary>
internal sealed class LinkPair : IAsyncDisposable
{
    private LinkPair()
    {
    }

    public required CancellationTokenSource Stop { get; init; }

    public required LinkSide Dialer { get; init; }

    public required LinkSide Acceptor { get; init; }

    public static async Task<LinkPair> StartAsync(LinkLimits? dialer = null, LinkLimits? acceptor = null, NodeTimeouts? timeouts = null, TimeProvider? time = null)
    {
        (SecureChannel client, SecureChannel server) = await TlsPair.ConnectAsync();
        return Start(client.Stream, client.RemoteKey, server.Stream, server.RemoteKey, dialer, acceptor, timeouts, time);
    }

    /// <summary>The same without sockets and TLS.</summary>
    public static LinkPair StartInMemory(LinkLimits? dialer = null, LinkLimits? acceptor = null, TimeProvider? time = null)
    {
        (MemoryStreamEnd client, MemoryStreamEnd server) = MemoryStreamEnd.CreatePair();
        using NodeIdentity a = NodeIdentity.Create();
        using NodeIdentity b = NodeIdentity.Create();
        return Start(client, b.PublicKey, server, a.PublicKey, dialer, acceptor, null, time);
    }

    private static LinkPair Start(
        Stream client, PublicKey acceptorKey, Stream server, PublicKey dialerKey, LinkLimits? dialer, LinkLimits? acceptor, NodeTimeouts? timeouts, TimeProvider? time)
    {
        CancellationTokenSource stop = new();
        LinkSide a = LinkSide.Create(client, acceptorKey, inbound: false, dialer ?? new(), acceptor ?? new(), timeouts, time, stop.Token);
        LinkSide b = LinkSide.Create(server, dialerKey, inbound: true, acceptor ?? new(), dialer ?? new(), timeouts, time, stop.Token);
        LinkPair pair = new() { Dialer = a, Acceptor = b, Stop = stop };
        a.Start();
        b.Start();
        return pair;
    }

    public async ValueTask DisposeAsync()
    {
        await Stop.CancelAsync();
        Dialer.Link.Close(DisconnectReason.LocalShutdown, "");
        await Dialer.Ended.WaitAsync(TimeSpan.FromSeconds(30));
        await Acceptor.Ended.WaitAsync(TimeSpan.FromSeconds(30));
        Stop.Dispose();
    }
}
