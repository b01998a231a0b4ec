using System.Text.Json;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

public sealed class PingCommandTests
{
    [Fact]
    public async Task Ping_LinkedPeer_ALineEachAndASummary()
    {
        await using CommandBed bed = new();
        (_, Node bob) = await bed.StartPairAsync();
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", terminal, "ping", bob.Id.ToString(), "--count", "3", "--interval", "0.01"));

        string[] lines = terminal.Text.TrimEnd().Split(Environment.NewLine);
        Assert.Equal(5, lines.Length);
        Assert.All(lines[..3], line => Assert.StartsWith(bob.Id.ToShortString(), line, StringComparison.Ordinal));
        Assert.Equal("3 sent, 3 answered, 0% lost", lines[3]);
        Assert.Matches(@"^min \S+ ms  p50 \S+ ms  p99 \S+ ms  max \S+ ms$", lines[4]);
    }

    [Fact]
    public async Task Ping_Json_TimesAndASummaryThatFitsThem()
    {
        await using CommandBed bed = new();
        (_, Node bob) = await bed.StartPairAsync();
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", terminal, "ping", bob.Id.ToString()[..8], "--count", "4", "--interval", "0.01", "--json"));

        JsonElement[] lines = [.. terminal.Json.TrimEnd().Split('\n').Select(Child.Parse)];
        Assert.Equal(5, lines.Length);
        double[] times = [.. lines[..4].Select(line => line.GetProperty("round_trip_ms").GetDouble()).Order()];
        Assert.Equal((4, 4, 0), (lines[4].GetProperty("sent").GetInt32(), lines[4].GetProperty("received").GetInt32(), lines[4].GetProperty("loss").GetDouble()));
        Assert.Equal((times[0], times[1], times[3], times[3]), (Get("min_ms"), Get("p50_ms"), Get("p99_ms"), Get("max_ms")));

        double Get(string name) => lines[4].GetProperty(name).GetDouble();
    }

    [Fact]
    public async Task Ping_ByTheFirstDigitsOfAnOlderId_FindsThePeer()
    {
        await using CommandBed bed = new();
        (_, Node bob) = await bed.StartPairAsync();
        using NodeIdentity old = NodeIdentity.Create();
        await File.WriteAllTextAsync(Path.Combine(bed.DirectoryOf("alice"), "known_peers"), $"{bob.PublicKey} previous={old.Id}/2020-01-01T00:00:00Z\n");
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", terminal, "ping", old.Id.ToString()[..8], "--count", "1"));
        Assert.StartsWith(bob.Id.ToShortString(), terminal.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(64)]
    public async Task Ping_ItsOwnId_SaysSo(int digits)
    {
        await using CommandBed bed = new();
        (Node alice, _) = await bed.StartPairAsync();
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Failed, await bed.RunAsync("alice", terminal, "ping", alice.Id.ToString()[..digits], "--count", "1"));
        Assert.Contains($"{alice.Id} is this node itself", terminal.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ping_NoLink_FailsAtOnce()
    {
        await using CommandBed bed = new();
        await bed.StartAsync("alice");
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Failed, await bed.RunAsync("alice", terminal, "ping", new string('a', 64)));

        Assert.Contains("no link", terminal.Error, StringComparison.Ordinal);
        Assert.Equal("", terminal.Text);
    }

    [Fact]
    public async Task Ping_LinkIsLostMeanwhile_CountsAsLossAndCtrlCEndsWithTheSummary()
    {
        await using CommandBed bed = new();
        (Node alice, Node bob) = await bed.StartPairAsync();
        TestTerminal terminal = new();
        using CancellationTokenSource stop = new();

        Task<int> pinging = bed.RunAsync("alice", terminal, stop.Token, "ping", bob.Id.ToString(), "--interval", "0.01");
        await Eventually.TrueAsync(() => terminal.Text.Contains(" ms", StringComparison.Ordinal));
        await alice.RemovePeerAsync(bob.Id);
        await Eventually.TrueAsync(() => terminal.Text.Contains("no link", StringComparison.Ordinal));
        await stop.CancelAsync();

        Assert.Equal(ExitCode.Done, await pinging);
        Assert.Contains("% lost", terminal.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(", 0% lost", terminal.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ping_PinnedPeerThatIsAway_IsFoundByItsPrefix()
    {
        await using CommandBed bed = new();
        Node alice = await bed.StartAsync("alice");
        using NodeIdentity away = NodeIdentity.Create();
        await alice.TrustAsync(away.PublicKey);
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Failed, await bed.RunAsync("alice", terminal, "ping", away.Id.ToString()[..8]));

        Assert.Contains($"no link to {away.Id}", terminal.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ping_PrefixOfAPeerThatIsNotPinned_IsNotFound()
    {
        await using CommandBed bed = new();
        Node alice = await bed.StartAsync("alice");
        Node stranger = await bed.StartAsync("stranger");
        await stranger.AddPeerAsync(alice.Addresses[0]).WaitAsync(CommandBed.Guard);
        await Eventually.TrueAsync(() => alice.ListPeers().Count == 1);
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Failed, await bed.RunAsync("alice", terminal, "ping", stranger.Id.ToString()[..12], "--count", "1"));
        Assert.Contains("No pinned peer", terminal.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", terminal, "ping", stranger.Id.ToString(), "--count", "1"));
    }
}
