using System.Text.Json;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

public sealed class PeersCommandTests
{
    [Fact]
    public async Task Peers_StaticAndMesh_AreShownAsSuch()
    {
        await using CommandBed bed = new();
        (Node alice, Node bob) = await bed.StartPairAsync();
        Node carol = await bed.StartAsync("carol");
        await carol.AddPeerAsync(alice.Addresses[0]).WaitAsync(CommandBed.Guard);
        await Eventually.TrueAsync(() => alice.ListPeers().Count == 2);
        TestTerminal text = new(width: 80);
        TestTerminal json = new();

        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", text, "peers"));
        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", json, "peers", "--json"));

        Assert.Matches($"{bob.Id.ToShortString()} .* out .* static ", text.Text);
        Assert.Matches($"{carol.Id.ToShortString()} .* in .* mesh ", text.Text);
        Assert.Equal(
            [(bob.Id.ToString(), "static"), (carol.Id.ToString(), "mesh")],
            Child.Parse(json.Json).GetProperty("peers").EnumerateArray()
                .Select(static peer => (peer.GetProperty("peer").GetString()!, peer.GetProperty("class").GetString()!)).OrderByDescending(static peer => peer.Item2));
    }

    [Fact]
    public async Task Explain_LinkedPeer_ByTheDigitsThatPeersShows()
    {
        await using CommandBed bed = new();
        (Node alice, _) = await bed.StartPairAsync();
        Node carol = await bed.StartAsync("carol");
        await carol.AddPeerAsync(alice.Addresses[0]).WaitAsync(CommandBed.Guard);
        await Eventually.TrueAsync(() => alice.ListPeers().Count == 2);
        TestTerminal text = new();
        TestTerminal json = new();

        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", text, "peers", "--explain", carol.Id.ToShortString()));
        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", json, "peers", "--json", "--explain", carol.Id.ToString()));

        Assert.StartsWith($"peer        {carol.Id}", text.Text, StringComparison.Ordinal);
        Assert.Contains("class       mesh", text.Text, StringComparison.Ordinal);
        Assert.Contains("link        in, ", text.Text, StringComparison.Ordinal);
        JsonElement line = Child.Parse(json.Json);
        Assert.Equal((carol.Id.ToString(), "mesh"), (line.GetProperty("peer").GetString(), line.GetProperty("class").GetString()));
        Assert.Equal(-75, line.GetProperty("thresholds").GetProperty("ban_at").GetDouble());

        // To do something to it takes all of its digits.
        TestTerminal send = new();
        Assert.Equal(ExitCode.Failed, await bed.RunAsync("alice", send, "send", carol.Id.ToShortString(), "x"));
        Assert.Contains("No pinned peer", send.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_PinnedPeerThatNeverCame_ShowsWhatTheOperatorSaid()
    {
        await using CommandBed bed = new();
        Node alice = await bed.StartAsync("alice");
        using NodeIdentity dora = NodeIdentity.Create();
        await alice.TrustAsync(dora.PublicKey, "dora");
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", terminal, "peers", "--explain", dora.Id.ToString()[..8]));

        Assert.Contains("name        dora", terminal.Text, StringComparison.Ordinal);
        Assert.Contains("class       static", terminal.Text, StringComparison.Ordinal);
        Assert.Contains("link        none", terminal.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_Unknown_IsOneLineThatSaysSo()
    {
        await using CommandBed bed = new();
        Node alice = await bed.StartAsync("alice");
        foreach ((string id, string says) in ((string, string)[])[(new string('7', 64), "Nothing is known of"), ("77777777", "No linked or pinned peer"), (alice.Id.ToString(), "this node itself")])
        {
            TestTerminal terminal = new();
            Assert.Equal(ExitCode.Failed, await bed.RunAsync("alice", terminal, "peers", "--explain", id));
            Assert.Contains(says, Assert.Single(terminal.Error.TrimEnd().Split(Environment.NewLine)), StringComparison.Ordinal);
        }
    }
}
