using FsCheck;
using FsCheck.Fluent;
using Meshara.Tests.Models;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests;

/// <summary>What every peer store does, on disk or not.</summary>
public abstract class PeerStoreContract
{
    private static readonly CancellationToken None = CancellationToken.None;

    /// <summary>A new store, empty.</summary>
    protected abstract IPeerStore Create(TimeProvider time, int maxPeers, int maxBanned);

    /// <summary>The same content in the next run of a program.</summary>
    protected abstract ValueTask<IPeerStore> ReopenAsync(IPeerStore store);

    [Fact]
    public async Task Load_NothingSaved_IsEmpty()
    {
        PeerStoreContent content = await Create().LoadAsync(None);

        Assert.Empty(content.Peers);
        Assert.Empty(content.Anchors);
        Assert.Null(content.TableKey);
        Assert.Equal(0, content.Skipped);
    }

    [Fact]
    public async Task Save_AnyRecord_IsLoadedEqual()
    {
        IPeerStore store = Create();
        PeerRecord[][] samples = [.. Seeded.Samples(PeerRecords.Any.Select(peer => (PeerRecord[])[peer]), 60), .. Seeded.Samples(Gen.ArrayOf(PeerRecords.Any, 20), 10)];
        foreach (PeerRecord[] sample in samples)
        {
            await store.SaveAsync(new PeerStoreChanges { Upserted = sample }, None);
            store = await ReopenAsync(store);
            Dictionary<NodeId, PeerRecord> loaded = (await store.LoadAsync(None)).Peers.ToDictionary(peer => peer.Id);

            foreach (PeerRecord peer in sample.Reverse().DistinctBy(peer => peer.Id))
                Assert.Equal(peer, loaded[peer.Id]);
        }
    }

    [Fact]
    public void Save_AnyBatches_HoldsWhatAModelHolds()
    {
        Gen<PeerStoreChanges> batch =
            from peers in Gen.Choose(0, 6).SelectMany(size => Gen.ArrayOf(PeerRecords.Any, size))
            from removed in Gen.Choose(0, 4).SelectMany(size => Gen.ArrayOf(Gen.Choose(0, 19), size))
            from key in Gen.Choose(-2, 9)
            from anchors in Gen.Choose(-2, 3)
            select new PeerStoreChanges
            {
                Upserted = peers,
                Removed = [.. removed.Select(PeerRecords.Id)],
                TableKey = key < 0 ? null : Key((byte)key),
                Anchors = anchors < 0 ? null : [.. Enumerable.Range(1, anchors).Select(port => new PeerAddress("peer.example", port, PeerRecords.Id(port)))],
            };
        IPeerStore store = Create();
        StoreModel model = new();

        // One store over all runs: each goes on where the last one ended.
        Prop.ForAll(Gen.ArrayOf(batch, 3).ToArbitrary(), async batches =>
        {
            foreach (PeerStoreChanges changes in batches)
            {
                await store.SaveAsync(changes, None);
                model.Save(changes);
            }

            model.AssertHolds(await store.LoadAsync(None));
        }).Check(Seeded.Config.WithMaxTest(40));
    }

    [Fact]
    public void AnyHistory_HoldsWhatADictionaryHolds()
    {
        ModelledStore store = CreateModelled();
        Of(() => new PeerStoreModel(store)).Holds(seed: 20_261_124, atLeast: 10);
    }

    [Fact]
    public void Fault_RemovalLost_IsFoundInAShortList()
    {
        ModelledStore store = CreateModelled();
        Of(() => new PeerStoreModel(store, losesRemovals: true)).Finds(seed: 20_261_124, atMost: 2);
    }

    [Fact]
    public async Task Save_RemovedAndUpsertedAtOnce_IsThere()
    {
        IPeerStore store = Create();
        await store.SaveAsync(new PeerStoreChanges { Upserted = [PeerRecords.Plain(1), PeerRecords.Plain(2)] }, None);
        await store.SaveAsync(new PeerStoreChanges { Removed = [PeerRecords.Id(1), PeerRecords.Id(2), PeerRecords.Id(3)], Upserted = [PeerRecords.Plain(1, lastSeen: 5)] }, None);

        Assert.Equal([PeerRecords.Plain(1, lastSeen: 5)], (await store.LoadAsync(None)).Peers);
    }

    [Fact]
    public async Task Save_SameIdTwice_LastCounts()
    {
        IPeerStore store = Create();
        await store.SaveAsync(new PeerStoreChanges { Upserted = [PeerRecords.Plain(1), PeerRecords.Plain(1, lastSeen: 9)] }, None);

        Assert.Equal([PeerRecords.Plain(1, lastSeen: 9)], (await store.LoadAsync(None)).Peers);
    }

    [Fact]
    public async Task Save_KeyOfAnotherId_IsLeftOut()
    {
        using NodeIdentity identity = NodeIdentity.Create();
        IPeerStore store = Create();
        await store.SaveAsync(new PeerStoreChanges { Upserted = [PeerRecords.Plain(1) with { PublicKey = identity.PublicKey }] }, None);

        Assert.Equal([PeerRecords.Plain(1)], (await store.LoadAsync(None)).Peers);
    }

    [Fact]
    public async Task Save_BeyondTheBound_DropsTheLeastRecentlySeenAndSparesTheBanned()
    {
        ManualTimeProvider time = new();
        DateTimeOffset now = time.GetUtcNow();
        IPeerStore store = Create(time, maxPeers: 6, maxBanned: 2);

        // Seen in the order of their numbers; 1 to 3 are banned, 2 and 3 longest; the ban of 4 is over.
        await store.SaveAsync(
            new PeerStoreChanges
            {
                Upserted =
                [
                    PeerRecords.Plain(1, 1, now.AddHours(1)), PeerRecords.Plain(2, 2, now.AddHours(2)), PeerRecords.Plain(3, 3, now.AddHours(3)),
                    PeerRecords.Plain(4, 4, now), PeerRecords.Plain(5, 5), PeerRecords.Plain(6, 6),
                ],
            },
            None);
        Assert.Equal([1, 2, 3, 4, 5, 6], await NumbersAsync(store));

        await store.SaveAsync(new PeerStoreChanges { Upserted = [PeerRecords.Plain(7, 7), PeerRecords.Plain(8, 8)] }, None);
        Assert.Equal([2, 3, 5, 6, 7, 8], await NumbersAsync(store));

        // The newcomer is itself the one that was seen longest ago.
        await store.SaveAsync(new PeerStoreChanges { Upserted = [PeerRecords.Plain(0, 0)] }, None);
        Assert.Equal([2, 3, 5, 6, 7, 8], await NumbersAsync(store));

        time.Advance(TimeSpan.FromHours(2));
        await store.SaveAsync(new PeerStoreChanges { Upserted = [PeerRecords.Plain(9, 9)] }, None);
        Assert.Equal([3, 5, 6, 7, 8, 9], await NumbersAsync(store));
    }

    [Fact]
    public async Task Save_Cancelled_ChangesNothing()
    {
        IPeerStore store = Create();
        CancellationToken cancelled = new(canceled: true);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => store.SaveAsync(new PeerStoreChanges { Upserted = [PeerRecords.Plain(1)] }, cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => store.LoadAsync(cancelled));

        Assert.Empty((await store.LoadAsync(None)).Peers);
    }

    private IPeerStore Create() => Create(new ManualTimeProvider(), PeerStoreContent.MaxPeers, PeerStoreContent.MaxBanned);

    private ModelledStore CreateModelled()
    {
        ManualTimeProvider time = new();
        return new ModelledStore(Create(time, ModelledStore.MaxPeers, ModelledStore.MaxBanned), ReopenAsync, time);
    }

    private static ModelCheck<PeerStoreCommand> Of(Func<PeerStoreModel> start) =>
        new(PeerStoreCommand.Any, start) { Runs = 30, Longest = 40, Simpler = PeerStoreCommand.Simpler };

    private static ReadOnlyMemory<byte> Key(byte value) => Enumerable.Repeat(value, PeerStoreContent.TableKeySize).ToArray();

    private static async Task<IEnumerable<int>> NumbersAsync(IPeerStore store)
    {
        HashSet<NodeId> ids = [.. (await store.LoadAsync(None)).Peers.Select(peer => peer.Id)];
        return Enumerable.Range(0, 20).Where(number => ids.Contains(PeerRecords.Id(number)));
    }

    /// <summary>A store as one would write it on a napkin.</summary>
    private sealed class StoreModel
    {
        private readonly Dictionary<NodeId, PeerRecord> _peers = [];
        private byte[]? _key;
        private IEnumerable<PeerAddress> _anchors = [];

        public void Save(PeerStoreChanges changes)
        {
            foreach (NodeId id in changes.Removed)
                _peers.Remove(id);

            foreach (PeerRecord peer in changes.Upserted)
                _peers[peer.Id] = peer;

            _key = changes.TableKey?.ToArray() ?? _key;
            _anchors = changes.Anchors ?? _anchors;
        }

        public void AssertHolds(PeerStoreContent content)
        {
            Assert.Equal(_peers.Values.OrderBy(peer => peer.Id), content.Peers.OrderBy(peer => peer.Id));
            Assert.Equal(_key, content.TableKey?.ToArray());
            Assert.Equal(_anchors, content.Anchors);
        }
    }
}
