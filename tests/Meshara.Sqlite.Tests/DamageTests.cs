using Meshara.Sqlite.Writer;
using Meshara.Tests.Support;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Meshara.Sqlite.Tests;

/// <summary>hostile-inputs.md, peer store, S1 and S2: a damaged file is recovered, or set aside and said so.</summary>
public sealed class DamageTests : IDisposable
{
    // Enough that SQLite's cache does not hold them all.
    private const int Many = 15_000;

    private readonly TempFolder _folder = new();
    private readonly ManualTimeProvider _time = new();
    private readonly LogLines _log = new();

    private string Path => _folder["peers.db"];

    private string[] Copies => [.. Directory.EnumerateFiles(_folder.Path, "peers.db.damaged-*").Select(file => System.IO.Path.GetFileName(file)).Order(StringComparer.Ordinal)];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(99)]
    [InlineData(511)]
    [InlineData(4096)]
    [InlineData(100_000)]
    public async Task S1_Load_RandomBytes_AreSetAsideAndSaidSo(int size)
    {
        byte[] file = Bytes(size), log = Bytes(5000), memory = Bytes(32768);
        await File.WriteAllBytesAsync(Path, file);
        await File.WriteAllBytesAsync(Path + "-wal", log);
        await File.WriteAllBytesAsync(Path + "-shm", memory);
        await using (SqlitePeerStore store = Open())
        {
            Assert.Empty((await store.LoadAsync()).Peers);
            Assert.Equal([5000], _log.Ids);
            Assert.Null(store.Trouble);
            await store.SaveAsync(Batches.Number(1));
        }

        Assert.Equal(["peers.db.damaged-20260101T000000Z", "peers.db.damaged-20260101T000000Z-shm", "peers.db.damaged-20260101T000000Z-wal"], Copies);
        Assert.Equal(file, await File.ReadAllBytesAsync(_folder[Copies[0]]));
        Assert.Equal(log, await File.ReadAllBytesAsync(_folder[Copies[2]]));
        await AssertHoldsAsync(1);
        Assert.Equal([5000], _log.Ids);
    }

    [Fact]
    public async Task S1_Load_DamagedAgainAndAgain_KeepsThreeCopies()
    {
        for (int i = 0; i < 5; i++)
        {
            await File.WriteAllBytesAsync(Path, Bytes(8192 + i));
            await File.WriteAllBytesAsync(Path + "-wal", Bytes(100));
            await using SqlitePeerStore store = Open();
            await store.LoadAsync();

            // The second and the third fall into one second.
            _time.Advance(TimeSpan.FromSeconds(i == 1 ? 0.1 : 3));
        }

        Assert.Equal(
            ["peers.db.damaged-20260101T000003Z.02", "peers.db.damaged-20260101T000006Z", "peers.db.damaged-20260101T000009Z"],
            Copies.Where(name => !name.EndsWith("-wal", StringComparison.Ordinal) && !name.EndsWith("-shm", StringComparison.Ordinal)));
        Assert.Equal(3, Copies.Count(name => name.EndsWith("-wal", StringComparison.Ordinal)));
        Assert.Equal(8192 + 4, new FileInfo(_folder["peers.db.damaged-20260101T000009Z"]).Length);
    }

    [Fact]
    public async Task S2_Load_TruncatedAnywhere_RecoversOrSetsAside()
    {
        byte[] whole = await WholeFileAsync(batches: 40);
        Random random = new(1);
        int[] lengths = [1, 16, 99, 100, 511, 512, 4095, 4096, 8192, whole.Length / 8192 * 4096, whole.Length - 4096, whole.Length - 1, .. Enumerable.Range(0, 20).Select(_ => random.Next(1, whole.Length))];
        foreach (int length in lengths)
            await AssertUsableAsync(whole[..length], 40, $"{length} of {whole.Length} bytes");
    }

    [Fact]
    public async Task S2_Load_BytesChangedAnywhere_RecoversOrSetsAside()
    {
        byte[] whole = await WholeFileAsync(batches: 40);
        Random random = new(2);
        for (int i = 0; i < 60; i++)
        {
            // In the file's header, at the beginning of a page, or anywhere; one byte or many.
            byte[] changed = [.. whole];
            int at = (i % 3) switch { 0 => random.Next(100), 1 => (4096 * random.Next(whole.Length / 4096)) + random.Next(40), _ => random.Next(whole.Length) };
            int count = Math.Min(i % 2 == 0 ? 1 : random.Next(1, 600), whole.Length - at);
            random.NextBytes(changed.AsSpan(at, count));
            if (!IsVersion(at, count))
                await AssertUsableAsync(changed, 40, $"{count} bytes at {at}");
        }
    }

    [Fact]
    public async Task S2_Load_DamagedLog_HoldsSomeEarlierBatchWhole()
    {
        (byte[] file, byte[] log) = await FileAndLogAsync(batches: 30);
        Assert.True(log.Length > 100_000, $"the log has {log.Length} bytes only");
        Random random = new(3);
        for (int i = 0; i < 25; i++)
        {
            byte[] changed = i % 5 == 0 ? log[..random.Next(log.Length)] : [.. log];
            int at = i % 5 == 1 ? random.Next(32) : random.Next(changed.Length);
            changed.AsSpan(at, Math.Min(1 + (i * 7), changed.Length - at)).Reverse();
            Put(file, changed);
            await using SqlitePeerStore store = Open();
            PeerStoreContent content = await store.LoadAsync();

            Assert.Contains(Enumerable.Range(0, 31), batch => Batches.Difference(content, batch) is null);
            Assert.Empty(_log.Ids);
        }
    }

    [Fact]
    public async Task S2_Load_RandomSharedMemory_IsMadeAnew()
    {
        (byte[] file, byte[] log) = await FileAndLogAsync(batches: 30);
        Put(file, log);
        await File.WriteAllBytesAsync(Path + "-shm", Bytes(32768));

        await AssertHoldsAsync(30);
        Assert.Empty(_log.Ids);
    }

    [Fact]
    public async Task S2_Load_DamagedWhileOpen_SetsAsideAndGoesOn()
    {
        await ManyPeersAsync();
        await using SqlitePeerStore store = Open();
        Assert.Equal(Many, (await store.LoadAsync()).Peers.Count);

        Overwrite(Path);
        Assert.Empty((await store.LoadAsync()).Peers);
        Assert.Equal([5000], _log.Ids);

        await store.SaveAsync(Batches.Number(1));
        Assert.Null(Batches.Difference(await store.LoadAsync(), 1));
        Assert.Null(store.Trouble);
    }

    [Fact]
    public async Task S2_Save_DamagedWhileOpen_KeepsTheBatchInANewFile()
    {
        await ManyPeersAsync();
        await using (SqlitePeerStore store = Open())
        {
            Assert.Equal(Many, (await store.LoadAsync()).Peers.Count);
            Overwrite(Path);
            await store.SaveAsync(new PeerStoreChanges { Removed = [.. Enumerable.Range(0, Many).Select(PeerRecords.Id)] });
            await store.SaveAsync(Batches.Number(1));
            Assert.Null(store.Trouble);
        }

        await AssertHoldsAsync(1);
        Assert.Equal([5000], _log.Ids);
    }

    [Theory]
    [InlineData("CREATE TRIGGER t AFTER INSERT ON peers BEGIN DELETE FROM addresses; END")]
    [InlineData("CREATE VIEW v AS SELECT * FROM peers")]
    [InlineData("ALTER TABLE peers RENAME TO people")]
    [InlineData("DROP TABLE history")]
    [InlineData("PRAGMA user_version = -1")]
    [InlineData("PRAGMA user_version = 0")]
    [InlineData("UPDATE peers SET alias = zeroblob(2000000)")]
    public async Task S2_Load_TablesThatAreNotOurs_AreSetAside(string sql)
    {
        await WholeFileAsync(batches: 2);
        Database.Run(Path, sql);
        await using SqlitePeerStore store = Open();

        Assert.Empty((await store.LoadAsync()).Peers);
        Assert.Equal([5000], _log.Ids);
        Assert.Single(Copies, name => !name.Contains('-', StringComparison.Ordinal) || name.EndsWith('Z'));
    }

    private static byte[] Bytes(int count)
    {
        byte[] bytes = new byte[count];
        new Random(count).NextBytes(bytes);
        return bytes;
    }

    // application_id and user_version say whose the file is: changed, it is another program's or a newer one's, which is an error (S3).
    private static bool IsVersion(int at, int count) => at < 72 && at + count > 60;

    // Behind the back of whoever has it open; its length stays.
    private static void Overwrite(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        byte[] noise = Bytes((int)file.Length);
        file.Write(noise);
    }

    private SqlitePeerStore Open() => new(Path, _log, _time, new StoreSettings());

    private void Put(byte[] file, byte[]? log)
    {
        foreach (string old in Directory.GetFiles(_folder.Path))
            File.Delete(old);

        File.WriteAllBytes(Path, file);
        if (log is not null)
            File.WriteAllBytes(Path + "-wal", log);
    }

    private async Task ManyPeersAsync()
    {
        await using SqlitePeerStore store = Open();
        await store.SaveAsync(new PeerStoreChanges { Upserted = [.. Enumerable.Range(0, Many).Select(i => PeerRecords.Plain(i) with { Alias = new string('a', 64) })] });
    }

    private async Task<byte[]> WholeFileAsync(long batches)
    {
        await using (SqlitePeerStore store = Open())
        {
            for (long batch = 1; batch <= batches; batch++)
                await store.SaveAsync(Batches.Number(batch));
        }

        Assert.False(File.Exists(Path + "-wal"));
        return await File.ReadAllBytesAsync(Path);
    }

    private async Task<(byte[] File, byte[] Log)> FileAndLogAsync(long batches)
    {
        string copy = _folder["copy"];
        await using (SqlitePeerStore store = Open())
        {
            await store.SaveAsync(Batches.Number(1));
            for (long batch = 2; batch <= batches; batch++)
                await store.SaveAsync(Batches.Number(batch));

            File.Copy(Path, copy);
            File.Copy(Path + "-wal", copy + "-wal");
        }

        return (await File.ReadAllBytesAsync(copy), await File.ReadAllBytesAsync(copy + "-wal"));
    }

    private async Task AssertUsableAsync(byte[] file, long batches, string when)
    {
        Put(file, log: null);
        LogLines log = new();
        await using (SqlitePeerStore store = new(Path, log, _time, new StoreSettings()))
        {
            PeerStoreContent content = await store.LoadAsync();
            bool setAside = log.Ids.Contains(5000);
            Assert.True(setAside == (Copies.Length > 0), $"{when}: {log}");
            Assert.True(!setAside || content.Peers.Count == 0, $"{when}: set aside, and {content.Peers.Count} peers");

            // What is not set aside is there; a changed byte within a value is that value's.
            Assert.True(setAside || content.Peers.Count >= batches, $"{when}: {content.Peers.Count} peers. {log}");
            await store.SaveAsync(Batches.Number(batches + 1));
            Assert.True(store.Trouble is null, $"{when}: {store.Trouble}");
        }

        using SqliteConnection connection = Database.Open(Path);
        Assert.True(Database.Scalar(connection, "PRAGMA quick_check") is "ok", when);
    }

    private async Task AssertHoldsAsync(long batch)
    {
        await using SqlitePeerStore store = Open();
        Assert.Null(Batches.Difference(await store.LoadAsync(), batch));
    }
}
