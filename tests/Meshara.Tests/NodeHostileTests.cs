using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Meshara.Net;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests;

/// <summary>hostile-inputs.md: deadlines that the mesh keeps and the link measures, both together in a whole node on a clock that the test moves.</summary>
public sealed class NodeHostileTests : IAsyncDisposable
{
    private const byte Timeout = 3;

    private readonly NodeBed _bed = new();
    private readonly ManualTimeProvider _clock = new();
    private readonly MemoryTransport _memory = new();
    private readonly NodeIdentity _raw = NodeIdentity.Create();

    public async ValueTask DisposeAsync()
    {
        await _bed.DisposeAsync(_clock);
        _raw.Dispose();
    }

    [Fact]
    public async Task F7_HalfAFrameThenSilence_TheNodeClosesAtTheFrameDeadline()
    {
        (Node node, RawNode raw, EventLog events) = await LinkedAsync();
        await using RawNode _ = raw;
        await using EventLog __ = events;

        // What was read before the PONG has all been read: one write, one TLS record.
        await raw.SendAsync([.. Raw.PingFrame(1), .. Raw.PingFrame(2)[..7]]);
        await raw.UntilAsync(Raw.Pong);
        _clock.Advance(TimeSpan.FromSeconds(9.9));
        await node.CountPeersAsync();
        Assert.Single(node.ListPeers());

        _clock.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(Timeout, await raw.GoodbyeAsync());
        await AssertEndedOnceAsync(node, raw, events, DisconnectReason.FrameTimeout);
    }

    [Fact]
    public async Task B3_PongJustPastTheDeadline_TheNodeClosesOnceWithOneReason()
    {
        (Node node, RawNode raw, EventLog events) = await LinkedAsync();
        await using RawNode _ = raw;
        await using EventLog __ = events;

        // That of the first round trip, which gets no answer either.
        await raw.UntilAsync(Raw.Ping);
        _clock.Advance(TimeSpan.FromSeconds(16));
        await raw.UntilAsync(Raw.Ping);
        _clock.Advance(TimeSpan.FromSeconds(10));
        RawFrame last = await raw.UntilAsync(Raw.Ping);
        _clock.Advance(TimeSpan.FromSeconds(9.9));
        await node.CountPeersAsync();
        Assert.Single(node.ListPeers());

        _clock.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(Timeout, await raw.GoodbyeAsync());
        await raw.SendAsync(Raw.PongFrame(BinaryPrimitives.ReadUInt64BigEndian(last.Payload)));
        await AssertEndedOnceAsync(node, raw, events, DisconnectReason.PingTimeout);
    }

    [Fact]
    public async Task F13_PeerThatNeverReads_TheNodeHoldsLittleAndClosesAtTheWriteDeadline()
    {
        (Node node, RawNode raw, EventLog events) = await LinkedAsync();
        await using RawNode _ = raw;
        await using EventLog __ = events;
        Task<PeerDisconnected> ended = events.NextAsync<PeerDisconnected>();

        List<Task> sends = [];
        while (sends.Count < 200 && (sends.Count == 0 || await Eventually.WithinAsync(TimeSpan.FromMilliseconds(200), () => sends[^1].IsCompleted)))
        {
            sends.Add(node.SendAsync(_raw.Id, "m", new byte[10_000]).AsTask());
        }

        // Of the megabyte of credit that the peer gave, no more than its pipe and two buffers take.
        Assert.InRange(sends.Count, 2, 60);
        TimeSpan from = _clock.Now;
        while (!ended.IsCompleted && _clock.Now < TimeSpan.FromMinutes(2))
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
        }

        Assert.Equal(DisconnectReason.WriteTimeout, (await ended.WaitAsync(NodeBed.Guard)).Reason);
        Assert.True(_clock.Now - from >= TimeSpan.FromSeconds(30));
        Assert.Equal(MesharaErrorCode.LinkClosed, (await Assert.ThrowsAsync<MesharaException>(() => sends[^1].WaitAsync(NodeBed.Guard))).Code);
        Assert.Empty(node.ListPeers());
    }

    // Somebody else each time, now and then nobody.
    [Fact]
    public async Task T5_ResolverWithAnotherAnswerEachTime_BackedOffAndThePinUnchanged()
    {
        using NodeIdentity wanted = NodeIdentity.Create();
        Node[] impostors = [.. await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => _bed.StartAsync(_bed.Options(Admission.Open) with { Transport = null, Listen = ["127.0.0.1:0"] })))];
        int lookUps = 0;
        Node? honest = null;
        TcpTransport transport = new(
            _clock,
            (_, family) =>
            {
                if (family != AddressFamily.InterNetwork)
                {
                    return Task.FromResult<IPAddress[]>([]);
                }

                int count = Interlocked.Increment(ref lookUps);
                return honest is null && count % 4 == 0 ? throw new SocketException((int)SocketError.HostNotFound) : Task.FromResult<IPAddress[]>([IPAddress.Parse($"192.0.2.{count % 200}")]);
            },
            (end, ct) => TcpSockets.ConnectAsync(new IPEndPoint(IPAddress.Loopback, (honest ?? impostors[end.Address.GetAddressBytes()[3] % 3]).Addresses[0].Port), ct));
        Node node = await _bed.StartAsync(new NodeOptions
        {
            Mesh = "test",
            Admission = Admission.KnownPeers,
            Listen = ["127.0.0.1:0"],
            Transport = transport,
            TimeProvider = _clock,
            Seed = 1,
            Peers = [new PeerAddress("moving.test", 4040) { Id = wanted.Id }],
            Timeouts = new NodeTimeouts { MaxBackoff = TimeSpan.FromMinutes(1) },
        });
        await using EventLog events = new(node);

        List<TimeSpan> dials = [];
        List<MesharaErrorCode> ends = [];
        while (dials.Count < 10)
        {
            int before = dials.Count;
            await AdvanceUntilAsync(node, () => Volatile.Read(ref lookUps) > before);
            dials.Add(_clock.Now);
            Assert.Equal(before + 1, lookUps);
            ends.Add((await events.NextAsync<PeerRefused>()).Code);
            Assert.Empty(node.ListPeers());
        }

        // Another key is waited out for half of the longest backoff to all of it: not a dial for each answer, and none given up.
        Assert.Equal(Enumerable.Range(1, 10).Select(static n => n % 4 == 0 ? MesharaErrorCode.NameNotResolved : MesharaErrorCode.PinMismatch), ends);
        Assert.All(Enumerable.Range(0, 9), i => Assert.InRange((dials[i + 1] - dials[i]).TotalSeconds, ends[i] == MesharaErrorCode.PinMismatch ? 29 : 0, 62));
        Assert.Equal(wanted.Id, Assert.Single(node.Options.Peers).Id);
        Assert.All(impostors, i => Assert.Empty(i.ListPeers()));

        // The name leads to the right one at last.
        honest = await _bed.StartAsync(_bed.Options(Admission.Open) with { Transport = null, Listen = ["127.0.0.1:0"], Identity = wanted });
        await AdvanceUntilAsync(node, () => node.ListPeers() is [{ Id: var id }] && id == wanted.Id);
    }

    private async Task<(Node Node, RawNode Raw, EventLog Events)> LinkedAsync()
    {
        Node node = await _bed.StartAsync(_bed.Options(Admission.Open) with { Transport = _memory, TimeProvider = _clock });
        EventLog events = new(node);
        RawNode raw = await DialAsync(node, _raw);
        await events.NextAsync<PeerConnected>();
        return (node, raw, events);
    }

    private async Task<RawNode> DialAsync(Node node, NodeIdentity identity)
    {
        RawNode raw = new(identity);
        PeerAddress to = node.Addresses[0];
        await raw.DialAsync(node, (await _memory.ConnectAsync(to.Host, to.Port, CancellationToken.None)).Stream);
        return raw;
    }

    // The next event is that of somebody else.
    private async Task AssertEndedOnceAsync(Node node, RawNode raw, EventLog events, DisconnectReason reason)
    {
        await raw.DisposeAsync();
        Assert.Equal((_raw.Id, reason), await events.NextAsync<PeerDisconnected>() is { } e ? (e.Peer, e.Reason) : default);
        using NodeIdentity other = NodeIdentity.Create();
        await using RawNode next = await DialAsync(node, other);
        Assert.Equal(other.Id, Assert.IsType<PeerConnected>(await events.NextAsync<PeerEvent>()).Peer);
        Assert.True((await node.ExplainPeerAsync(_raw.Id))?.Reputation is null or >= -1);
    }

    // A dial that has begun ends before the clock goes on: its deadlines are on it too.
    private async Task AdvanceUntilAsync(Node node, Func<bool> condition)
    {
        TimeSpan latest = _clock.Now + TimeSpan.FromMinutes(10);
        while (true)
        {
            await Eventually.TrueAsync(async () => condition() || await node.CountConnectionsAsync() == 0);
            if (condition() || _clock.Now >= latest)
            {
                break;
            }

            _clock.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.True(condition());
    }
}
