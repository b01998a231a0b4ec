using System.Collections.Concurrent;
using Meshara.Core;
using Meshara.Net;
using Meshara.Wire;

namespace Meshara.Tests.Support;

/// <summary>One end of a pair of links, or the honest end before a hostile one.</summary>
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
        Stream stream, PublicKey peer, bool inbound, LinkLimits limits, LinkLimits peerLimits, NodeTimeouts? timeouts, TimeProvider? time, CancellationToken stopping, NodePlaces? nodePlaces = null, Turns? turns = null)
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
            Turns = turns,
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
