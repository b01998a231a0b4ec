using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests;

/// <summary>Whole nodes that look for peers by themselves, on a clock that the test moves.</summary>
public sealed class NodeMeshTests
{
    [Fact]
    public async Task Max2_FiveCall_NeverThreeAndTheRefusedKnowWhy()
    {
        await using NodeBed bed = new();
        ManualTimeProvider clock = new();
        Node hub = await bed.StartAsync(Options(bed, clock, target: 0, max: 2));
        await using PeakOfLinks peak = new(hub);
        List<Task<PeerRefused>> refusals = [];
        List<EventLog> logs = [];
        for (int i = 0; i < 5; i++)
        {
            Node caller = await bed.StartAsync(Options(bed, clock, target: 1, max: 2));
            EventLog log = new(caller);
            logs.Add(log);
            refusals.Add(log.NextAsync<PeerRefused>(r => r.ByPeer));
            await caller.LearnAddressAsync(hub.Addresses[0]);
        }

        await Eventually.TrueAsync(() => refusals.Count(r => r.IsCompletedSuccessfully) == 3 && hub.ListPeers().Count == 2);
        foreach (Task<PeerRefused> refusal in refusals.Where(r => r.IsCompletedSuccessfully))
        {
            PeerRefused refused = await refusal;
            Assert.Equal(MesharaErrorCode.Full, refused.Code);

            // The hub asks for 60 s; each comes back at a time of its own.
            Assert.InRange(refused.RetryAfter!.Value.TotalSeconds, 60, 91);
            Assert.Contains("max_peers: 2", refused.Detail, StringComparison.Ordinal);
        }

        PeerCounts counts = await hub.CountPeersAsync();
        Assert.Equal((0, 2, 2, 0, 0), (counts.Target, counts.Max, counts.Mesh, counts.Static, counts.Passing));
        Assert.All(hub.ListPeers(), p => Assert.Equal(PeerClass.Mesh, p.Class));
        Assert.Equal(2, peak.Most);
        await bed.DisposeAsync(clock);
        foreach (EventLog log in logs)
        {
            await log.DisposeAsync();
        }
    }

    [Fact]
    public async Task Max2_FiveToDial_NeverThree()
    {
        await using NodeBed bed = new();
        ManualTimeProvider clock = new();
        Node node = await bed.StartAsync(Options(bed, clock, target: 2, max: 2));
        await using PeakOfLinks peak = new(node);
        List<Node> others = [];
        for (int i = 0; i < 5; i++)
        {
            others.Add(await bed.StartAsync(Options(bed, clock, target: 0, max: 2)));
        }

        foreach (Node other in others)
        {
            await node.LearnAddressAsync(other.Addresses[0]);
        }

        await Eventually.TrueAsync(() => node.ListPeers().Count == 2);
        clock.Advance(TimeSpan.FromSeconds(5));
        await Eventually.TrueAsync(() => others.Sum(o => o.ListPeers().Count) == 2);

        // One goes: another takes its place.
        Task gone = DisposeAsync(others.Single(o => o.Id == node.ListPeers()[0].Id), clock);
        await Eventually.TrueAsync(() => node.ListPeers() is { Count: 2 } now && now.All(p => others.Any(o => o.Id == p.Id && o.State == NodeState.Running)));
        await gone;
        Assert.Equal(2, peak.Most);
        await bed.DisposeAsync(clock);
    }

    [Fact]
    public async Task Restart_WithTheStoreAlone_LinksAgain()
    {
        await using NodeBed bed = new();
        ManualTimeProvider clock = new();
        MemoryPeerStore store = new(clock);
        using NodeIdentity identity = NodeIdentity.Create();
        Node bob = await bed.StartAsync(Options(bed, clock, target: 0, max: 4));
        Node first = await bed.StartAsync(Options(bed, clock, target: 1, max: 2, store: store, identity: identity));
        await first.LearnAddressAsync(bob.Addresses[0]);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(first, bob));
        await DisposeAsync(first, clock);

        PeerStoreContent content = await store.LoadAsync(TestContext.Current.CancellationToken);
        PeerRecord record = Assert.Single(content.Peers);
        Assert.Equal((bob.Id, bob.PublicKey), (record.Id, record.PublicKey));
        Assert.Equal((AddressSource.Manual, 0), (record.Addresses[0].Source, record.Addresses[0].Failures));
        Assert.NotNull(record.Addresses[0].LastSuccess);
        Assert.True(record.BytesSent > 0 && record.BytesReceived > 0);
        Assert.Equal([bob.Id], content.Anchors.Select(a => a.Id!.Value));
        Assert.NotNull(content.TableKey);

        Node second = await bed.StartAsync(Options(bed, clock, target: 1, max: 2, store: store, identity: identity));
        await Eventually.TrueAsync(() => NodeBed.AreLinked(second, bob));
        Assert.Equal(record.FirstSeen, second.ListPeers()[0].FirstSeen);
        await bed.DisposeAsync(clock);
    }

    [Fact]
    public async Task WrongKeyAtALearnedAddress_TheHonestIdIsFoundElsewhere()
    {
        await using NodeBed bed = new();
        ManualTimeProvider clock = new();
        Node node = await bed.StartAsync(Options(bed, clock, target: 1, max: 2));
        Node bob = await bed.StartAsync(Options(bed, clock, target: 0, max: 2));
        Node mallory = await bed.StartAsync(Options(bed, clock, target: 0, max: 2));
        await using EventLog events = new(node);
        Task<PeerRefused> refused = events.NextAsync<PeerRefused>();
        await node.LearnAddressAsync(mallory.Addresses[0] with { Id = bob.Id });
        Assert.Equal(MesharaErrorCode.PinMismatch, (await refused.WaitAsync(NodeBed.Guard)).Code);

        await node.LearnAddressAsync(bob.Addresses[0]);

        await Eventually.TrueAsync(() => NodeBed.AreLinked(node, bob));
        Assert.Equal(0, node.ListPeers()[0].Reputation);
        PeerExplanation explained = (await node.ExplainPeerAsync(bob.Id))!;
        Assert.Equal((true, PeerClass.Mesh, 0.0), (explained.IsConnected, explained.Class, explained.Reputation));
        Assert.Equal((bob.Addresses[0].HostAndPort, 0), explained.Addresses.Select(a => ($"{a.Host}:{a.Port}", a.Failures)).Single());
        Assert.Null(await node.ExplainPeerAsync(mallory.Id));
        await bed.DisposeAsync(clock);
    }

    [Fact]
    public async Task Trust_LinkedMeshPeer_KeepsItsAddressInTheStoreAndIsDialledAgain()
    {
        await using NodeBed bed = new();
        ManualTimeProvider clock = new();
        MemoryPeerStore store = new(clock);
        using NodeIdentity identity = NodeIdentity.Create();
        Node bob = await bed.StartAsync(Options(bed, clock, target: 0, max: 4, identity: identity));
        Node node = await bed.StartAsync(Options(bed, clock, target: 1, max: 2, store: store));
        PeerAddress at = bob.Addresses[0];
        await node.LearnAddressAsync(at);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(node, bob));

        await node.TrustAsync(bob.PublicKey, cancellationToken: TestContext.Current.CancellationToken);

        PeerExplanation explained = (await node.ExplainPeerAsync(bob.Id))!;
        Assert.Equal((PeerClass.Static, at.Host, at.Port), (explained.Class, explained.Addresses.Single().Host, explained.Addresses.Single().Port));
        Assert.NotNull(explained.Addresses.Single().LastSuccess);
        await DisposeAsync(bob, clock);
        Node again = await bed.StartAsync(Options(bed, clock, target: 0, max: 4, identity: identity, listen: at.HostAndPort));
        await Eventually.TrueAsync(() =>
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            return NodeBed.AreLinked(node, again);
        });
        await DisposeAsync(node, clock);
        StoredAddress stored = Assert.Single(Assert.Single((await store.LoadAsync(TestContext.Current.CancellationToken)).Peers).Addresses);
        Assert.Equal((at.Host, at.Port, true), (stored.Host, stored.Port, stored.LastSuccess is not null));
        await bed.DisposeAsync(clock);
    }

    [Fact]
    public async Task BanInTheStore_IsRefusedWithWhatIsLeftOfIt()
    {
        await using NodeBed bed = new();
        ManualTimeProvider clock = new();
        MemoryPeerStore store = new(clock);
        using NodeIdentity bad = NodeIdentity.Create();
        DateTimeOffset now = clock.GetUtcNow();
        await store.SaveAsync(
            new PeerStoreChanges
            {
                Upserted =
                [
                    new PeerRecord
                    {
                        Id = bad.Id, FirstSeen = now, LastSeen = now, Reputation = -80, ReputationAt = now, BanUntil = now + TimeSpan.FromMinutes(30), BanCount = 1,
                        History = [new ReputationEvent { Time = now, Cause = ReputationCause.ProtocolViolation, Delta = -80, Value = -80 }],
                    },
                ],
            },
            TestContext.Current.CancellationToken);
        Node node = await bed.StartAsync(Options(bed, clock, target: 0, max: 4, store: store));
        Node caller = await bed.StartAsync(Options(bed, clock, target: 1, max: 2, identity: bad));

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => NodeBed.AddAsync(caller, node));

        Assert.Equal((MesharaErrorCode.Banned, true), (e.Code, e.IsTransient));
        Assert.Equal(30, e.RetryAfter!.Value.TotalMinutes, 3);
        PeerExplanation explained = (await node.ExplainPeerAsync(bad.Id))!;
        Assert.Equal((now + TimeSpan.FromMinutes(30), 1, -80.0), (explained.BannedUntil, explained.BanCount, explained.Reputation));
        Assert.Equal([ReputationCause.ProtocolViolation], explained.History.Select(h => h.Cause));

        // The operator's word weighs more.
        await node.TrustAsync(caller.PublicKey, cancellationToken: TestContext.Current.CancellationToken);
        await NodeBed.AddAsync(caller, node);
        Assert.Null((await node.ExplainPeerAsync(bad.Id))!.BannedUntil);
        await bed.DisposeAsync(clock);
    }

    [Fact]
    public async Task Feeler_WholeNodes_ProvesAnAddressAndLeavesNoLink()
    {
        await using NodeBed bed = new();
        ManualTimeProvider clock = new();
        Node node = await bed.StartAsync(Options(bed, clock, target: 1, max: 1));
        Node bob = await bed.StartAsync(Options(bed, clock, target: 0, max: 4));
        Node carol = await bed.StartAsync(Options(bed, clock, target: 0, max: 4));
        await node.LearnAddressAsync(bob.Addresses[0]);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(node, bob));
        await node.LearnAddressAsync(carol.Addresses[0]);

        for (int i = 0; i < 150 && (await node.CountPeersAsync()).ProvenAddresses < 2; i++)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }

        Assert.Equal(2, (await node.CountPeersAsync()).ProvenAddresses);
        Assert.Equal([bob.Id], node.ListPeers().Select(p => p.Id));
        Assert.Empty(carol.ListPeers());
        await bed.DisposeAsync(clock);
    }

    [Fact]
    public async Task UsefulWork_IsSeenInTheReputation()
    {
        await using NodeBed bed = new();
        ManualTimeProvider clock = new();
        Node node = await bed.StartAsync(Options(bed, clock, target: 1, max: 2));
        Node bob = await bed.StartAsync(Options(bed, clock, target: 0, max: 2));
        node.Handle("work/1", (_, _) => ValueTask.CompletedTask);
        bob.HandleRequest("ask/1", (m, _) => ValueTask.FromResult(m.Payload));
        await node.LearnAddressAsync(bob.Addresses[0]);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(node, bob));

        await bob.SendAsync(node.Id, "work/1", new byte[1], acknowledged: true);
        await node.RequestAsync(bob.Id, "ask/1", new byte[1]);
        clock.Advance(TimeSpan.FromSeconds(5));

        await Eventually.TrueAsync(() => node.ListPeers() is [{ Reputation: > 0 }] && bob.ListPeers() is [{ Reputation: > 0 }]);
        Assert.Equal([ReputationCause.UsefulExchange], (await node.ExplainPeerAsync(bob.Id))!.History.Select(h => h.Cause));
        await bed.DisposeAsync(clock);
    }

    // Drains need time.
    private static async Task DisposeAsync(Node node, ManualTimeProvider clock)
    {
        Task disposed = node.DisposeAsync().AsTask();
        while (!disposed.IsCompleted)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }

        await disposed;
    }

    private static NodeOptions Options(NodeBed bed, TimeProvider clock, int target, int max, IPeerStore? store = null, NodeIdentity? identity = null, string listen = "node:0") => new()
    {
        Mesh = "test",
        Admission = Admission.Open,
        Listen = [listen],
        Transport = bed.Options(Admission.Open).Transport,
        TimeProvider = clock,
        Seed = 1,
        Discovery = new DiscoveryOptions { TargetPeers = target, MaxPeers = max },
        PeerStore = store,
        Identity = identity,
    };

    /// <summary>The most links that a watcher of events has seen at once.</summary>
    private sealed class PeakOfLinks : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _watching;
        private int _links;

        public PeakOfLinks(Node node)
        {
            IAsyncEnumerable<PeerEvent> events = node.WatchAsync(_stop.Token);
            _watching = Task.Run(async () =>
            {
                await foreach (PeerEvent e in events)
                {
                    _links += e is PeerConnected ? 1 : e is PeerDisconnected ? -1 : 0;
                    Most = Math.Max(Most, Math.Max(_links, node.ListPeers().Count));
                }
            });
        }

        public int Most { get; private set; }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _stop.Dispose();
        }
    }
}
