using System.Globalization;
using Meshara.Security;
using Meshara.Tests.Support;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Protocols;

/// <summary>The number of a node's own record over restarts, and what of others' records did not count, as whole nodes show both.</summary>
public sealed class RecordSequenceTests : IAsyncDisposable
{
    // Log.SequenceIgnored.
    private const int SequenceIgnored = 1013;

    private readonly TempFolder _folder = new();
    private readonly NodeBed _bed = new();
    private readonly LoggedLines _log = new();
    private readonly NodeIdentity _raw = NodeIdentity.Create();
    private readonly SignedRecords _made = new(TimeProvider.System);

    private string SequenceFile => Path.Combine(_folder["node"], "sequence");

    private static ulong Now => RecordRules.Milliseconds(TimeProvider.System.GetUtcNow());

    public async ValueTask DisposeAsync()
    {
        await _bed.DisposeAsync();
        _log.Dispose();
        _raw.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("\u001b[2J no number")]
    [InlineData("")]
    public async Task Sequence_FileIsDamaged_IsWarnedOfAndMendedByTheNextIssue(string damaged)
    {
        Directory.CreateDirectory(_folder["node"]);
        Mode.Set(_folder["node"], Mode.Directory);
        await File.WriteAllTextAsync(SequenceFile, damaged);
        ulong before = Now;

        ulong told = await ToldAsync(await StartAsync());

        Assert.InRange(told, before, Now);
        Assert.Equal(told, await StoredAsync());
        Assert.Contains(SequenceFile, Assert.Single(_log.Of(SequenceIgnored)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sequence_FileIsMissing_BeginsByTheClockAndNothingIsSaid()
    {
        ulong before = Now;

        ulong told = await ToldAsync(await StartAsync());

        Assert.InRange(told, before, Now);
        Assert.Equal(told, await StoredAsync());
        Assert.Empty(_log.Of(SequenceIgnored));
    }

    // The clock of the last run was ahead by an hour.
    [Fact]
    public async Task Sequence_FileIsAheadOfTheClock_GoesOnAboveIt()
    {
        Directory.CreateDirectory(_folder["node"]);
        Mode.Set(_folder["node"], Mode.Directory);
        ulong ahead = Now + 3_600_000;
        await File.WriteAllTextAsync(SequenceFile, $"{ahead}\n");

        Assert.Equal(ahead + 1, await ToldAsync(await StartAsync()));
        Assert.Equal(ahead + 1, await StoredAsync());
    }

    // A data directory from a backup: peers have seen a higher number than the one in it.
    [Fact]
    public async Task Sequence_FileIsLowerThanWhatPeersHold_GoesAboveWhatTheyShow()
    {
        await using RawNode raw = new(_raw);
        Directory.CreateDirectory(_folder["node"]);
        Mode.Set(_folder["node"], Mode.Directory);
        await File.WriteAllTextAsync(SequenceFile, "17\n");
        using NodeIdentity identity = NodeIdentity.LoadOrCreate(Path.Combine(_folder["node"], "identity.pem"));
        using NodeCertificate certificate = new(identity);
        Node node = await StartAsync(raw.Address);
        await raw.AcceptAsync();
        ulong shown = Now + 3_600_000;

        await raw.AnswerAsync(PeerLists.WriteReply(
            [SignedRecord.Create(identity.PublicKey, certificate.Sign, "test", shown, Now + 86_400_000, ["127.0.0.9:9"]).Bytes, _made.Create(1, 0, mesh: "test", addresses: "127.0.0.8:8").Bytes],
            1 << 20));

        // The second record is learned after the first was heard.
        await Eventually.TrueAsync(async () => await node.ExplainPeerAsync(_made.IdOf(1)) is not null);
        Assert.Equal(shown + 1, await ToldAsync(node));
        Assert.Equal(shown + 1, await StoredAsync());
    }

    [Fact]
    public async Task ExchangeIgnored_EachCause_IsCounted()
    {
        using Readings readings = new();
        await using RawNode raw = new(_raw);
        Node node = await StartAsync(raw.Address);
        await raw.AcceptAsync();
        const ulong day = 86_400_000;
        await raw.AnswerAsync(PeerLists.WriteReply(
            [
                _made.Create(1, 60_000, mesh: "test", addresses: ["127.0.0.1:0", "0.0.0.0:1", "127.0.0.9:9"]).Bytes,
                _made.Create(1, 0, mesh: "test", addresses: "127.0.0.8:8").Bytes,
                _made.Create(2, 2 * day, mesh: "test", addresses: "127.0.0.7:7").Bytes,
                _made.Create(3, 0, 9 * day, "test", "127.0.0.6:6").Bytes,
                _made.Create(4, 0, mesh: "another", addresses: "127.0.0.5:5").Bytes,
                _made.Create(5, 0, mesh: "test", addresses: "127.0.0.4:4").Bytes,
            ],
            1 << 20));
        await Eventually.TrueAsync(async () => await node.ExplainPeerAsync(_made.IdOf(5)) is not null);

        // Who asks again within a minute is told nothing, which is counted too.
        await raw.RequestAsync("meshara/peers/1", [0]);
        await raw.RequestAsync("meshara/peers/1", [0]);

        Assert.Equal(
            [("address", 2), ("early", 1), ("expiry", 1), ("mesh", 1), ("old", 1), ("sequence", 1)],
            ((string[])["address", "early", "expiry", "mesh", "old", "sequence"]).Select(cause => (cause, (int)readings.Of(node, "meshara.exchange.ignored", ("meshara.exchange.cause", cause)).Sum())));
    }

    private Task<Node> StartAsync(PeerAddress? bootstrap = null) => _bed.StartAsync(new NodeOptions
    {
        Mesh = "test",
        Admission = Admission.Open,
        DataDirectory = _folder["node"],
        Listen = ["127.0.0.1:0"],
        LoggerFactory = _log,
        Discovery = new DiscoveryOptions { TargetPeers = 4, MaxPeers = 8, BootstrapNodes = bootstrap is null ? [] : [bootstrap] },
    });

    // The number of the record that a newcomer is given.
    private static async Task<ulong> ToldAsync(Node node)
    {
        using NodeIdentity identity = NodeIdentity.Create();
        await using RawNode newcomer = new(identity);
        await newcomer.DialAsync(node);
        return SignedRecord.Parse(newcomer.Record).Sequence;
    }

    private async Task<ulong> StoredAsync() => ulong.Parse((await File.ReadAllTextAsync(SequenceFile)).TrimEnd(), NumberStyles.None, CultureInfo.InvariantCulture);
}
