using System.Text.Json;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

/// <summary>Pins on a data directory on which no node runs, and beside a node in this process.</summary>
public sealed class TrustCommandTests : IDisposable
{
    private async Task WriteOlderAsync(params string[] lines)
    {
        await DoneAsync("add", NewKey().ToString());
        string path = Path.Combine(_folder["node"], "known_peers");
        await File.WriteAllLinesAsync(path, lines);
        Mode.Set(path, Mode.File);
    }

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Trust_NoNodeRuns_AddListReplaceForgetWorkOnTheFiles()
    {
        PublicKey old = NewKey(), renewed = NewKey();

        Assert.Equal($"{old.Id} may connect to the node of {_folder["node"]} when it runs", (await DoneAsync("add", old.ToString(), "--name", "gpu 1")).Text.Trim());
        JsonElement pin = Assert.Single(Child.Parse((await DoneAsync("list", "--json")).Json).GetProperty("pins").EnumerateArray().ToArray());
        Assert.Equal((old.Id.ToString(), "gpu 1"), (pin.GetProperty("peer").GetString(), pin.GetProperty("name").GetString()));
        Assert.Contains($"{old.Id}  gpu 1", (await DoneAsync("list")).Text, StringComparison.Ordinal);

        Assert.Contains($"{renewed.Id}", (await DoneAsync("replace", "gpu 1", renewed.ToString(), "--confirm", renewed.Id.ToString())).Text, StringComparison.Ordinal);
        Assert.Contains($"{renewed.Id}  gpu 1", (await DoneAsync("list")).Text, StringComparison.Ordinal);

        await DoneAsync("forget", renewed.Id.ToString()[..8]);
        Assert.Contains("No peer is pinned", (await DoneAsync("list")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task List_PeerWithOlderKeys_ShowsThoseThatAreAcceptedStill()
    {
        PublicKey key = NewKey(), other = NewKey();
        NodeId old = NewKey().Id, oldest = NewKey().Id;
        DateTimeOffset until = TimeProvider.System.GetUtcNow().AddDays(9);
        await WriteOlderAsync(
            $"{other} origin=trusted # previous={old}/2090-01-01T00:00:00Z",
            $"{key} name=\"a \\\" # b\" origin=trusted previous={oldest}/2020-01-01T00:00:00Z previous={old}/{until:yyyy-MM-dd'T'HH:mm:ss'Z'}");

        JsonElement[] pins = [.. Child.Parse((await DoneAsync("list", "--json")).Json).GetProperty("pins").EnumerateArray()];
        Assert.Empty(pins[0].GetProperty("also_accepts").EnumerateArray());
        JsonElement older = Assert.Single(pins[1].GetProperty("also_accepts").EnumerateArray().ToArray());
        Assert.Equal(old.ToString(), older.GetProperty("peer").GetString());
        Assert.StartsWith($"{until:yyyy-MM-dd'T'HH:mm:ss}", older.GetProperty("until").GetString(), StringComparison.Ordinal);
        string text = (await DoneAsync("list")).Text;
        Assert.Contains($"    also accepts {old} until {until.ToLocalTime():yyyy-MM-dd HH:mm}", text, StringComparison.Ordinal);
        Assert.DoesNotContain(oldest.ToString(), text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Forget_ByAnOlderId_ForgetsThePeer()
    {
        NodeId old = NewKey().Id;
        await WriteOlderAsync($"{NewKey()} origin=trusted previous={old}/2020-01-01T00:00:00Z");

        await DoneAsync("forget", old.ToString()[..8]);

        Assert.Empty(TrustFile.Read(_folder["node"]));
    }

    [Fact]
    public async Task Replace_AsksForTheNewId_AndOnlyThatIsTaken()
    {
        PublicKey old = NewKey(), renewed = NewKey();
        await DoneAsync("add", old.ToString());

        foreach (string typed in new[] { "", "yes\n", $"{old.Id}\n", renewed.Id.ToString()[..8] + "\n" })
        {
            TestTerminal refused = new(answers: typed);
            Assert.Equal(ExitCode.Failed, await refused.RunAsync("trust", "replace", old.Id.ToString(), renewed.ToString(), "--data", _folder["node"]));
            Assert.Contains("Nothing was replaced", refused.Error, StringComparison.Ordinal);
            Assert.Equal(old.Id, Assert.Single(TrustFile.Read(_folder["node"])).Id);
        }

        TestTerminal terminal = new(answers: $"{renewed.Id}\n");
        Assert.Equal(ExitCode.Done, await terminal.RunAsync("trust", "replace", old.Id.ToString(), renewed.ToString(), "--data", _folder["node"]));
        Assert.Contains($"pinned now   {old.Id}", terminal.Error, StringComparison.Ordinal);
        Assert.Equal(renewed.Id, Assert.Single(TrustFile.Read(_folder["node"])).Id);
    }

    [Theory]
    [InlineData("0123456")]
    [InlineData("0123456789abcdef")]
    [InlineData("gpu")]
    public async Task Forget_NobodyMeant_IsAnError(string peer)
    {
        await DoneAsync("add", NewKey().ToString(), "--name", "gpu 1");
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Failed, await terminal.RunAsync("trust", "forget", peer, "--data", _folder["node"]));
        Assert.Contains("meshara trust list", terminal.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Trust_NodeRuns_IsAskedAndKnowsAtOnce()
    {
        PublicKey old = NewKey(), renewed = NewKey();
        await using Child node = Child.Start("run", "--json", "--data", _folder["node"], "--listen", "127.0.0.1:0");
        await node.EventAsync("listening");

        Assert.Equal($"{old.Id} may connect to this node now", (await DoneAsync("add", old.ToString(), "--name", "gpu 1")).Text.Trim());
        await DoneAsync("replace", "gpu 1", renewed.ToString(), "--confirm", renewed.Id.ToString());
        Assert.Contains($"{renewed.Id}  gpu 1", (await DoneAsync("list")).Text, StringComparison.Ordinal);
        await DoneAsync("forget", "gpu 1");
        Assert.Contains("No peer is pinned", (await DoneAsync("list")).Text, StringComparison.Ordinal);
    }

    private async Task<TestTerminal> DoneAsync(params string[] args)
    {
        TestTerminal terminal = new();
        int exitCode = await terminal.RunAsync(["trust", .. args, "--data", _folder["node"]]);
        Assert.Equal((ExitCode.Done, ""), (exitCode, terminal.Error));
        return terminal;
    }

    private static PublicKey NewKey()
    {
        using NodeIdentity identity = NodeIdentity.Create();
        return identity.PublicKey;
    }
}
