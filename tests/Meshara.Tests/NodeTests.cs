using System.Collections.Concurrent;
using System.Text;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests;

public sealed class NodeTests
{
    [Fact]
    public async Task AddPeer_PinnedOnBothSides_MessagesRequestsAndStreamsWork()
    {
        await using NodeBed bed = new();
        Node alice = await bed.StartAsync(Admission.KnownPeers);
        Node bob = await bed.StartAsync(Admission.KnownPeers);
        TaskCompletionSource<(NodeId, string)> heard = new();
        bob.Handle("chat/1", (m, _) =>
        {
            heard.TrySetResult((m.Peer, m.Text));
            return ValueTask.CompletedTask;
        });
        bob.HandleRequest("echo/1", (m, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(m.Payload.ToArray().Reverse().ToArray()));
        bob.HandleStream("pipe/1", async (s, ct) => await s.CopyToAsync(s, ct));

        await bob.TrustAsync(alice.PublicKey);
        Assert.Equal(bob.Id, await NodeBed.AddAsync(alice, bob));

        await alice.SendAsync(bob.Id, "chat/1", "hello"u8.ToArray());
        Assert.Equal((alice.Id, "hello"), await heard.Task.WaitAsync(NodeBed.Guard));
        Assert.Equal("olleh"u8.ToArray(), await alice.RequestAsync(bob.Id, "echo/1", "hello"u8.ToArray()));
        await using MeshStream stream = await alice.OpenStreamAsync(bob.Id, "pipe/1");
        await stream.WriteAsync("round"u8.ToArray());
        stream.CompleteWrites();
        using StreamReader reader = new(stream);
        Assert.Equal("round", await reader.ReadToEndAsync().WaitAsync(NodeBed.Guard));
        await alice.SendAsync(bob.Id, "chat/1", "again"u8.ToArray(), acknowledged: true).AsTask().WaitAsync(NodeBed.Guard);
    }

    [Fact]
    public async Task ListPeers_OneLink_DescribesIt()
    {
        await using NodeBed bed = new();
        Node alice = await bed.StartAsync(Admission.KnownPeers);
        Node bob = await bed.StartAsync(Admission.Open);
        await alice.TrustAsync(bob.PublicKey);
        await NodeBed.AddAsync(bob, alice);
        await Eventually.TrueAsync(() => bob.ListPeers() is [{ RoundTripTime: not null }] && alice.ListPeers().Count == 1);

        PeerInfo peer = Assert.Single(alice.ListPeers());
        Assert.Equal((bob.Id, bob.PublicKey, true, true, 0.0), (peer.Id, peer.PublicKey, peer.Inbound, peer.Pinned, peer.Reputation));
        Assert.StartsWith("meshara/", peer.Agent, StringComparison.Ordinal);
        Assert.True(peer.BytesSent > 0 && peer.BytesReceived > 0);
        PeerInfo back = Assert.Single(bob.ListPeers());
        Assert.Equal((false, alice.Addresses[0].HostAndPort), (back.Inbound, back.Address));
    }

    [Fact]
    public async Task AddPeer_AgainWhileConnected_ReturnsTheIdAtOnce()
    {
        await using NodeBed bed = new();
        Node alice = await bed.StartAsync(Admission.Open);
        Node bob = await bed.StartAsync(Admission.Open);
        await NodeBed.AddAsync(alice, bob);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(alice, bob));

        Assert.Equal(bob.Id, await NodeBed.AddAsync(alice, bob));
        Assert.Equal(bob.Id, await NodeBed.AddAsync(alice, bob, pinned: false));
        Assert.Equal(alice.Id, await NodeBed.AddAsync(bob, alice, pinned: false));
        Assert.Single(alice.ListPeers());
    }

    [Fact]
    public async Task AddPeer_OtherSideIsFull_FailsWithThatReasonAndTheLimit()
    {
        await using NodeBed bed = new();
        Node hub = await bed.StartAsync(new NodeOptions { Mesh = "test", Discovery = new DiscoveryOptions { TargetPeers = 0, MaxPeers = 1 }, Admission = Admission.Open, Listen = ["node:0"], Transport = bed.Options(Admission.Open).Transport });
        Node first = await bed.StartAsync(Admission.Open);
        Node second = await bed.StartAsync(Admission.Open);
        await NodeBed.AddAsync(first, hub);

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => NodeBed.AddAsync(second, hub));

        Assert.Equal((MesharaErrorCode.Full, true), (e.Code, e.IsTransient));
        Assert.Contains("max_peers: 1", e.Message, StringComparison.Ordinal);
        Assert.Empty(second.ListPeers());
    }

    [Fact]
    public async Task H12_AnotherKeyThanThePin_TypedErrorAndTheHonestIdIsNotBlamed()
    {
        await using NodeBed bed = new();
        Node alice = await bed.StartAsync(Admission.Open);
        Node bob = await bed.StartAsync(Admission.Open);
        Node mallory = await bed.StartAsync(Admission.Open);

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(
            () => alice.AddPeerAsync(mallory.Addresses[0].HostAndPort, bob.PublicKey).WaitAsync(NodeBed.Guard));

        Assert.Equal(MesharaErrorCode.PinMismatch, e.Code);
        Assert.Contains(bob.Id.ToString(), e.Message, StringComparison.Ordinal);
        Assert.Contains(mallory.Id.ToString(), e.Message, StringComparison.Ordinal);
        await NodeBed.AddAsync(alice, bob);
        Assert.Equal(0, Assert.Single(alice.ListPeers()).Reputation);
    }

    [Fact]
    public async Task H13_OwnAddress_IsSelfAndRememberedSo()
    {
        await using NodeBed bed = new();
        Node alice = await bed.StartAsync(Admission.Open);
        string own = alice.Addresses[0].HostAndPort;

        Assert.Equal(MesharaErrorCode.Self, (await Assert.ThrowsAsync<MesharaException>(() => alice.AddPeerAsync(own).WaitAsync(NodeBed.Guard))).Code);
        Assert.Equal(MesharaErrorCode.Self, (await Assert.ThrowsAsync<MesharaException>(() => alice.AddPeerAsync(own).WaitAsync(NodeBed.Guard))).Code);
        Assert.Equal(MesharaErrorCode.Self, (await Assert.ThrowsAsync<MesharaException>(() => NodeBed.AddAsync(alice, alice))).Code);
    }

    [Fact]
    public async Task Admission_KnownPeers_StrangerIsRefusedUntilTrusted()
    {
        await using NodeBed bed = new();
        Node alice = await bed.StartAsync(Admission.KnownPeers);
        Node bob = await bed.StartAsync(Admission.KnownPeers);
        await using EventLog events = new(alice);

        Assert.Equal(MesharaErrorCode.NotAdmitted, (await Assert.ThrowsAsync<MesharaException>(() => NodeBed.AddAsync(bob, alice))).Code);
        PeerRefused refused = await events.NextAsync<PeerRefused>();
        Assert.Equal((bob.Id, MesharaErrorCode.NotAdmitted, false), (refused.Peer, refused.Code, refused.ByPeer));

        await alice.TrustAsync(bob.PublicKey);
        Assert.Equal(alice.Id, await NodeBed.AddAsync(bob, alice));
    }

    [Fact]
    public async Task Admission_Secret_WhoKnowsItJoinsAndWhoDoesNotIsRefused()
    {
        await using NodeBed bed = new();
        Node alice = await bed.StartAsync(Admission.Secret("correct horse battery staple"));
        Node bob = await bed.StartAsync(Admission.Secret("correct horse battery staple"));
        Node eve = await bed.StartAsync(Admission.Secret("another secret altogether"));
        Node mute = await bed.StartAsync(Admission.Open);

        Assert.Equal(alice.Id, await NodeBed.AddAsync(bob, alice, pinned: false));
        Assert.Equal(MesharaErrorCode.NotAdmitted, (await Assert.ThrowsAsync<MesharaException>(() => NodeBed.AddAsync(eve, alice))).Code);
        Assert.Equal(MesharaErrorCode.NotAdmitted, (await Assert.ThrowsAsync<MesharaException>(() => NodeBed.AddAsync(mute, alice))).Code);

        // The operator's word opens the door without the secret, from both sides.
        await alice.TrustAsync(eve.PublicKey);
        Assert.Equal(alice.Id, await NodeBed.AddAsync(eve, alice));
    }

    [Fact]
    public async Task AddPeer_WrongMesh_SaysSoOnBothSides()
    {
        await using NodeBed bed = new();
        Node alice = await bed.StartAsync(Admission.Open);
        Node other = await bed.StartAsync(new NodeOptions { Mesh = "other", Admission = Admission.Open, Listen = ["node:0"], Transport = bed.Options(Admission.Open).Transport });
        await using EventLog events = new(other);

        Assert.Equal(MesharaErrorCode.WrongMesh, (await Assert.ThrowsAsync<MesharaException>(() => NodeBed.AddAsync(alice, other))).Code);
        Assert.Equal(MesharaErrorCode.WrongMesh, (await events.NextAsync<PeerRefused>()).Code);
    }

    [Fact]
    public async Task RemovePeer_Linked_SaysGoodbyeForgetsAndDialsNoMore()
    {
        await using NodeBed bed = new();
        Node alice = await bed.StartAsync(Admission.KnownPeers);
        Node bob = await bed.StartAsync(Admission.KnownPeers);
        await bob.TrustAsync(alice.PublicKey);
        await NodeBed.AddAsync(alice, bob);
        await using EventLog events = new(bob);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(alice, bob));

        Assert.True(await alice.RemovePeerAsync(bob.Id).WaitAsync(NodeBed.Guard));

        Assert.Empty(alice.ListPeers());
        Assert.Equal(DisconnectReason.RemoteRemoved, (await events.NextAsync<PeerDisconnected>()).Reason);
        Assert.False(await alice.RemovePeerAsync(bob.Id).WaitAsync(NodeBed.Guard));
        Assert.Equal(MesharaErrorCode.NotAdmitted, (await Assert.ThrowsAsync<MesharaException>(() => NodeBed.AddAsync(bob, alice))).Code);
        Assert.Equal(MesharaErrorCode.NotConnected, (await Assert.ThrowsAsync<MesharaException>(async () => await alice.SendAsync(bob.Id, "x", default))).Code);

        Assert.Equal(bob.Id, await NodeBed.AddAsync(alice, bob));
    }

    [Fact]
    public async Task Dispose_Linked_PeerHearsGoodbyeAndRedialsWhenItIsBack()
    {
        await using NodeBed bed = new();
        using NodeIdentity identity = NodeIdentity.Create();
        NodeOptions bobOptions = new() { Mesh = "test", Admission = Admission.Open, Listen = ["bob:4040"], Identity = identity, Transport = bed.Options(Admission.Open).Transport };
        Node alice = await bed.StartAsync(Admission.Open);
        Node bob = await bed.StartAsync(bobOptions);
        await NodeBed.AddAsync(alice, bob);
        await using EventLog events = new(alice);

        await bob.DisposeAsync().AsTask().WaitAsync(NodeBed.Guard);
        Assert.Equal(DisconnectReason.RemoteShutdown, (await events.NextAsync<PeerDisconnected>()).Reason);
        Assert.Equal(NodeState.Stopped, bob.State);

        Node again = await bed.StartAsync(bobOptions);
        Assert.Equal(identity.Id, (await events.NextAsync<PeerConnected>()).Peer);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(alice, again));
    }

    [Fact]
    public async Task Dispose_EveryKindOfWorkUnderWay_LeavesNothingBehind()
    {
        await using NodeBed bed = new();
        Node alice = await bed.StartAsync(Admission.Open);
        Node bob = await bed.StartAsync(Admission.Open);
        TaskCompletionSource inHandler = new();
        bob.HandleRequest("slow/1", async (_, ct) =>
        {
            inHandler.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
            return default;
        });
        await NodeBed.AddAsync(alice, bob);
        Task request = alice.RequestAsync(bob.Id, "slow/1", default).AsTask();
        await inHandler.Task.WaitAsync(NodeBed.Guard);
        IAsyncEnumerable<PeerEvent> watched = bob.WatchAsync();

        await bob.DisposeAsync().AsTask().WaitAsync(NodeBed.Guard);
        await bob.DisposeAsync();

        Assert.Equal(0, bob.RunningTasks);
        await Assert.ThrowsAsync<MesharaException>(() => request.WaitAsync(NodeBed.Guard));
        Assert.Equal(
            [DisconnectReason.LocalShutdown],
            await watched.OfType<PeerDisconnected>().Select(d => d.Reason).ToArrayAsync().AsTask().WaitAsync(NodeBed.Guard));
        Assert.Equal(MesharaErrorCode.NodeStopped, (await Assert.ThrowsAsync<MesharaException>(() => NodeBed.AddAsync(bob, alice))).Code);
        Assert.Equal(MesharaErrorCode.NodeStopped, (await Assert.ThrowsAsync<MesharaException>(async () => await bob.SendAsync(alice.Id, "x", default))).Code);
        await alice.DisposeAsync().AsTask().WaitAsync(NodeBed.Guard);
        Assert.Equal(0, alice.RunningTasks);
    }

    [Fact]
    public async Task AddPeer_Cancelled_GivesUpAndForgets()
    {
        await using NodeBed bed = new();
        SilentTransport silent = new();
        Node alice = await bed.StartAsync(new NodeOptions { Mesh = "test", Transport = silent });
        using CancellationTokenSource cancel = new();
        Task<NodeId> add = alice.AddPeerAsync("nowhere:1", cancellationToken: cancel.Token);
        await silent.Dialled.WaitAsync(NodeBed.Guard);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => add.WaitAsync(NodeBed.Guard));
        await Eventually.TrueAsync(() => alice.RunningTasks == 0);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task MeshStreamAborted_AfterThePeersDirectionEnded_TellsOfResetAndOfALostLink(bool reset)
    {
        await using NodeBed bed = new();
        Node alice = await bed.StartAsync(Admission.Open);
        Node bob = await bed.StartAsync(Admission.Open);
        TaskCompletionSource go = new(TaskCreationOptions.RunContinuationsAsynchronously);
        bob.HandleStream("s", async (stream, _) =>
        {
            stream.CompleteWrites();
            await go.Task;
            stream.Abort(300);
        });
        await NodeBed.AddAsync(alice, bob);
        await using MeshStream stream = await alice.OpenStreamAsync(bob.Id, "s");
        Assert.Equal(0, await stream.ReadAsync(new byte[1]).AsTask().WaitAsync(NodeBed.Guard));
        Assert.False(stream.Aborted.IsCancellationRequested);
        TaskCompletionSource told = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using CancellationTokenRegistration registration = stream.Aborted.Register(told.SetResult);

        if (reset)
        {
            go.SetResult();
        }
        else
        {
            await alice.RemovePeerAsync(bob.Id).WaitAsync(NodeBed.Guard);
            go.SetResult();
        }

        await told.Task.WaitAsync(NodeBed.Guard);
        MesharaException e = await Assert.ThrowsAsync<MesharaException>(async () => await stream.WriteAsync(new byte[1]));
        Assert.Equal(reset ? (MesharaErrorCode.StreamReset, 300) : (MesharaErrorCode.LinkClosed, 0), (e.Code, e.StreamCode));
    }

    [Fact]
    public async Task H17_BothDialAtOnce_OneLinkAndNothingAcceptedIsLostOrDoubled()
    {
        await using NodeBed bed = new();
        for (int i = 0; i < 20; i++)
        {
            await using NodeBed pair = new();
            Node alice = await pair.StartAsync(Admission.Open);
            Node bob = await pair.StartAsync(Admission.Open);
            ConcurrentQueue<string> atAlice = [], atBob = [];
            alice.Handle("n", (m, _) => Record(atAlice, m));
            bob.Handle("n", (m, _) => Record(atBob, m));

            Task<NodeId>[] adds = [NodeBed.AddAsync(alice, bob), NodeBed.AddAsync(bob, alice)];
            await Task.WhenAll(adds);
            for (int n = 0; n < 10; n++)
            {
                await alice.SendAsync(bob.Id, "n", Encoding.UTF8.GetBytes($"{n}"), acknowledged: true).AsTask().WaitAsync(NodeBed.Guard);
                await bob.SendAsync(alice.Id, "n", Encoding.UTF8.GetBytes($"{n}"), acknowledged: true).AsTask().WaitAsync(NodeBed.Guard);
            }

            string[] all = [.. Enumerable.Range(0, 10).Select(n => $"{n}")];
            Assert.Equal(all, atAlice);
            Assert.Equal(all, atBob);
            Assert.Single(alice.ListPeers());
            Assert.Single(bob.ListPeers());
        }
    }

    private static ValueTask Record(ConcurrentQueue<string> to, Message message)
    {
        to.Enqueue(message.Text);
        return ValueTask.CompletedTask;
    }

    /// <summary>Connects for ever.</summary>
    private sealed class SilentTransport : ITransport
    {
        private readonly TaskCompletionSource _dialled = new();

        public Task Dialled => _dialled.Task;

        public ValueTask<TransportListener> ListenAsync(string host, int port, CancellationToken cancellationToken) => throw new NotSupportedException();

        public async ValueTask<TransportConnection> ConnectAsync(string host, int port, CancellationToken cancellationToken)
        {
            _dialled.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
            throw new NotSupportedException();
        }
    }
}
