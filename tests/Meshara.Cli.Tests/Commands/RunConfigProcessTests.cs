using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

/// <summary><c>meshara run --config</c>: a file that changes under the running process.</summary>
[Collection(nameof(Child))]
public sealed class RunConfigProcessTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Run_ThirtySettingsChange_EachIsAppliedOrRefusedAndNoLinkEnds()
    {
        Write("""{ "Meshara": { "Mesh": "default", "Admission": "Open", "Listen": ["127.0.0.1:0"] } }""");
        await using Child alice = Child.Start("run", "--json", "--config", _folder["node.json"], "--data", _folder["alice"]);
        string address = (await alice.EventAsync("listening")).GetProperty("address").GetString()!;
        await using Child bob = Run("bob", "--bootstrap", address);
        string bobId = (await bob.EventAsync("listening")).GetProperty("node_id").GetString()!;
        await alice.EventAsync("peer-connected");
        await using Child carol = Run("carol");
        string carolAt = (await carol.EventAsync("listening")).GetProperty("address").GetString()!;

        (string Key, JsonNode Value, bool IsApplied)[] settings = Settings(carolAt);
        Assert.True(settings.Length >= 30, $"only {settings.Length}");
        Write(Format(settings));

        Dictionary<string, JsonElement> told = [];
        foreach (JsonElement change in await ChangesAsync(alice, settings.Length))
        {
            told.Add(change.GetProperty("option").GetString()!, change);
        }

        foreach ((string key, _, bool isApplied) in settings)
        {
            JsonElement change = Assert.Contains(key.Replace(':', '.'), (IDictionary<string, JsonElement>)told);
            Assert.True(isApplied == change.GetProperty("applied").GetBoolean(), change.ToString());
            Assert.NotEqual(change.GetProperty("before").GetString(), change.GetProperty("after").GetString());
            Assert.Equal(!isApplied, change.TryGetProperty("detail", out JsonElement reason) && reason.GetString()!.Length > 10);
        }

        // What was applied holds: for the node's own word, for whom it dials, and for who comes new.
        JsonElement info = Child.Parse((await OnAliceAsync("info", "--json")).Output);
        Assert.Equal((1, 1), (info.GetProperty("counts").GetProperty("target").GetInt32(), info.GetProperty("counts").GetProperty("max").GetInt32()));
        Assert.Equal((2048, 7), (info.GetProperty("limits").GetProperty("max_message").GetInt32(), info.GetProperty("timeouts").GetProperty("ping_after").GetDouble()));
        await carol.EventAsync("peer-connected");
        await using Child dave = Run("dave", "--bootstrap", address);
        Assert.Contains("max_peers: 1", (await dave.EventAsync("refused")).GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain("peer-disconnected", alice.AllOutput(), StringComparison.Ordinal);
        Assert.Contains(bobId, (await OnAliceAsync("peers", "--json")).Output, StringComparison.Ordinal);
        Assert.Equal("", alice.AllError());
    }

    [Fact]
    public async Task Run_FileBreaks_TheNodeGoesOnAndSaysTheLine()
    {
        Write("""{ "Meshara": { "Admission": "Open", "Listen": "127.0.0.1:0" } }""");
        await using Child alice = Child.Start("run", "--json", "--config", _folder["node.json"], "--data", _folder["alice"]);
        await alice.EventAsync("listening");

        Write("{ \"Meshara\": {\n \"Admission\": \"Open\",\n \"Listen\" \"127.0.0.1:0\" } }");
        Assert.StartsWith($"{_folder["node.json"]} line 3, column ", (await alice.EventAsync("config-failed")).GetProperty("detail").GetString(), StringComparison.Ordinal);
        Write("""{ "Meshara": { "Admission": "Open", "Listen": "127.0.0.1:0" } }""");
        await alice.EventAsync("config-mended");
        int seen = alice.Output.ToArray().Length;
        Write("{ \"Meshara\": {\n \"Admission\": \"Open\", \"Listen\": \"127.0.0.1:0\",\n \"Discovery\": { \"MaxPeers\": 5000 } } }");
        Assert.Equal(
            $"{_folder["node.json"]} line 3: Meshara:Discovery:MaxPeers is 5000; 1 to 4096 is allowed.",
            (await alice.EventAsync("config-failed", seen)).GetProperty("detail").GetString());
        Write("""{ "Meshara": { "Admission": "Open", "Listen": "127.0.0.1:0", "Discovery": { "MaxPeers": 50 } } }""");
        Assert.Equal("50", (await alice.EventAsync("option-changed")).GetProperty("after").GetString());
        Assert.Equal("", alice.AllError());
    }

    [Fact]
    public async Task Run_Environment_IsPartOfTheConfiguration()
    {
        await using Child alice = Child.Start(
            new Dictionary<string, string> { ["MESHARA__ADMISSION"] = "Open", ["MESHARA__DISCOVERY__PRESET"] = "bridge", ["MESHARA__MESH"] = "env" },
            "run", "--json", "--listen", "127.0.0.1:0", "--mesh", "option", "--data", _folder["alice"]);
        await alice.EventAsync("listening");

        JsonElement info = Child.Parse((await OnAliceAsync("info", "--json")).Output);

        Assert.Equal(("option", "open", 64), (info.GetProperty("mesh").GetString(), info.GetProperty("admission").GetString(), info.GetProperty("counts").GetProperty("target").GetInt32()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{ \"Meshara\": { ")]
    [InlineData("{ \"Other\": { } }")]
    [InlineData("{ \"Meshara\": { \"Mesh\": \"a\", \"mesh\": \"b\" } }")]
    public async Task Run_BrokenConfigurationFile_IsAUsageError(string text)
    {
        Write(text);
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Usage, await App.RunAsync(["run", "--config", _folder["node.json"], "--data", _folder["alice"]], terminal.Terminal).WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Contains(_folder["node.json"], terminal.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_WrongConfiguration_IsAUsageErrorWithTheLine()
    {
        Write("{ \"Meshara\": {\n \"Mesch\": \"m\" } }");

        (int exitCode, string output, string error) = await Child.RunAsync("run", "--config", _folder["node.json"], "--data", _folder["alice"]);

        Assert.Equal((2, ""), (exitCode, output));
        Assert.Equal($"meshara: {_folder["node.json"]} line 2: Meshara:Mesch is not an option; the nearest is Meshara:Mesh.", error);
    }

    [Theory]
    [InlineData("--config", 2, "meshara: The configuration {0} is a pipe. Name a regular file.")]
    [InlineData("--static-peers", 1, "meshara: Static peers file '{0}': it is a pipe. Name a regular file.")]
    public async Task Run_PipeAsAFileThatIsWatched_IsRefusedAtOnce(string option, int code, string message)
    {
        string pipe = await Fifo.MakeAsync(_folder["pipe"]);

        (int exitCode, string output, string error) = await Child.RunAsync("run", option, pipe, "--data", _folder["alice"]);

        Assert.Equal((code, "", string.Format(CultureInfo.InvariantCulture, message, pipe)), (exitCode, output, error));
    }

    [Fact]
    public async Task Run_SecretFromAPipeThatNobodyWritesTo_EndsBySigterm()
    {
        string pipe = await Fifo.MakeAsync(_folder["pipe"]);
        await using Child alice = Child.Start("run", "--secret-file", pipe, "--data", _folder["alice"]);

        // This waits until the other side has opened it, and then never says a word.
        await using FileStream writer = await Task.Run(() => new FileStream(pipe, FileMode.Open, FileAccess.Write)).WaitAsync(TimeSpan.FromSeconds(60));
        await alice.SignalAsync("TERM");

        Assert.Equal((0, "", ""), (await alice.ExitAsync(), alice.AllOutput(), alice.AllError()));
    }

    [Fact]
    public async Task Run_SettingThatAnOptionGoesOverChanges_IsSaid()
    {
        Write("""{ "Meshara": { "Admission": "Open", "Listen": "127.0.0.1:0", "Discovery": { "TargetPeers": 3 } } }""");
        await using Child alice = Child.Start("run", "--json", "--config", _folder["node.json"], "--target-peers", "5", "--data", _folder["alice"]);
        await alice.EventAsync("listening");

        Write("""{ "Meshara": { "Admission": "Open", "Listen": "127.0.0.1:0", "Discovery": { "TargetPeers": 4 } } }""");

        JsonElement said = await alice.EventAsync("option-overridden");
        Assert.Equal(
            ("Discovery.TargetPeers", "--target-peers goes over what the configuration file says"),
            (said.GetProperty("option").GetString(), said.GetProperty("detail").GetString()));
    }

    [Fact]
    public async Task Info_StaticPeer_IsTakenByAnotherNode()
    {
        await using Child alice = Run("alice");
        await alice.EventAsync("listening");
        (int exitCode, string entry, _) = await OnAliceAsync("info", "--static-peer");
        Assert.Equal(0, exitCode);
        await File.WriteAllTextAsync(_folder["peers.json"], $"{{ \"static_peers\": [\n{entry}\n] }}");

        await using Child bob = Run("bob", "--static-peers", _folder["peers.json"], "--target-peers", "0");

        Assert.Equal(Child.Parse(entry).GetProperty("multiaddr").GetString()![^64..], (await bob.EventAsync("peer-connected")).GetProperty("peer").GetString());
        Assert.Equal(entry.Split('"')[7], Child.Parse((await OnAliceAsync("info", "--static-peer", "--json")).Output).GetProperty("multiaddr").GetString());
    }

    private static (string Key, JsonNode Value, bool IsApplied)[] Settings(string carol) =>
    [
        ("Mesh", "other", false),
        ("Admission", "KnownPeers", false),
        ("Seed", 7, false),
        ("MinimumTls", "Tls13", false),
        ("AdvertisedAddresses", "127.0.0.1:7", true),
        ("Peers", new JsonArray(carol), true),
        ("Agent", "alice/2", true),
        ("Discovery:TargetPeers", 1, true),
        ("Discovery:MaxPeers", 1, true),
        ("Discovery:FeelerInterval", "30s", true),
        ("Discovery:MaxBackoff", "10s", true),
        ("Discovery:UpdateStaticPeersFile", false, true),
        ("Reputation:HalfLife", "00:05:00", true),
        ("Reputation:Timeout", 3, true),
        ("Reputation:ProtocolViolation", 30.5, true),
        ("Reputation:FirstBan", "30m", true),
        ("Accept:AddressRate", 0.5, true),
        ("Accept:AddressBurst", 20, true),
        ("Accept:TotalRate", 40, true),
        ("Accept:MaxHandshakes", 4, true),
        ("Accept:MaxWaiting", 32, true),
        ("Accept:TrustedRanges", new JsonArray("10.20.0.0/16"), true),
        ("Accept:OnLinkLane", false, true),
        ("Limits:MaxMessage", 2048, true),
        ("Limits:MaxStreams", 512, true),
        ("Limits:MaxMessages", 1000, true),
        ("Limits:MaxBytes", 1_000_000, true),
        ("Limits:MaxControlFrames", 5000, true),
        ("Timeouts:Connect", "4s", true),
        ("Timeouts:Hello", "6s", true),
        ("Timeouts:PingAfter", "7s", true),
        ("Timeouts:Request", "9s", true),
        ("Timeouts:MaxBackoff", "20s", true),
    ];

    private static string Format((string Key, JsonNode Value, bool IsApplied)[] settings)
    {
        JsonObject section = new() { ["Listen"] = "127.0.0.1:0" };
        foreach ((string key, JsonNode value, _) in settings)
        {
            JsonObject at = section;
            string[] parts = key.Split(':');
            if (parts.Length > 1)
            {
                at = (JsonObject)(section[parts[0]] ??= new JsonObject());
            }

            at[parts[^1]] = value.DeepClone();
        }

        return new JsonObject { ["Meshara"] = section }.ToJsonString();
    }

    private static async Task<IReadOnlyList<JsonElement>> ChangesAsync(Child child, int count)
    {
        List<JsonElement> changes = [];
        for (int from = 0; changes.Count < count;)
        {
            JsonElement next = await child.EventAsync("option-changed", from);
            string[] lines = child.Output.ToArray();
            from = Array.FindIndex(lines, from, line => line.Contains("\"option-changed\"", StringComparison.Ordinal)) + 1;
            changes.Add(next);
        }

        return changes;
    }

    private void Write(string text) => File.WriteAllText(_folder["node.json"], text);

    private Child Run(string name, params string[] more) =>
        Child.Start(["run", "--json", "--open", "--listen", "127.0.0.1:0", "--data", _folder[name], .. more]);

    private Task<(int ExitCode, string Output, string Error)> OnAliceAsync(params string[] args) =>
        Child.RunAsync([.. args, "--data", _folder["alice"]]);
}
