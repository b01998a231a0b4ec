using System.Net;
using System.Net.Sockets;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests;

/// <summary>Links that die, nodes that come back, and two nodes with one key.</summary>
public sealed class NodeLifeTests
{
    // A loaded machine may rest for a second: a live link must not pass for a silent one meanwhile.
    private static readonly NodeTimeouts Patient = new()
    {
        DuplicateCheck = TimeSpan.FromSeconds(8),
        Hello = TimeSpan.FromSeconds(30),
        Drain = TimeSpan.FromMilliseconds(500),
    };

    [Fact]
    public async Task Heartbeat_NetworkGoesDead_BothSidesCloseAndTheWantedLinkComesBack()
    {
        await using NodeBed bed = new();
        MemoryTransport memory = new();
        FreezingTransport network = new(memory);
        NodeTimeouts quick = new()
        {
            PingAfter = TimeSpan.FromMilliseconds(300),
            PongWithin = TimeSpan.FromMilliseconds(200),
            DuplicateCheck = TimeSpan.FromMilliseconds(200),
            MaxBackoff = TimeSpan.FromMilliseconds(500),
        };
        Node alice = await bed.StartAsync(Open(network, "alice:1", timeouts: quick));
        Node bob = await bed.StartAsync(Open(memory, "bob:1", timeouts: quick));
        await NodeBed.AddAsync(alice, bob);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(alice, bob));
        await using EventLog atAlice = new(alice), atBob = new(bob);

        network.Freeze();

        Assert.Equal(DisconnectReason.PingTimeout, (await atAlice.NextAsync<PeerDisconnected>()).Reason);
        Assert.Contains((await atBob.NextAsync<PeerDisconnected>()).Reason, new[] { DisconnectReason.PingTimeout, DisconnectReason.Replaced });
        await atAlice.NextAsync<PeerConnected>();
        await Eventually.TrueAsync(() => NodeBed.AreLinked(alice, bob));
    }

    [Fact]
    public async Task Restart_OldLinkIsSilent_NewLinkReplacesIt()
    {
        await using NodeBed bed = new();
        using NodeIdentity identity = NodeIdentity.Create();
        MemoryTransport memory = new();
        FreezingTransport network = new(memory);

        // Long heartbeats: only the check of the old link can find it dead.
        NodeTimeouts timeouts = new() { DuplicateCheck = TimeSpan.FromMilliseconds(200), Drain = TimeSpan.FromMilliseconds(500) };
        Node hub = await bed.StartAsync(Open(memory, "hub:1", timeouts: timeouts));
        Node first = await bed.StartAsync(Open(network, "first:1", identity, timeouts));
        await NodeBed.AddAsync(first, hub);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(first, hub));
        await using EventLog events = new(hub);
        network.Freeze();

        Node second = await bed.StartAsync(Open(memory, "second:1", identity, timeouts));
        Assert.Equal(hub.Id, await NodeBed.AddAsync(second, hub));

        Assert.Equal(DisconnectReason.Replaced, (await events.NextAsync<PeerDisconnected>()).Reason);
        await events.NextAsync<PeerConnected>();
        Assert.Single(hub.ListPeers());
    }

    [Fact]
    public async Task IdentityInUse_TwoLiveNodesWithOneKey_NewcomerIsRefusedAndBothSidesOfTheLinkHearOfIt()
    {
        await using NodeBed bed = new();
        using NodeIdentity identity = NodeIdentity.Create();
        MemoryTransport memory = new();
        Node hub = await bed.StartAsync(Open(memory, "hub:1"));
        Node first = await bed.StartAsync(Open(memory, "first:1", identity));
        await NodeBed.AddAsync(first, hub);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(first, hub));
        await using EventLog atHub = new(hub), atFirst = new(first);
        Node copy = await bed.StartAsync(Open(memory, "copy:1", identity));

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => NodeBed.AddAsync(copy, hub));

        Assert.Equal(MesharaErrorCode.IdentityInUse, e.Code);
        IdentityShared shared = await atHub.NextAsync<IdentityShared>();
        Assert.Equal(identity.Id, shared.Peer);
        Assert.NotNull(shared.OtherAddress);
        IdentityShared told = await atFirst.NextAsync<IdentityShared>();
        Assert.Equal((identity.Id, null), (told.Peer, told.OtherAddress));
        Assert.True(NodeBed.AreLinked(first, hub));
    }

    [Fact]
    public async Task H17_BothDialAtOnceAThousandTimes_OneLinkEachTimeAndNothingAcceptedIsLostOrDoubled()
    {
        await using NodeBed bed = new();
        MemoryTransport memory = new();
        Node alice = await bed.StartAsync(Open(memory, "alice:1"));
        Node bob = await bed.StartAsync(Open(memory, "bob:1"));
        int atAlice = 0, atBob = 0;
        alice.Handle("n", (_, _) => Count(ref atAlice));
        bob.Handle("n", (_, _) => Count(ref atBob));
        Random random = new(17);
        int atRest = alice.RunningTasks + bob.RunningTasks;
        for (int i = 1; i <= 1000; i++)
        {
            int head = random.Next(-40, 41);
            Task[] adds = [AddAfterAsync(alice, bob, -head), AddAfterAsync(bob, alice, head)];
            await Task.WhenAll(adds).WaitAsync(NodeBed.Guard);
            await Task.WhenAll(
                alice.SendAsync(bob.Id, "n", default, acknowledged: true).AsTask(),
                bob.SendAsync(alice.Id, "n", default, acknowledged: true).AsTask()).WaitAsync(NodeBed.Guard);
            Assert.Equal((i, i), (Volatile.Read(ref atAlice), Volatile.Read(ref atBob)));
            Assert.Single(alice.ListPeers());
            Assert.Single(bob.ListPeers());

            await Task.WhenAll(alice.RemovePeerAsync(bob.Id), bob.RemovePeerAsync(alice.Id)).WaitAsync(NodeBed.Guard);

            // The connection that was not chosen may still be accepted late, and be a link for the moment until its goodbye is read.
            await Eventually.TrueAsync(() => alice.RunningTasks + bob.RunningTasks == atRest);
        }
    }

    [Fact]
    public async Task H1_SilenceAfterConnect_ClosedAtTheDeadlineAndReported()
    {
        await using NodeBed bed = new();
        Node node = await bed.StartAsync(Tcp(new NodeTimeouts { Tls = TimeSpan.FromMilliseconds(200) }));
        await using EventLog events = new(node);
        using TcpClient client = new();
        await client.ConnectAsync(IPAddress.Loopback, node.Addresses[0].Port);

        Assert.Equal(MesharaErrorCode.TlsTimeout, (await events.NextAsync<PeerRefused>()).Code);
        Assert.True(await EndsAsync(client));
        await Eventually.TrueAsync(() => node.RunningTasks == 1);
    }

    [Fact]
    public async Task Accept_MoreSilentSocketsThanHandshakes_FurtherOnesAreClosedAtOnceAndPlacesComeBack()
    {
        await using NodeBed bed = new();
        Node node = await bed.StartAsync(Tcp(new NodeTimeouts { Tls = TimeSpan.FromSeconds(4) }));
        Node guest = await bed.StartAsync(Tcp(new NodeTimeouts()));
        List<TcpClient> clients = [];
        for (int i = 0; i < 256; i++)
        {
            clients.Add(new TcpClient());
            await clients[i].ConnectAsync(IPAddress.Loopback, node.Addresses[0].Port);
        }

        await Eventually.TrueAsync(() => node.RunningTasks == 257);
        using TcpClient late = new();
        Assert.True(await EndsAsync(late, node.Addresses[0].Port));
        await Eventually.TrueAsync(() => node.RunningTasks == 1);
        Assert.Equal(node.Id, await NodeBed.AddAsync(guest, node));
        clients.ForEach(c => c.Dispose());
    }

    [Fact]
    public async Task Dispose_HandlerThatHeedsNothing_IsLeftAlone()
    {
        await using NodeBed bed = new();
        MemoryTransport memory = new();
        Node alice = await bed.StartAsync(Open(memory, "alice:1"));
        Node bob = await bed.StartAsync(Open(memory, "bob:1"));
        TaskCompletionSource entered = new(), release = new();
        bob.Handle("x", async (_, _) =>
        {
            entered.TrySetResult();
            await release.Task;
        });
        await NodeBed.AddAsync(alice, bob);
        await alice.SendAsync(bob.Id, "x", default);
        await entered.Task.WaitAsync(NodeBed.Guard);

        await bob.DisposeAsync().AsTask().WaitAsync(NodeBed.Guard);

        Assert.Equal((NodeState.Stopped, 1), (bob.State, bob.RunningTasks));
        release.SetResult();
        await Eventually.TrueAsync(() => bob.RunningTasks == 0);
    }

    [Fact]
    public async Task Dispose_HandshakesUnderWay_EndsThemAtOnce()
    {
        Node node = await Node.StartAsync(Tcp(new NodeTimeouts { Tls = TimeSpan.FromHours(1) }));
        using TcpClient client = new();
        await client.ConnectAsync(IPAddress.Loopback, node.Addresses[0].Port);
        await Eventually.TrueAsync(() => node.RunningTasks == 2);

        await node.DisposeAsync().AsTask().WaitAsync(NodeBed.Guard);

        Assert.Equal(0, node.RunningTasks);
        Assert.True(await EndsAsync(client));
    }

    [Fact]
    public async Task Addresses_Wildcard_AreThoseOfInterfacesAndCanBeDialled()
    {
        await using NodeBed bed = new();
        Node node = await bed.StartAsync(new NodeOptions { Mesh = "test", Admission = Admission.Open, Listen = ["0.0.0.0:0"], Discovery = new DiscoveryOptions { EnabledMethods = DiscoveryMethods.Manual } });
        Node guest = await bed.StartAsync(Tcp(new NodeTimeouts()));

        Assert.NotEmpty(node.Addresses);
        Assert.DoesNotContain(node.Addresses, a => a.Host == "0.0.0.0" || a.Id != node.Id);
        Assert.Equal(node.Id, await NodeBed.AddAsync(guest, node));
    }

    private static NodeOptions Open(ITransport transport, string listen, NodeIdentity? identity = null, NodeTimeouts? timeouts = null) => new()
    {
        Mesh = "test",
        Admission = Admission.Open,
        Listen = [listen],
        Transport = transport,
        Identity = identity,
        Timeouts = timeouts ?? Patient,
        Seed = 1,
    };

    private static NodeOptions Tcp(NodeTimeouts timeouts) =>
        new() { Mesh = "test", Admission = Admission.Open, Listen = ["127.0.0.1:0"], Timeouts = timeouts };

    private static async Task AddAfterAsync(Node from, Node to, int turns)
    {
        for (int i = 0; i < turns; i++)
        {
            await Task.Yield();
        }

        Assert.Equal(to.Id, await NodeBed.AddAsync(from, to));
    }

    private static ValueTask Count(ref int counter)
    {
        Interlocked.Increment(ref counter);
        return ValueTask.CompletedTask;
    }

    private static async Task<bool> EndsAsync(TcpClient client, int port = 0)
    {
        try
        {
            if (port != 0)
            {
                await client.ConnectAsync(IPAddress.Loopback, port);
            }

            return await client.GetStream().ReadAsync(new byte[1]).AsTask().WaitAsync(NodeBed.Guard) == 0;
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            return true;
        }
    }
}
