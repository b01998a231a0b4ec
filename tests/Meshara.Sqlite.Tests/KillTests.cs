using System.Globalization;
using Meshara.Sqlite.Writer;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Meshara.Sqlite.Tests;

/// <summary>kill -9 at any moment corrupts nothing, and takes nothing that was said to be kept.</summary>
public sealed class KillTests(ITestOutputHelper output)
{
    private const int Lanes = 4, KillsInLane = 50;

    [Fact]
    public async Task Save_KilledTwoHundredTimes_EveryFileIsSoundAndEveryKeptBatchThere()
    {
        using TempFolder folder = new();

        // A file for each lane, over all its kills: each writer starts with what the last one left, log and all.
        Task<long>[] lanes = [.. Enumerable.Range(0, Lanes).Select(lane => LaneAsync(folder, lane))];
        long[] batches = await Task.WhenAll(lanes);

        output.WriteLine($"{Lanes * KillsInLane} kills, batches kept: {string.Join(", ", batches)}");
        Assert.All(batches, count => Assert.True(count > KillsInLane, $"only {count} batches: the writers hardly wrote"));
    }

    private static async Task<long> LaneAsync(TempFolder folder, int lane)
    {
        Random random = new(lane);
        string path = folder[$"peers-{lane}.db"];
        long kept = 0;
        for (int kill = 0; kill < KillsInLane; kill++)
        {
            await using WriterProcess writer = WriterProcess.Start(path, kept + 1);
            Assert.Equal("ready", await writer.ReadLineAsync());

            // A quarter of them while the file is being opened; the others after some batches, anywhere within one.
            long said = kept;
            bool opening = random.Next(4) == 0;
            for (int batches = opening ? 0 : random.Next(1, 40); batches > 0; batches--)
                said = Parse(await writer.ReadLineAsync());

            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(opening ? 150 : 8)), TimeProvider.System);
            foreach (string line in await writer.KillAsync())
                said = Parse(line);

            Assert.Equal("", await writer.ErrorsAsync());
            kept = await CheckAsync(folder, path, said, $"lane {lane}, kill {kill}, {said} batches said to be kept");
        }

        return kept;
    }

    // A batch that was written but not yet said is kept too.
    private static async Task<long> CheckAsync(TempFolder folder, string path, long said, string when)
    {
        string copy = folder[$"copy-{Path.GetFileName(path)}"];
        foreach (string end in new[] { "", "-wal", "-journal" })
        {
            File.Delete(copy + end);
            if (File.Exists(path + end))
                File.Copy(path + end, copy + end);
        }

        AssertSound(copy, when);
        LogLines log = new();
        await using SqlitePeerStore store = new(copy, log, TimeProvider.System, new StoreSettings());
        PeerStoreContent content = await store.LoadAsync();

        Assert.True(log.Ids.Length == 0, $"{when}: {log}");
        string? now = Batches.Difference(content, said), next = Batches.Difference(content, said + 1);
        Assert.True(now is null || next is null, $"{when}: neither batch {said} ({now}) nor the next one ({next})");
        return now is null ? said : said + 1;
    }

    private static void AssertSound(string path, string when)
    {
        using SqliteConnection connection = Database.Open(path);
        foreach (string check in new[] { "quick_check", "integrity_check" })
            Assert.True(Database.Scalar(connection, $"PRAGMA {check}") is "ok", $"{when}: {check} says {Database.Scalar(connection, $"PRAGMA {check}")}");

        Assert.True(Database.Scalar(connection, "PRAGMA foreign_key_check") is null, $"{when}: rows of no peer");
    }

    private static long Parse(string? line) =>
        long.TryParse(line, CultureInfo.InvariantCulture, out long number) ? number : throw new FormatException($"The writer said '{line}'.");
}
