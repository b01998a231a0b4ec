using Meshara.Sqlite.Writer;
using Meshara.Tests.Support;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Meshara.Sqlite.Tests;

/// <summary>hostile-inputs.md, peer store, S4: a disk that is full, read-only or locked means memory, one warning, and all is written later.</summary>
public sealed class DiskTests : IDisposable
{
    private static readonly StoreSettings Impatient = new() { BusyTimeout = TimeSpan.FromMilliseconds(10) };

    private readonly TempFolder _folder = new();
    private readonly ManualTimeProvider _time = new();
    private readonly LogLines _log = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task S4_Save_DiskFull_GoesOnInMemoryAndWritesLater()
    {
        await using SmallDisk disk = await SmallDisk.CreateAsync(400);
        string path = disk["peers.db"];
        await using (SqlitePeerStore store = Open(path))
        {
            int saved = 0;
            while (store.Trouble is null && saved < 10_000)
                await store.SaveAsync(Peers(saved++));

            Assert.Equal("the disk is full", store.Trouble);
            Assert.Equal([5001], _log.Ids);

            // All that was saved is there, in the file and in memory; more is taken, without another warning.
            for (int more = 0; more < 5; more++)
            {
                // The retry of this minute and this save: whichever comes first fails, the other one does not try.
                _time.Advance(TimeSpan.FromSeconds(61));
                await store.SaveAsync(Peers(saved++));
            }

            await AssertHoldsAsync(store, saved);
            Assert.Equal([5001], _log.Ids);

            await disk.ResizeAsync(8192);
            _time.Advance(TimeSpan.FromSeconds(59));
            await store.SaveAsync(Peers(saved++));
            Assert.NotNull(store.Trouble);
            _time.Advance(TimeSpan.FromSeconds(1));
            await store.SaveAsync(Peers(saved++));
            Assert.Null(store.Trouble);
            Assert.Equal([5001, 5002], _log.Ids);
            await store.DisposeAsync();

            await using SqlitePeerStore again = Open(path);
            await AssertHoldsAsync(again, saved);
        }
    }

    [Fact]
    public async Task S4_DiskFull_RoomAgain_WritesAfterAMinuteWithoutAnyChange()
    {
        await using SmallDisk disk = await SmallDisk.CreateAsync(400);
        await using SqlitePeerStore store = Open(disk["peers.db"]);
        int saved = 0;
        while (store.Trouble is null && saved < 10_000)
            await store.SaveAsync(Peers(saved++));

        await disk.ResizeAsync(8192);
        _time.Advance(TimeSpan.FromSeconds(60));

        await Eventually.TrueAsync(() => store.Trouble is null);
        Assert.Equal([5001, 5002], _log.Ids);
    }

    [Fact]
    public async Task S4_FileRemovedWhileInUse_IsSaidAndANewOneBegins()
    {
        string path = _folder["peers.db"];
        await using (SqlitePeerStore store = Open(path))
        {
            await store.SaveAsync(Peers(0));
            foreach (string file in Directory.GetFiles(_folder.Path))
                File.Delete(file);

            await store.SaveAsync(Peers(1));
            Assert.Equal([5005], _log.Ids);
            Assert.Null(store.Trouble);
        }

        await using SqlitePeerStore again = Open(path);
        Assert.NotEmpty((await again.LoadAsync()).Peers);
    }

    [Fact]
    public async Task S4_ADirectoryInItsPlace_IsSaid()
    {
        Directory.CreateDirectory(_folder["peers.db"]);
        await using SqlitePeerStore store = Open(_folder["peers.db"]);

        await store.LoadAsync();

        Assert.StartsWith("it is a directory", store.Trouble, StringComparison.Ordinal);
    }

    [Fact]
    public async Task S4_Load_DiskFullFromTheStart_KnowsWhomItKnew()
    {
        await using SmallDisk disk = await SmallDisk.CreateAsync(400);
        string path = disk["peers.db"];
        await using (SqlitePeerStore store = Open(path))
            await store.SaveAsync(Peers(0));

        await Assert.ThrowsAsync<IOException>(() => File.WriteAllBytesAsync(disk["filler"], new byte[400_000]));
        await using (SqlitePeerStore store = Open(path))
        {
            await AssertHoldsAsync(store, 1);
            await store.SaveAsync(Peers(1));
            Assert.NotNull(store.Trouble);
            await AssertHoldsAsync(store, 2);
            Assert.Equal([5001], _log.Ids);

            // The last chance is at the end.
            File.Delete(disk["filler"]);
        }

        await using SqlitePeerStore again = Open(path);
        await AssertHoldsAsync(again, 2);
    }

    [Theory]
    [InlineData("peers.db")]
    [InlineData("odd %20 #name? & [a]; 'b' \"c\".db")]
    public async Task S4_Load_ReadOnlyDisk_KnowsWhomItKnew(string name)
    {
        await using SmallDisk disk = await SmallDisk.CreateAsync(2000);
        string path = disk[name];
        await using (SqlitePeerStore store = Open(path))
            await store.SaveAsync(Peers(0));

        byte[] before = await File.ReadAllBytesAsync(path);
        await disk.FreezeAsync();
        await using (SqlitePeerStore store = Open(path))
        {
            await AssertHoldsAsync(store, 1);
            await store.SaveAsync(Peers(1));
            await AssertHoldsAsync(store, 2);
            Assert.Equal([5001], _log.Ids);
            Assert.NotNull(store.Trouble);
        }

        Assert.Equal(before, await File.ReadAllBytesAsync(path));
        await disk.ThawAsync();
        await using SqlitePeerStore again = Open(path);
        await AssertHoldsAsync(again, 1);
    }

    [Fact]
    public async Task S4_Save_DiskBecomesReadOnly_GoesOnInMemoryAndWritesLater()
    {
        await using SmallDisk disk = await SmallDisk.CreateAsync(2000);
        string path = disk["peers.db"];
        await using (SqlitePeerStore store = Open(path))
            await store.SaveAsync(Peers(0));

        await disk.FreezeAsync();
        await using (SqlitePeerStore store = Open(path))
        {
            await store.SaveAsync(Peers(1));
            await disk.ThawAsync();
            _time.Advance(TimeSpan.FromMinutes(1));
            await store.SaveAsync(Peers(2));
            Assert.Equal([5001, 5002], _log.Ids);
        }

        await using SqlitePeerStore again = Open(path);
        await AssertHoldsAsync(again, 3);
    }

    [Fact]
    public async Task S4_Load_DamagedOnAReadOnlyDisk_GoesOnInMemory()
    {
        await using SmallDisk disk = await SmallDisk.CreateAsync(400);
        string path = disk["peers.db"];
        byte[] noise = new byte[10_000];
        new Random(1).NextBytes(noise);
        await File.WriteAllBytesAsync(path, noise);
        Mode.Set(path, Mode.File);
        await disk.FreezeAsync();
        await using SqlitePeerStore store = Open(path);

        Assert.Empty((await store.LoadAsync()).Peers);
        await store.SaveAsync(Peers(0));
        await AssertHoldsAsync(store, 1);
        Assert.Equal([5001], _log.Ids);
        Assert.Equal(noise, await File.ReadAllBytesAsync(path));
    }

    [Fact]
    public async Task S4_Save_LockedByAnotherConnection_GoesOnInMemoryAndWritesLater()
    {
        string path = _folder["peers.db"];
        await using SqlitePeerStore store = Open(path);
        await store.SaveAsync(Peers(0));
        using (SqliteConnection other = Database.Open(path))
        {
            Database.Execute(other, "BEGIN IMMEDIATE");
            await store.SaveAsync(Peers(1));
            Assert.Equal("another program has locked it", store.Trouble);
            await store.SaveAsync(Peers(2));
            Assert.Equal([5001], _log.Ids);
        }

        _time.Advance(TimeSpan.FromMinutes(1));
        await AssertHoldsAsync(store, 3);
        Assert.Null(store.Trouble);
        Assert.Equal([5001, 5002], _log.Ids);
        Assert.Equal(3L * PeersInBatch, Database.Run(path, "SELECT count(*) FROM peers"));
    }

    [Fact]
    public async Task S4_Load_LockedByAnotherConnection_StartsInMemory()
    {
        string path = _folder["peers.db"];
        await using (SqlitePeerStore store = Open(path))
            await store.SaveAsync(Peers(0));

        await using SqlitePeerStore locked = Open(path);
        using (SqliteConnection other = Database.Open(path))
        {
            Database.Execute(other, "PRAGMA locking_mode = EXCLUSIVE");
            Database.Execute(other, "BEGIN EXCLUSIVE");
            Assert.Empty((await locked.LoadAsync()).Peers);
            await locked.SaveAsync(Peers(1));
            Assert.Equal("another program has locked it", locked.Trouble);
            Assert.Equal([5001], _log.Ids);
        }

        // Both what it could not read and what it could not write.
        _time.Advance(TimeSpan.FromMinutes(1));
        await AssertHoldsAsync(locked, 2);
    }

    [Fact]
    public async Task S4_Save_NoDirectory_WritesWhenThereIsOne()
    {
        string path = Path.Combine(_folder["later"], "peers.db");
        await using SqlitePeerStore store = Open(path);
        Assert.Empty((await store.LoadAsync()).Peers);
        await store.SaveAsync(Peers(0));
        Assert.Contains("later", store.Trouble, StringComparison.Ordinal);

        Directory.CreateDirectory(_folder["later"]);
        _time.Advance(TimeSpan.FromMinutes(1));
        await AssertHoldsAsync(store, 1);
        Assert.Equal([5001, 5002], _log.Ids);
        Assert.True(File.Exists(path));
    }

    [Fact]
    public async Task S4_Save_PathIsADirectory_GoesOnInMemory()
    {
        await using SqlitePeerStore store = Open(_folder.Path);
        await store.SaveAsync(Peers(0));

        await AssertHoldsAsync(store, 1);
        Assert.Equal([5001], _log.Ids);
    }

    [Fact]
    public async Task S4_Save_InMemory_RemovalsAndSettingsAreWrittenLaterToo()
    {
        string path = _folder["peers.db"];
        await using (SqlitePeerStore store = Open(path))
        {
            for (int batch = 1; batch <= 200; batch++)
                await store.SaveAsync(Batches.Number(batch));
        }

        await using (SqlitePeerStore store = Open(path))
        {
            await store.LoadAsync();
            using (SqliteConnection other = Database.Open(path))
            {
                Database.Execute(other, "BEGIN IMMEDIATE");
                for (int batch = 201; batch <= 240; batch++)
                    await store.SaveAsync(Batches.Number(batch));

                Assert.NotNull(store.Trouble);
            }
        }

        await using SqlitePeerStore again = Open(path);
        Assert.Null(Batches.Difference(await again.LoadAsync(), 240));
    }

    private const int PeersInBatch = 20;

    private static PeerStoreChanges Peers(int batch) =>
        new() { Upserted = [.. Enumerable.Range(batch * PeersInBatch, PeersInBatch).Select(i => PeerRecords.Plain(i))] };

    private static async Task AssertHoldsAsync(SqlitePeerStore store, int batches)
    {
        HashSet<PeerRecord> expected = [.. Enumerable.Range(0, batches).SelectMany(batch => Peers(batch).Upserted)];
        IReadOnlyList<PeerRecord> peers = (await store.LoadAsync()).Peers;
        Assert.True(expected.SetEquals(peers), $"{peers.Count(expected.Contains)} of {expected.Count} right, {peers.Count} there");
    }

    private SqlitePeerStore Open(string path) => new(path, _log, _time, Impatient);
}
