using System.Runtime.CompilerServices;
using Meshara.Net;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Simulation;

/// <summary>A node that is killed: it says nothing, holds nothing, and is dead. And how much one that lives holds.</summary>
public sealed class NodeAbandonTests
{
    [Fact]
    public async Task Abandon_OtherSide_FindsOutByItselfAndIsToldNoGoodbye()
    {
        await using NodeBed bed = new();
        SeenByObserver seen = new();
        Node killed = await bed.StartAsync(Admission.Open, o => o with { Seams = new NodeSeams { Observer = seen } });
        Node left = await bed.StartAsync(Admission.Open);
        await NodeBed.AddAsync(killed, left);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(killed, left));
        await using EventLog events = new(left);
        int before = seen.Lines.Count;

        killed.Abandon();

        Assert.Equal(DisconnectReason.ConnectionLost, (await events.NextAsync<PeerDisconnected>()).Reason);
        Assert.Equal(NodeState.Stopped, killed.State);
        await killed.DisposeAsync().AsTask().WaitAsync(NodeBed.Guard);
        await Eventually.TrueAsync(() => killed.RunningTasks == 0);
        Assert.Equal(before, seen.Lines.Count);
    }

    // As when the power goes: nothing comes, nothing goes. Who is left says so when its own PINGs are not answered.
    [Fact]
    public async Task Abandon_NetworkGoneWithIt_OtherSideHearsNothingUntilItsPingsTimeOut()
    {
        await using NodeBed bed = new();
        ManualTimeProvider clock = new();
        MemoryTransport memory = new();
        FreezingTransport network = new(memory);
        Node killed = await bed.StartAsync(Options(network, "killed:1", clock));
        Node left = await bed.StartAsync(Options(memory, "left:1", clock));
        await NodeBed.AddAsync(killed, left);
        await Eventually.TrueAsync(() => killed.ListPeers() is [{ RoundTripTime: not null }] && left.ListPeers() is [{ RoundTripTime: not null }]);
        await using EventLog events = new(left);
        Task<PeerDisconnected> ended = events.NextAsync<PeerDisconnected>();

        network.Freeze();
        killed.Abandon();
        TimeSpan from = clock.Now;
        while (!ended.IsCompleted)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, TestContext.Current.CancellationToken);
        }

        Assert.Equal(DisconnectReason.PingTimeout, (await ended).Reason);
        Assert.True(clock.Now - from >= TimeSpan.FromSeconds(35));
        await bed.DisposeAsync(clock);
    }

    [Fact]
    public async Task Abandon_Directory_CanBeOpenedAtOnceAndIsTheNextNodes()
    {
        using TempFolder folder = new();
        await using NodeBed bed = new();
        Node killed = await bed.StartAsync(Admission.Open, o => o with { DataDirectory = folder["node"] });
        MesharaException taken = await Assert.ThrowsAsync<MesharaException>(() => bed.StartAsync(Admission.Open, o => o with { DataDirectory = folder["node"] }));
        Assert.Equal(MesharaErrorCode.DataDirectoryInUse, taken.Code);

        killed.Abandon();
        Node next = await bed.StartAsync(Admission.Open, o => o with { DataDirectory = folder["node"] });
        killed.Abandon();

        Assert.Equal(killed.Id, next.Id);
        Assert.True(File.Exists(Path.Combine(folder["node"], Meshara.Storage.DirectoryHolder.OwnerName)));
        taken = await Assert.ThrowsAsync<MesharaException>(() => bed.StartAsync(Admission.Open, o => o with { DataDirectory = folder["node"] }));
        Assert.Equal(MesharaErrorCode.DataDirectoryInUse, taken.Code);
    }

    [Fact]
    public async Task Abandon_WhoWaitsForIt_IsToldThatItHasStopped()
    {
        await using NodeBed bed = new();
        Node killed = await bed.StartAsync(Admission.Open);
        Node peer = await bed.StartAsync(Admission.Open);
        TaskCompletionSource asked = new();
        TaskCompletionSource<CancellationToken> handling = new();
        peer.HandleRequest("slow/1", async (_, token) =>
        {
            asked.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
            return default;
        });
        killed.HandleRequest("own/1", async (_, token) =>
        {
            handling.SetResult(token);
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
            return default;
        });
        await NodeBed.AddAsync(killed, peer);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(killed, peer));
        Task request = killed.RequestAsync(peer.Id, "slow/1", default).AsTask();
        Task handled = peer.RequestAsync(killed.Id, "own/1", default).AsTask();
        Task<PeerEvent[]> watched = killed.WatchAsync().ToArrayAsync().AsTask();
        await asked.Task.WaitAsync(NodeBed.Guard);
        CancellationToken stopping = await handling.Task.WaitAsync(NodeBed.Guard);

        killed.Abandon();

        await Assert.ThrowsAsync<MesharaException>(() => request.WaitAsync(NodeBed.Guard));
        await Assert.ThrowsAsync<MesharaException>(() => handled.WaitAsync(NodeBed.Guard));
        await watched.WaitAsync(NodeBed.Guard);
        await Eventually.TrueAsync(() => stopping.IsCancellationRequested && killed.RunningTasks == 0);
        MesharaException late = await Assert.ThrowsAsync<MesharaException>(() => NodeBed.AddAsync(killed, peer));
        Assert.Equal(MesharaErrorCode.NodeStopped, late.Code);
    }

    [Fact]
    public async Task Abandon_WhileItStopsAndWaits_EndsTheStop()
    {
        await using NodeBed bed = new();
        ManualTimeProvider clock = new();
        Node killed = await bed.StartAsync(Admission.Open, o => o with { TimeProvider = clock });
        Node peer = await bed.StartAsync(Admission.Open, o => o with { TimeProvider = clock });
        TaskCompletionSource asked = new(), never = new();
        killed.HandleRequest("never/1", async (_, _) =>
        {
            asked.SetResult();
            await never.Task;
            return default;
        });
        await NodeBed.AddAsync(killed, peer);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(killed, peer));
        Task request = peer.RequestAsync(killed.Id, "never/1", default).AsTask();
        await asked.Task.WaitAsync(NodeBed.Guard);
        Task stop = killed.DisposeAsync().AsTask();
        Assert.False(stop.IsCompleted);

        killed.Abandon();

        await stop.WaitAsync(NodeBed.Guard);
        await Assert.ThrowsAsync<MesharaException>(() => request.WaitAsync(NodeBed.Guard));
        never.SetResult();
        await bed.DisposeAsync(clock);
    }

    [Fact]
    public async Task Abandon_WhileItStarts_StartFailsAndNothingStaysOpen()
    {
        using TempFolder folder = new();
        await using NodeBed bed = new();
        SlowStore store = new();
        Node? made = null;
        NodeOptions options = bed.Options(Admission.Open) with { DataDirectory = folder["node"], Listen = ["node:7"], PeerStore = store, Seams = new NodeSeams { Created = node => made = node } };
        Task<Node> start = Node.StartAsync(options, TestContext.Current.CancellationToken);
        await store.Asked.Task.WaitAsync(NodeBed.Guard);

        made!.Abandon();
        store.Answer.SetResult();

        Assert.Equal(MesharaErrorCode.NodeStopped, (await Assert.ThrowsAsync<MesharaException>(() => start.WaitAsync(NodeBed.Guard))).Code);
        await bed.StartAsync(options with { PeerStore = null, Seams = null });
    }

    [Fact]
    public async Task Abandon_ChangesThatWait_AreNotWrittenToTheStore()
    {
        await using NodeBed bed = new();
        ManualTimeProvider clock = new();
        MemoryPeerStore store = new();
        Node killed = await bed.StartAsync(Admission.Open, o => o with { PeerStore = store, TimeProvider = clock });
        Node peer = await bed.StartAsync(Admission.Open);

        // The first write, of the table's key, is done; the next may come after a second.
        await Eventually.TrueAsync(async () => (await store.LoadAsync()).TableKey is not null);
        await NodeBed.AddAsync(killed, peer);

        killed.Abandon();
        clock.Advance(TimeSpan.FromMinutes(1));

        await Eventually.TrueAsync(() => killed.RunningTasks == 0);
        Assert.Empty((await store.LoadAsync(TestContext.Current.CancellationToken)).Peers);
    }

    [Fact]
    public async Task Abandon_OnAClockOfItsOwn_LeavesNoTimerAndCanBeCollected()
    {
        await using NodeBed bed = new();
        ManualTimeProvider clock = new();
        using TempFolder folder = new();
        await File.WriteAllTextAsync(folder["peers"], """{ "static_peers": [] }""");
        WeakReference killed = await StartLinkAndKillAsync(bed, clock, folder["peers"]);

        await Eventually.TrueAsync(() =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return clock.PendingTimers == 0 && !killed.IsAlive;
        });
    }

    [Fact]
    public async Task Census_LinkedPair_NumbersAreThoseOfOneLink()
    {
        await using NodeBed bed = new();
        Node one = await bed.StartAsync(Admission.Open);
        Node two = await bed.StartAsync(Admission.Open);
        Assert.Equal(0, one.Census().Connections);
        TaskCompletionSource asked = new(), answer = new();
        two.HandleRequest("wait/1", async (_, _) =>
        {
            asked.SetResult();
            await answer.Task;
            return default;
        });
        await NodeBed.AddAsync(one, two);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(one, two));
        Task request = one.RequestAsync(two.Id, "wait/1", default).AsTask();
        await asked.Task.WaitAsync(NodeBed.Guard);

        NodeCensus dialler = one.Census(), acceptor = two.Census();

        Assert.Equal((1, 1, 1, 0), (dialler.Linked, dialler.Connections, dialler.MeshConnections, dialler.Greeting));
        Assert.Equal((1, 1, 1, 0), (acceptor.Linked, acceptor.Connections, acceptor.MeshConnections, acceptor.Greeting));

        // Who dialled for the operator keeps no place for it; who was dialled gave one of a mesh peer's.
        Assert.Equal((1, 0, 1), (dialler.Static, dialler.PlacesTaken, dialler.Targets));
        Assert.Equal((0, 1, 0), (acceptor.Static, acceptor.PlacesTaken, acceptor.Targets));
        Assert.True(dialler.Streams >= 1 && acceptor.Streams >= 1);
        Assert.True(acceptor.Tasks > dialler.Tasks - 1 && dialler.Tasks > 0);
        Assert.Equal((one.Options.Discovery.MaxPeers, one.Options.Discovery.TargetPeers), (dialler.MaxPeers, dialler.TargetPeers));
        answer.SetResult();
        await request.WaitAsync(NodeBed.Guard);
        await two.DisposeAsync();
        await Eventually.TrueAsync(() => one.Census() is { Linked: 0, Connections: 0, Streams: 0 });
        Assert.Equal(0, two.Census().Tasks);
    }

    // Nothing of this is in the caller's frame when it comes back.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task<WeakReference> StartLinkAndKillAsync(NodeBed bed, ManualTimeProvider clock, string peers)
    {
        Node peer = await bed.StartAsync(Admission.Open);
        Node killed = await Node.StartAsync(bed.Options(Admission.Open) with
        {
            TimeProvider = clock,
            PeerStore = new MemoryPeerStore(clock),
            Discovery = DiscoveryOptions.Standard with { StaticPeersFile = peers },
            Seams = new NodeSeams { Scan = static () => null },
        });
        await NodeBed.AddAsync(killed, peer);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(killed, peer));
        Assert.True(clock.PendingTimers > 0);
        killed.Abandon();
        await Eventually.TrueAsync(() => peer.ListPeers().Count == 0);
        return new WeakReference(killed);
    }

    private static NodeOptions Options(ITransport transport, string listen, TimeProvider clock) => new()
    {
        Mesh = "test",
        Admission = Admission.Open,
        Listen = [listen],
        Transport = transport,
        TimeProvider = clock,
        Seed = 1,
    };
}
