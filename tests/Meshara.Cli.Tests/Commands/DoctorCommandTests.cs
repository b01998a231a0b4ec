using System.Text.Json;
using Meshara.Cli.Rendering;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

public sealed class DoctorCommandTests
{
    [Fact]
    public async Task Doctor_RunningNode_LooksFromWithinAtEachArea()
    {
        await using CommandBed bed = new();
        (_, Node bob) = await bed.StartPairAsync();
        TestTerminal json = new();

        await bed.RunAsync("alice", json, "doctor", "--json");

        JsonElement line = Child.Parse(json.Json);
        Assert.True(line.GetProperty("running").GetBoolean());
        JsonElement[] findings = [.. line.GetProperty("findings").EnumerateArray()];
        foreach (string area in new[] { "interface", "multicast", "port-5353", "listen", "firewall", "clock", "peer", "data", "store" })
        {
            Assert.Contains(findings, f => f.GetProperty("area").GetString() == area);
        }

        JsonElement listen = Assert.Single(findings, f => f.GetProperty("area").GetString() == "listen");
        Assert.Equal(("ok", "alice:1"), (listen.GetProperty("state").GetString(), listen.GetProperty("subject").GetString()));
        JsonElement peer = Assert.Single(findings, f => f.GetProperty("area").GetString() == "peer");
        Assert.Equal(("ok", $"pinned {bob.Addresses[0]}"), (peer.GetProperty("state").GetString(), peer.GetProperty("subject").GetString()));
        Assert.All(findings.Where(f => f.GetProperty("state").GetString() == "broken"), f => Assert.True(f.TryGetProperty("advice", out _)));
        Assert.Equal(findings.All(f => f.GetProperty("state").GetString() != "broken"), line.GetProperty("ok").GetBoolean());
    }

    [Fact]
    public async Task Doctor_NoNodeRuns_SaysWhatItCannotSeeAndDoesTheRest()
    {
        using TempFolder folder = new();
        TestTerminal text = new();

        await text.RunAsync("doctor", "--data", folder["none"]);

        Assert.StartsWith("warning  node       ", text.Text, StringComparison.Ordinal);
        Assert.Contains("Not seen: whether its port is open", text.Text, StringComparison.Ordinal);
        Assert.Contains("interface  lo", text.Text, StringComparison.Ordinal);
        Assert.Contains("There is no data directory here yet", text.Text, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder["none"]));
    }

    [Fact]
    public async Task Doctor_PeerThatIsGone_IsBrokenAndNamesTheStep()
    {
        await using CommandBed bed = new();
        (Node alice, Node bob) = await bed.StartPairAsync();
        PeerAddress gone = bob.Addresses[0];
        await bob.DisposeAsync();
        await Eventually.TrueAsync(() => alice.ListPeers().Count == 0);
        TestTerminal text = new();

        Assert.Equal(ExitCode.Failed, await bed.RunAsync("alice", text, "doctor"));

        Assert.Contains($"BROKEN   peer       pinned {gone}: It cannot be reached: it fails at tcp.", text.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Doctor_PinnedPeerThatRefusedAtAnAddressThatIsNotConfigured_SaysTheRefusal()
    {
        await using CommandBed bed = new();
        Node bob = await bed.StartAsync("bob", static o => o with { Mesh = "other" });
        Node alice = await bed.StartAsync("alice");
        await alice.TrustAsync(bob.PublicKey);
        await Assert.ThrowsAsync<MesharaException>(() => alice.AddPeerAsync(bob.Addresses[0]).WaitAsync(CommandBed.Guard));
        await Eventually.TrueAsync(async () => (await alice.ExplainPeerAsync(bob.Id))?.LastRefusal is not null);
        TestTerminal text = new();

        Assert.Equal(ExitCode.Failed, await bed.RunAsync("alice", text, "doctor"));

        Assert.Contains($"BROKEN   peer       pinned {bob.Id}: ", text.Text, StringComparison.Ordinal);
        Assert.Contains($" ago at {bob.Addresses[0].HostAndPort}: ", text.Text, StringComparison.Ordinal);
        Assert.Contains($"To do: meshara why --data {Hints.Quote(bed.DirectoryOf("alice"))} {bob.Id}", text.Text, StringComparison.Ordinal);
    }
}
