using Meshara.Tests.Support;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Meshara.Sqlite.Tests;

/// <summary>hostile-inputs.md, peer store, S5: values that no record can hold are clamped, or left out and counted.</summary>
public sealed class WrongRowTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly LogLines _log = new();

    private string Path => _folder["peers.db"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("9e999", 10)]
    [InlineData("-9e999", -100)]
    [InlineData("10.5", 10)]
    [InlineData("-1000", -100)]
    [InlineData("'NaN'", 0)]
    [InlineData("x'ff'", 0)]
    [InlineData("-99.5", -99.5)]
    public async Task S5_Load_Reputation_IsClamped(string value, double expected)
    {
        PeerStoreContent content = await LoadAfterAsync($"UPDATE peers SET reputation = {value}; UPDATE history SET delta = {value}, value = {value}");

        PeerRecord peer = Assert.Single(content.Peers);
        Assert.Equal(expected, peer.Reputation);
        Assert.Equal(expected, Assert.Single(peer.History).Value);
        Assert.Equal(0, content.Skipped);
    }

    [Fact]
    public async Task S5_Load_InfiniteDelta_IsClamped()
    {
        PeerStoreContent content = await LoadAfterAsync("UPDATE history SET delta = -9e999, count = -4");

        ReputationEvent line = Assert.Single(Assert.Single(content.Peers).History);
        Assert.Equal((-110, 1), (line.Delta, line.Count));
    }

    [Theory]
    [InlineData("9223372036854775807", "9999-12-31T23:59:59.999Z")]
    [InlineData("-9223372036854775808", "1970-01-01T00:00:00Z")]
    [InlineData("9e999", "9999-12-31T23:59:59.999Z")]
    [InlineData("'yesterday'", "1970-01-01T00:00:00Z")]
    [InlineData("1500", "1970-01-01T00:00:01.5Z")]
    public async Task S5_Load_Times_AreClamped(string value, string expected)
    {
        PeerStoreContent content = await LoadAfterAsync(
            $"""
            UPDATE peers SET first_seen = {value}, last_seen = {value}, reputation_at = {value}, ban_until = {value};
            UPDATE addresses SET first_seen = {value}, last_tried = {value}, last_success = {value};
            UPDATE history SET time = {value};
            """);

        PeerRecord peer = Assert.Single(content.Peers);
        StoredAddress address = Assert.Single(peer.Addresses);
        DateTimeOffset?[] times =
            [peer.FirstSeen, peer.LastSeen, peer.ReputationAt, peer.BanUntil, address.FirstSeen, address.LastTried, address.LastSuccess, peer.History[0].Time];
        DateTimeOffset time = DateTimeOffset.Parse(expected);
        Assert.All(times, actual => Assert.Equal(time, actual));
    }

    [Fact]
    public async Task S5_Load_NegativeAndHugeCounts_AreClamped()
    {
        PeerStoreContent content = await LoadAfterAsync(
            """
            UPDATE peers SET bytes_sent = -1, bytes_received = 'many', ban_count = 99999999999, alias = 'A' || char(0, 10, 27) || hex(zeroblob(100));
            UPDATE addresses SET failures = -9223372036854775808, source = 77, source_group = char(7) || 'x';
            """);

        PeerRecord peer = Assert.Single(content.Peers);
        Assert.Equal((0L, 0L, int.MaxValue), (peer.BytesSent, peer.BytesReceived, peer.BanCount));
        Assert.Equal("A???" + new string('0', 60), peer.Alias);
        StoredAddress address = Assert.Single(peer.Addresses);
        Assert.Equal((0, AddressSource.PeerExchange, "?x"), (address.Failures, address.Source, address.SourceGroup));
        Assert.Equal(0, content.Skipped);
    }

    [Theory]
    [InlineData("UPDATE addresses SET port = 0")]
    [InlineData("UPDATE addresses SET port = 70000")]
    [InlineData("UPDATE addresses SET port = -1")]
    [InlineData("UPDATE addresses SET port = 4294967297")]
    [InlineData("UPDATE addresses SET host = ''")]
    [InlineData("UPDATE addresses SET host = 'a' || char(10) || 'b'")]
    [InlineData("UPDATE addresses SET host = hex(zeroblob(5000))")]
    [InlineData("UPDATE addresses SET host = x'ff00'")]
    [InlineData("UPDATE addresses SET peer = 12345")]
    [InlineData("UPDATE addresses SET place = 8")]
    [InlineData("UPDATE addresses SET place = -1")]
    public async Task S5_Load_WrongAddress_IsLeftOutAndCounted(string sql)
    {
        PeerStoreContent content = await LoadAfterAsync(sql);

        Assert.Empty(Assert.Single(content.Peers).Addresses);
        Assert.Single(content.Peers[0].History);
        Assert.Equal(1, content.Skipped);
        Assert.Equal([5003], _log.Ids);
    }

    [Theory]
    [InlineData("UPDATE peers SET id = x'00'")]
    [InlineData("UPDATE peers SET id = zeroblob(33)")]
    [InlineData("UPDATE peers SET id = '12345678901234567890123456789012'")]
    public async Task S5_Load_WrongId_IsLeftOutWithAllThatIsIts(string sql)
    {
        PeerStoreContent content = await LoadAfterAsync(sql);

        Assert.Empty(content.Peers);
        Assert.Equal(1, content.Skipped);
    }

    [Theory]
    [InlineData("UPDATE history SET cause = 6")]
    [InlineData("UPDATE history SET cause = -1")]
    [InlineData("UPDATE history SET place = 16")]
    public async Task S5_Load_WrongEvent_IsLeftOutAndCounted(string sql)
    {
        PeerStoreContent content = await LoadAfterAsync(sql);

        Assert.Empty(Assert.Single(content.Peers).History);
        Assert.Equal(1, content.Skipped);
    }

    [Fact]
    public async Task S5_Load_WrongKeysAndAnchors_AreLeftOutAndCounted()
    {
        using NodeIdentity other = NodeIdentity.Create();
        PeerStoreContent content = await LoadAfterAsync(
            $"""
            UPDATE peers SET public_key = x'{Convert.ToHexString(other.PublicKey.Der.Span)}';
            UPDATE settings SET value = zeroblob(31);
            UPDATE anchors SET address = 'no address: ' || char(0);
            INSERT INTO anchors VALUES (7, 'peer.example:1');
            """);

        Assert.Null(Assert.Single(content.Peers).PublicKey);
        Assert.Null(content.TableKey);
        Assert.Empty(content.Anchors);
        Assert.Equal(4, content.Skipped);
    }

    [Theory]
    [InlineData("x'00'")]
    [InlineData("zeroblob(91)")]
    [InlineData("'text'")]
    public async Task S5_Load_NoPublicKey_IsLeftOutAndCounted(string value)
    {
        PeerStoreContent content = await LoadAfterAsync($"UPDATE peers SET public_key = {value}");

        Assert.Null(Assert.Single(content.Peers).PublicKey);
        Assert.Equal(1, content.Skipped);
    }

    [Fact]
    public async Task S5_Load_MoreRowsThanTheBound_AreLeftOutAndCounted()
    {
        await using (SqlitePeerStore large = new(Path, _log, TimeProvider.System, new StoreSettings()))
            await large.SaveAsync(new PeerStoreChanges { Upserted = [.. Enumerable.Range(0, 50).Select(i => PeerRecords.Plain(i))] });

        await using SqlitePeerStore small = new(Path, _log, TimeProvider.System, new StoreSettings { MaxPeers = 20 });
        PeerStoreContent content = await small.LoadAsync();

        Assert.Equal((20, 60), (content.Peers.Count, content.Skipped));
    }

    private async Task<PeerStoreContent> LoadAfterAsync(string sql)
    {
        await using (SqlitePeerStore store = new(Path, _log, TimeProvider.System, new StoreSettings()))
        {
            await store.SaveAsync(new PeerStoreChanges
            {
                Upserted =
                [
                    PeerRecords.Plain(1) with
                    {
                        History = [new ReputationEvent { Time = DateTimeOffset.UnixEpoch, Cause = ReputationCause.Rate, Delta = -10, Value = -10 }],
                    },
                ],
                TableKey = new byte[32],
                Anchors = [new PeerAddress("peer.example", 1)],
            });
        }

        using (SqliteConnection connection = Database.Open(Path))
        {
            Database.Execute(connection, "PRAGMA foreign_keys = OFF");
            Database.Execute(connection, sql);
        }

        await using SqlitePeerStore again = new(Path, _log, TimeProvider.System, new StoreSettings());
        return await again.LoadAsync();
    }
}
