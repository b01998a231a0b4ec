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
        foreach ((string id, string says) in ((string, string)[])[(new string('7', 64), "Nothing is known of"), ("77777777", "No known peer"), (alice.Id.ToString(), "this node itself")])
        {
            TestTerminal terminal = new();
            Assert.Equal(ExitCode.Failed, await bed.RunAsync("alice", terminal, "peers", "--explain", id));
            Assert.Contains(says, Assert.Single(terminal.Error.TrimEnd().Split(Environment.NewLine)), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Banned_ListedExplainedAndForgiven_ByTheFirstDigits()
    {
        await using CommandBed bed = new();
        Node bob = await bed.StartAsync("bob");
        MemoryPeerStore store = new();
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        await store.SaveAsync(new PeerStoreChanges
        {
            Upserted =
            [
                new PeerRecord
                {
                    Id = bob.Id, FirstSeen = now, LastSeen = now, Reputation = -80, ReputationAt = now, BanUntil = now.AddHours(1), BanCount = 1,
                    History = [new ReputationEvent { Time = now, Cause = ReputationCause.ProtocolViolation, Delta = -80, Value = -80, Count = 1 }],
                },
            ],
        });
        Node alice = await bed.StartAsync("alice", o => new NodeOptions { Mesh = o.Mesh, Admission = o.Admission, Listen = o.Listen, Transport = o.Transport, PeerStore = store });
        string few = bob.Id.ToString()[..8];

        JsonElement banned = Assert.Single(Child.Parse((await AskAsync("alice", "--banned", "--json")).Json).GetProperty("banned").EnumerateArray());
        Assert.Equal((bob.Id.ToString(), "protocol-violation", 1), (banned.GetProperty("peer").GetString(), banned.GetProperty("reason").GetString(), banned.GetProperty("ban_count").GetInt32()));
        Assert.Contains($"{bob.Id}  until ", (await AskAsync("alice", "--banned")).Text, StringComparison.Ordinal);
        Assert.Contains("banned      until ", (await AskAsync("alice", "--explain", few)).Text, StringComparison.Ordinal);
        TestTerminal info = new();
        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", info, "info"));
        Assert.Contains("banned      1 peer: 'meshara peers --banned'", info.Text, StringComparison.Ordinal);

        // Who was refused knows who did it, and why.
        await Assert.ThrowsAsync<MesharaException>(() => bob.AddPeerAsync(alice.Addresses[0]).WaitAsync(CommandBed.Guard));
        Assert.Matches(@"refused     by it .* at alice:1: banned \(again in ", (await AskAsync("bob", "--explain", alice.Id.ToString()[..8])).Text);

        Assert.Contains($"{bob.Id} is forgiven", (await AskAsync("alice", "--forgive", few)).Text, StringComparison.Ordinal);
        Assert.Contains("nobody is banned", (await AskAsync("alice", "--banned")).Text, StringComparison.Ordinal);
        TestTerminal again = new();
        Assert.Equal(ExitCode.Failed, await bed.RunAsync("alice", again, "peers", "--forgive", bob.Id.ToString()));
        Assert.Contains("Nothing is held against", again.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, await bed.RunAsync("alice", again, "peers", "--forgive", few, "--banned"));

        async Task<TestTerminal> AskAsync(string name, params string[] args)
        {
            TestTerminal terminal = new();
            Assert.Equal(ExitCode.Done, await bed.RunAsync(name, terminal, ["peers", .. args]));
            return terminal;
        }
    }
}
