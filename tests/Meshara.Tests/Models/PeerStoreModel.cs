using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Models;

/// <summary>The store that a model runs on: one for all lists of commands, since each begins with an empty one.</summary>
internal sealed class ModelledStore(IPeerStore store, Func<IPeerStore, ValueTask<IPeerStore>> reopen, ManualTimeProvider time)
{
    public const int MaxPeers = 6, MaxBanned = 2;

    public IPeerStore Store { get; private set; } = store;

    public ManualTimeProvider Time => time;

    public async ValueTask ReopenAsync() => Store = await reopen(Store);
}

/// <summary>A peer store beside a dictionary; what is beyond its bound goes as <see cref="PeerStoreContent"/> says.</summary>
/// <param name="real">The store.</param>
/// <param name="losesRemovals">The planted fault: the store does not hear who is to be forgotten.</param>
internal sealed class PeerStoreModel(ModelledStore real, bool losesRemovals = false) : IModelled<PeerStoreCommand>
{
    private readonly SortedDictionary<NodeId, PeerRecord> _peers = [];
    private byte _key;
    private PeerAddress[] _anchors = [];
    private bool _isEmpty;

    private static CancellationToken None => CancellationToken.None;

    public async ValueTask<bool> TryDoAsync(PeerStoreCommand command)
    {
        if (!_isEmpty)
        {
            _isEmpty = true;
            PeerStoreContent old = await real.Store.LoadAsync(None);
            await real.Store.SaveAsync(new PeerStoreChanges { Removed = [.. old.Peers.Select(static peer => peer.Id)], TableKey = KeyOf(0), Anchors = [] }, None);
        }

        switch (command)
        {
            case PeerStoreCommand.Reopen:
                await real.ReopenAsync();
                break;
            case PeerStoreCommand.Wait wait:
                real.Time.Advance(TimeSpan.FromHours(wait.Hours));
                break;
            default:
                PeerStoreChanges changes = ChangesOf(command);
                await real.Store.SaveAsync(losesRemovals ? new PeerStoreChanges { Upserted = changes.Upserted, TableKey = changes.TableKey, Anchors = changes.Anchors } : changes, None);
                Save(changes);
                break;
        }

        Check(await real.Store.LoadAsync(None));
        return true;
    }

    private PeerStoreChanges ChangesOf(PeerStoreCommand command) => command switch
    {
        PeerStoreCommand.Put put => new()
        {
            Upserted = [.. Enumerable.Range(put.Peer, put.Count).Select(peer => PeerRecords.Plain(peer, put.Seen, put.BanHours == 0 ? null : real.Time.GetUtcNow().AddHours(put.BanHours)))],
        },
        PeerStoreCommand.PutTwice put => new() { Upserted = [PeerRecords.Plain(put.Peer, put.Seen), PeerRecords.Plain(put.Peer, put.SeenThen)] },
        PeerStoreCommand.PutAny put => new() { Upserted = [PeerStoreCommand.Samples[put.Which]] },
        PeerStoreCommand.Forget forget => new() { Removed = [.. Enumerable.Range(forget.Peer, forget.Count).Select(PeerRecords.Id)] },
        PeerStoreCommand.Replace replace => new() { Removed = [PeerRecords.Id(replace.Peer)], Upserted = [PeerRecords.Plain(replace.Peer, replace.Seen)] },
        PeerStoreCommand.Key key => new() { TableKey = KeyOf(key.Value) },
        PeerStoreCommand.Anchors anchors => new() { Anchors = [.. Enumerable.Range(1, anchors.Count).Select(static port => new PeerAddress("peer.example", port, PeerRecords.Id(port)))] },
        _ => throw new InvalidOperationException($"{command}"),
    };

    private void Save(PeerStoreChanges changes)
    {
        foreach (NodeId id in changes.Removed)
        {
            _peers.Remove(id);
        }

        foreach (PeerRecord peer in changes.Upserted)
        {
            _peers[peer.Id] = peer;
        }

        while (_peers.Count > ModelledStore.MaxPeers)
        {
            IEnumerable<NodeId> spared = _peers.Values.Where(peer => peer.BanUntil > real.Time.GetUtcNow()).OrderByDescending(static peer => peer.BanUntil).Take(ModelledStore.MaxBanned).Select(static peer => peer.Id);
            _peers.Remove(_peers.Keys.Except(spared).MinBy(id => _peers[id].LastSeen));
        }

        _key = changes.TableKey is { } key ? key.Span[0] : _key;
        _anchors = changes.Anchors is { } anchors ? [.. anchors] : _anchors;
    }

    private void Check(PeerStoreContent content)
    {
        string[] has = [.. content.Peers.Select(static peer => peer.Id.ToShortString()).Order(StringComparer.Ordinal)];
        string[] ought = [.. _peers.Keys.Select(static id => id.ToShortString()).Order(StringComparer.Ordinal)];
        Assert.True(has.SequenceEqual(ought), $"{string.Join(' ', has)} are there, and ought to be {string.Join(' ', ought)}");
        Assert.All(content.Peers, peer => Assert.Equal(_peers[peer.Id], peer));
        Assert.Equal(KeyOf(_key).ToArray(), content.TableKey?.ToArray());
        Assert.Equal(_anchors, content.Anchors);
    }

    private static ReadOnlyMemory<byte> KeyOf(byte value) => Enumerable.Repeat(value, PeerStoreContent.TableKeySize).ToArray();
}
