using System.Collections.Concurrent;
using Meshara.Core;
using Meshara.Net;
using Meshara.Security;
using Meshara.Wire;

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

/// <summary>One end of a <see cref="LinkPair"/>, or the honest end before a hostile one.</summary>
internal sealed class LinkSide
{
    public required Link Link { get; init; }

    public required Handlers Handlers { get; init; }

    public required TaskTracker Tasks { get; init; }

    public required ConcurrentQueue<Exception> Faults { get; init; }

    /// <summary>What the peer was reported for.</summary>
    public required ConcurrentQueue<string> OverLimits { get; init; }

    public Task<LinkEnd> Ended { get; private set; } = Task.FromException<LinkEnd>(new InvalidOperationException("Not started."));

    public static LinkSide Create(
        Stream stream, PublicKey peer, bool inbound, LinkLimits limits, LinkLimits peerLimits, NodeTimeouts? timeouts, TimeProvider? time, CancellationToken stopping, NodePlaces? nodePlaces = null)
    {
        Handlers handlers = new();
        ConcurrentQueue<Exception> faults = new();
        ConcurrentQueue<string> overLimits = new();
        TaskTracker tasks = new(faults.Enqueue);
        Link link = new(new LinkParameters
        {
            Stream = stream,
            Reader = new FrameReader(stream),
            PeerKey = peer,
            Address = "127.0.0.1:1",
            Inbound = inbound,
            Remote = HelloOf(peer.Id, peerLimits),
            Limits = limits,
            Timeouts = timeouts ?? new(),
            Clock = new NodeClock(time ?? TimeProvider.System),
            Handlers = handlers,
            Tasks = tasks,
            NodePlaces = nodePlaces ?? NodePlaces.From(limits),
            Stopping = stopping,
            OnPong = _ => { },
            OnIdentityInUse = _ => { },
            OnOverLimit = overLimits.Enqueue,
            OnHandlerFault = (_, fault) => faults.Enqueue(fault),
        });
        return new LinkSide { Link = link, Handlers = handlers, Tasks = tasks, Faults = faults, OverLimits = overLimits };
    }

    public static Hello HelloOf(NodeId id, LinkLimits limits) => new()
    {
        MinVersion = 1,
        MaxVersion = 1,
        Id = id,
        Instance = 1,
        Nonce = new byte[Hello.NonceSize],
        Mesh = "test",
        MaxMessage = limits.MaxMessage,
        InitialWindow = limits.InitialWindow,
        MaxStreams = limits.MaxStreams,
    };

    public void Start() => Ended = Link.RunAsync();
}
