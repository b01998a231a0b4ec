using Meshara.Sqlite.Writer;
using Meshara.Tests.Support;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Meshara.Sqlite.Tests;

public sealed class SqlitePeerStoreTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly LogLines _log = new();

    private string Path => _folder["peers.db"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Save_NewFile_IsForItsOwnerOnly()
    {
        Mode.Require();
        await using SqlitePeerStore store = Open();
        await store.SaveAsync(Batches.Number(1));

        Assert.All(["", "-wal", "-shm"], end => Assert.Equal(Mode.File, Mode.Of(Path + end)));
    }

    [Fact]
    public async Task Load_FileThatOthersCanRead_BecomesItsOwners()
    {
        Mode.Require();
        await using (SqlitePeerStore store = Open())
            await store.SaveAsync(Batches.Number(1));

        Mode.Set(Path, Mode.File | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        await using SqlitePeerStore again = Open();
        await again.LoadAsync();

        Assert.Equal(Mode.File, Mode.Of(Path));
    }

    [Fact]
    public async Task Save_ManyAtOnce_AllAreKept()
    {
        await using SqlitePeerStore store = Open();
        await Task.WhenAll(Enumerable.Range(0, 50).Select(i => store.SaveAsync(new PeerStoreChanges { Upserted = [PeerRecords.Plain(i)] })));

        Assert.Equal(50, (await store.LoadAsync()).Peers.Count);
    }

    [Fact]
    public async Task Save_CancelledWhileAnotherSaves_IsNotDone()
    {
        await using SqlitePeerStore store = Open();
        await store.SaveAsync(new PeerStoreChanges());
        using SqliteConnection other = Database.Open(Path);
        Database.Execute(other, "BEGIN IMMEDIATE");
        Task first = store.SaveAsync(new PeerStoreChanges { Upserted = [PeerRecords.Plain(1)] });
        using CancellationTokenSource cancel = new();
        Task second = store.SaveAsync(new PeerStoreChanges { Upserted = [PeerRecords.Plain(2)] }, cancel.Token);
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        Database.Execute(other, "ROLLBACK");
        await first;
        Assert.Equal([PeerRecords.Plain(1)], (await store.LoadAsync()).Peers);
    }

    [Fact]
    public async Task Dispose_Twice_LaterCallsAreRefused()
    {
        SqlitePeerStore store = Open();
        await store.SaveAsync(Batches.Number(1));
        await store.DisposeAsync();
        await store.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => store.LoadAsync());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => store.SaveAsync(Batches.Number(2)));

        // One file holds everything: the log is taken over.
        Assert.Equal([Path], Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public async Task Dispose_NeverUsed_MakesNoFile()
    {
        await Open().DisposeAsync();

        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public async Task Connection_OfTheStore_TrustsNoSchemaAndLogsAhead()
    {
        await using SqlitePeerStore store = Open();
        await store.SaveAsync(Batches.Number(1));
        using PeerDatabase database = PeerDatabase.Open(Path, new StoreSettings(), _log);

        // 1 is NORMAL.
        (string Name, object Value)[] expected =
            [("trusted_schema", 0L), ("foreign_keys", 1L), ("synchronous", 1L), ("journal_mode", "wal"), ("cell_size_check", 1L), ("busy_timeout", 1000L)];
        Assert.All(expected, pragma => Assert.Equal(pragma.Value, database.Pragma(pragma.Name)));
    }

    [Fact]
    public async Task Save_FullStoreOfTwentyThousand_StaysAtTheBound()
    {
        await using SqlitePeerStore store = Open();
        await store.SaveAsync(new PeerStoreChanges { Upserted = [.. Enumerable.Range(0, PeerStoreContent.MaxPeers).Select(i => PeerRecords.Plain(i, lastSeen: i))] });
        await store.SaveAsync(new PeerStoreChanges { Upserted = [.. Enumerable.Range(PeerStoreContent.MaxPeers, 100).Select(i => PeerRecords.Plain(i, lastSeen: i))] });

        HashSet<NodeId> ids = [.. (await store.LoadAsync()).Peers.Select(peer => peer.Id)];
        Assert.Equal(PeerStoreContent.MaxPeers, ids.Count);
        Assert.DoesNotContain(PeerRecords.Id(99), ids);
        Assert.Contains(PeerRecords.Id(100), ids);

        // Their addresses went with them.
        Assert.Equal((long)PeerStoreContent.MaxPeers, Database.Run(Path, "SELECT count(*) FROM addresses"));
    }

    private SqlitePeerStore Open() => new(Path, _log, TimeProvider.System, new StoreSettings());
}
