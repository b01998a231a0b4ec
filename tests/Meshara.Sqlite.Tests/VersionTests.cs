using Meshara.Sqlite.Writer;
using Meshara.Tests.Support;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Meshara.Sqlite.Tests;

/// <summary>hostile-inputs.md, peer store, S3, and the steps from one version of the file to the next.</summary>
public sealed class VersionTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly LogLines _log = new();

    private string Path => _folder["peers.db"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task S3_Load_NewerVersion_IsAnErrorAndTheFileIsLeft()
    {
        await SaveAsync(Batches.Number(1));
        Database.Run(Path, "PRAGMA user_version = 2");
        byte[] before = await File.ReadAllBytesAsync(Path);
        await using (SqlitePeerStore store = Open())
        {
            MesharaException error = await Assert.ThrowsAsync<MesharaException>(() => store.LoadAsync());
            Assert.Equal(MesharaErrorCode.PeerStore, error.Code);
            Assert.False(error.IsTransient);
            Assert.Contains(Path, error.Message, StringComparison.Ordinal);
            Assert.Contains("has version 2, and this program knows none above 1", error.Message, StringComparison.Ordinal);
            Assert.Contains("move the file away", error.Message, StringComparison.Ordinal);

            error = await Assert.ThrowsAsync<MesharaException>(() => store.SaveAsync(Batches.Number(2)));
            Assert.Equal(MesharaErrorCode.PeerStore, error.Code);
        }

        Assert.Equal(before, await File.ReadAllBytesAsync(Path));
        Assert.Equal(["peers.db"], Names());
        Assert.Equal([Path], Directory.GetFiles(_folder.Path));
        Assert.Empty(_log.Ids);
    }

    [Fact]
    public async Task S3_Load_NewerVersionWithALog_LeavesTheLogToo()
    {
        await using (SqlitePeerStore newer = new(_folder["newer.db"], _log, TimeProvider.System, new StoreSettings { Steps = [.. Schema.Steps, "CREATE TABLE more (a)"] }))
        {
            await newer.SaveAsync(Batches.Number(1));
            File.Copy(_folder["newer.db"], Path);
            File.Copy(_folder["newer.db-wal"], Path + "-wal");
        }

        byte[] file = await File.ReadAllBytesAsync(Path), log = await File.ReadAllBytesAsync(Path + "-wal");
        await using (SqlitePeerStore store = Open())
            await Assert.ThrowsAsync<MesharaException>(() => store.LoadAsync());

        Assert.Equal(file, await File.ReadAllBytesAsync(Path));
        Assert.Equal(log, await File.ReadAllBytesAsync(Path + "-wal"));
    }

    [Theory]
    [InlineData("CREATE TABLE peers (name TEXT)")]
    [InlineData("PRAGMA application_id = 1")]
    [InlineData("PRAGMA user_version = 1")]
    public async Task S3_Load_FileOfAnotherProgram_IsAnErrorAndTheFileIsLeft(string sql)
    {
        Database.Run(Path, sql);
        byte[] before = await File.ReadAllBytesAsync(Path);
        await using (SqlitePeerStore store = Open())
        {
            MesharaException error = await Assert.ThrowsAsync<MesharaException>(() => store.LoadAsync());
            Assert.Equal(MesharaErrorCode.PeerStore, error.Code);
            Assert.Contains("another program", error.Message, StringComparison.Ordinal);
        }

        Assert.Equal(before, await File.ReadAllBytesAsync(Path));
        Assert.Equal(["peers.db"], Names());
    }

    [Fact]
    public async Task Load_EmptyFile_BecomesVersionOne()
    {
        await File.WriteAllBytesAsync(Path, []);
        await SaveAsync(Batches.Number(1));

        Assert.Equal(1L, Database.Run(Path, "PRAGMA user_version"));
        Assert.Equal(Schema.ApplicationId, Database.Run(Path, "PRAGMA application_id"));
        Assert.Equal("wal", Database.Run(Path, "PRAGMA journal_mode"));
        Assert.Empty(_log.Ids);
    }

    [Fact]
    public async Task Load_OlderVersion_IsBroughtToTheNewest()
    {
        // As if a version before the first had known ids only.
        const string Older = "CREATE TABLE ids (id BLOB PRIMARY KEY, seen INTEGER)";
        string convert = $"""
            {Schema.Steps[0]}
            INSERT INTO peers (id, first_seen, last_seen, reputation, reputation_at, ban_count, bytes_sent, bytes_received)
                SELECT id, seen, seen, 0, 0, 0, 0, 0 FROM ids;
            DROP TABLE ids;
            """;
        using (SqliteConnection connection = Database.Open(Path))
        {
            Database.Execute(connection, $"{Older}; PRAGMA application_id = {Schema.ApplicationId}; PRAGMA user_version = 1");
            for (int i = 0; i < 3; i++)
                Database.Execute(connection, $"INSERT INTO ids VALUES (x'{PeerRecords.Id(i)}', {1000 * i})");
        }

        await using (SqlitePeerStore store = Open([Older, convert]))
        {
            PeerStoreContent content = await store.LoadAsync();
            Assert.Equal(Enumerable.Range(0, 3).Select(i => PeerRecords.Plain(i, lastSeen: i) with { FirstSeen = DateTimeOffset.UnixEpoch.AddSeconds(i), Addresses = [] }), content.Peers);
            await store.SaveAsync(new PeerStoreChanges { Removed = [PeerRecords.Id(0)] });
        }

        Assert.Equal([5004], _log.Ids);
        Assert.Equal(2L, Database.Run(Path, "PRAGMA user_version"));
        await using SqlitePeerStore again = Open([Older, convert]);
        Assert.Equal(2, (await again.LoadAsync()).Peers.Count);
    }

    [Fact]
    public async Task Load_StepThatFails_LeavesTheOldVersionInTheCopy()
    {
        await SaveAsync(Batches.Number(1));
        await using (SqlitePeerStore store = Open([Schema.Steps[0], "CREATE TABLE more (a); INSERT INTO nowhere VALUES (1)"]))
        {
            // The new file cannot be made either: both come from the same step.
            Assert.Empty((await store.LoadAsync()).Peers);
            Assert.NotNull(store.Trouble);
        }

        string copy = Directory.EnumerateFiles(_folder.Path, "peers.db.damaged-*").Order(StringComparer.Ordinal).First();
        File.Move(copy, _folder["old.db"]);
        await using SqlitePeerStore old = new(_folder["old.db"], _log, TimeProvider.System, new StoreSettings());
        Assert.Null(Batches.Difference(await old.LoadAsync(), 1));
    }

    private SqlitePeerStore Open(IReadOnlyList<string>? steps = null) => new(Path, _log, TimeProvider.System, new StoreSettings { Steps = steps ?? Schema.Steps });

    private async Task SaveAsync(PeerStoreChanges changes)
    {
        await using SqlitePeerStore store = Open();
        await store.SaveAsync(changes);
    }

    // Without what SQLite puts beside a file in order to read it.
    private IEnumerable<string> Names() => Directory.EnumerateFiles(_folder.Path)
        .Select(file => System.IO.Path.GetFileName(file))
        .Where(name => !name.EndsWith("-shm", StringComparison.Ordinal) && !name.EndsWith("-wal", StringComparison.Ordinal));
}
