using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

/// <summary>The built command in processes of its own: what a user does with two machines, on one.</summary>
[Collection(nameof(Child))]
public sealed class RunProcessTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Run_TwoProcesses_LinkTalkAndSayGoodbye()
    {
        await using Child alice = Run("alice");
        await using Child bob = Run("bob");
        JsonElement atAlice = await alice.EventAsync("listening");
        JsonElement atBob = await bob.EventAsync("listening");
        string aliceId = atAlice.GetProperty("node_id").GetString()!;
        string bobId = atBob.GetProperty("node_id").GetString()!;
        string bobAddress = atBob.GetProperty("address").GetString()!;
        Assert.StartsWith($"{bobId}@127.0.0.1:", bobAddress, StringComparison.Ordinal);

        // Bob does not know Alice, and says with which command that is mended.
        (int exitCode, string output, string error) = await OnAsync("alice", "add", bobAddress);
        Assert.Equal((1, ""), (exitCode, output));
        string aliceKey = atAlice.GetProperty("public_key").GetString()!;
        Assert.Contains($"meshara trust add {aliceKey}", error, StringComparison.Ordinal);
        JsonElement refused = await bob.EventAsync("refused");
        Assert.Equal("not-admitted", refused.GetProperty("reason").GetString());
        Assert.Equal(0, (await OnAsync("bob", "trust", "add", aliceKey)).ExitCode);

        (exitCode, output, error) = await OnAsync("alice", "add", bobAddress, "--pubkey", atBob.GetProperty("public_key").GetString()!);
        Assert.Equal((0, bobId, ""), (exitCode, output, error));
        JsonElement connected = await bob.EventAsync("peer-connected");
        Assert.Equal(aliceId, connected.GetProperty("peer").GetString());
        Assert.True(connected.GetProperty("inbound").GetBoolean());
        Assert.False((await alice.EventAsync("peer-connected")).GetProperty("inbound").GetBoolean());

        Assert.Equal(0, (await OnAsync("alice", "send", bobId, "Grüße\n[x]")).ExitCode);
        JsonElement message = await bob.EventAsync("message");
        Assert.Equal(aliceId, message.GetProperty("peer").GetString());
        Assert.Equal("chat/1", message.GetProperty("protocol").GetString());
        Assert.Equal("Grüße\n[x]", message.GetProperty("text").GetString());
        (exitCode, output, _) = await OnAsync("bob", "send", aliceId[..8], "@back", "--protocol", "other/2", "--json");
        Assert.Equal(0, exitCode);
        Assert.Equal(aliceId, Child.Parse(output).GetProperty("peer").GetString());
        message = await alice.EventAsync("message");
        Assert.Equal(("other/2", "@back"), (message.GetProperty("protocol").GetString(), message.GetProperty("text").GetString()));

        await bob.SignalAsync("TERM");
        Assert.Equal(0, await bob.ExitAsync());
        JsonElement gone = await alice.EventAsync("peer-disconnected");
        Assert.Equal(("remote-shutdown", bobId), (gone.GetProperty("reason").GetString(), gone.GetProperty("peer").GetString()));
        await alice.SignalAsync("INT");
        Assert.Equal(0, await alice.ExitAsync());
        Assert.All((Child[])[alice, bob], child =>
        {
            Assert.Equal("", child.AllError());
            Assert.All(child.Output.ToArray(), AssertIsEvent);
        });
        Assert.False(File.Exists(Path.Combine(_folder["alice"], "control.sock")));
    }

    [Fact]
    public async Task Run_InfoPeersAndRemove_SayWhatIs()
    {
        await using Child alice = Run("alice", "--open");
        string address = (await alice.EventAsync("listening")).GetProperty("address").GetString()!;
        await using Child bob = Run("bob", "--peer", address);
        JsonElement atBob = await bob.EventAsync("listening");
        string bobId = atBob.GetProperty("node_id").GetString()!;
        await alice.EventAsync("peer-connected");

        JsonElement info = Child.Parse((await OnAsync("alice", "info", "--json")).Output);
        Assert.Equal(address, Assert.Single(info.GetProperty("addresses").EnumerateArray()).GetString());
        Assert.Equal(address[..64], info.GetProperty("node_id").GetString());
        Assert.Equal(("default", "open", "running"), (info.GetProperty("mesh").GetString(), info.GetProperty("admission").GetString(), info.GetProperty("state").GetString()));
        Assert.Equal(1, info.GetProperty("peers").GetInt32());
        Assert.Equal(alice.Id, info.GetProperty("process_id").GetInt32());
        Assert.Equal((1, 32), (info.GetProperty("protocol_version").GetInt32(), info.GetProperty("limits").GetProperty("max_peers").GetInt32()));
        Assert.Equal((1 << 20, 30.0), (info.GetProperty("limits").GetProperty("max_message").GetInt32(), info.GetProperty("timeouts").GetProperty("request").GetDouble()));
        string text = (await OnAsync("alice", "info")).Output;
        Assert.Contains(address, text, StringComparison.Ordinal);
        Assert.Contains("1 linked: 0 static, 1 mesh (0 out, 1 in), 0 passing", text, StringComparison.Ordinal);

        JsonElement peer = Assert.Single(Child.Parse((await OnAsync("alice", "peers", "--json")).Output).GetProperty("peers").EnumerateArray());
        Assert.Equal(bobId, peer.GetProperty("peer").GetString());
        Assert.True(peer.GetProperty("inbound").GetBoolean());
        Assert.Contains(bobId[..16], (await OnAsync("alice", "peers")).Output, StringComparison.Ordinal);

        // Bob named Alice, so he removes her; she has nobody stored and would be dialled again.
        Assert.Equal(0, (await OnAsync("bob", "remove", address[..64])).ExitCode);
        Assert.Equal("remote-removed", (await alice.EventAsync("peer-disconnected")).GetProperty("reason").GetString());
        Assert.Equal("no peers", (await OnAsync("bob", "peers")).Output);
        (int exitCode, _, string error) = await OnAsync("bob", "remove", address[..64]);
        Assert.Equal(1, exitCode);
        Assert.Contains("nothing to remove", error, StringComparison.Ordinal);
        (exitCode, _, error) = await OnAsync("bob", "send", address[..64], "anybody there?");
        Assert.Equal(1, exitCode);
        Assert.Single(error.Split('\n'));
    }

    [Fact]
    public async Task Run_SameSecret_LinksStrangers_AndAnotherSecretDoesNot()
    {
        foreach ((string name, string secret) in ((string, string)[])[("one", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"), ("two", "00000000000000000000000000000000")])
        {
            await File.WriteAllTextAsync(_folder[name], secret + "\n");
            Mode.Set(_folder[name], Mode.File);
        }

        await using Child alice = Run("alice", "--secret-file", _folder["one"]);
        string address = (await alice.EventAsync("listening")).GetProperty("address").GetString()!;
        await using Child bob = Run("bob", "--secret-file", _folder["one"], "--peer", address);
        Assert.Equal((await bob.EventAsync("listening")).GetProperty("node_id").GetString(), (await alice.EventAsync("peer-connected")).GetProperty("peer").GetString());
        await using Child mallory = Run("mallory", "--secret-file", _folder["two"], "--peer", address);

        Assert.Equal("not-admitted", (await alice.EventAsync("refused")).GetProperty("reason").GetString());
        await mallory.EventAsync("refused");
        (int exitCode, _, string error) = await OnAsync("mallory", "add", address[65..]);
        Assert.Equal(1, exitCode);
        Assert.Contains("the same secret", Assert.Single(error.Split('\n')), StringComparison.Ordinal);
        Assert.Equal(1, Child.Parse((await OnAsync("alice", "info", "--json")).Output).GetProperty("peers").GetInt32());
    }

    [Fact]
    public async Task Run_SecondOnOneDataDirectory_IsRefusedAndNamesTheHolder()
    {
        await using Child first = Run("node");
        await first.EventAsync("listening");

        (int exitCode, string output, string error) = await Child.RunAsync("run", "--json", "--listen", "127.0.0.1:0", "--data", _folder["node"]);

        Assert.Equal((1, ""), (exitCode, output));
        Assert.Single(error.Split('\n'));
        Assert.Contains(first.Id.ToString(CultureInfo.InvariantCulture), error, StringComparison.Ordinal);
        Assert.EndsWith("That is: meshara run --data DIR, and the same --data for every command to it.", error, StringComparison.Ordinal);
        Assert.Equal(0, (await OnAsync("node", "info")).ExitCode);
    }

    [Fact]
    public async Task Run_KilledAndStartedAgain_TakesItsSocketBack()
    {
        await using (Child killed = Run("node"))
        {
            await killed.EventAsync("listening");
        }

        Assert.Equal(1, (await OnAsync("node", "info")).ExitCode);
        await using Child again = Run("node");
        await again.EventAsync("listening");
        Assert.Equal(0, (await OnAsync("node", "info")).ExitCode);
    }

    [Fact]
    public async Task Run_ExplicitPortTaken_IsOneLineAndExitCode1()
    {
        await using Child first = Run("first");
        string address = (await first.EventAsync("listening")).GetProperty("address").GetString()!;

        (int exitCode, string output, string error) = await Child.RunAsync("run", "--json", "--listen", address[65..], "--data", _folder["second"]);

        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains(address[65..], Assert.Single(error.Split('\n')), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_EncryptedIdentity_TakesThePassphraseFromTheEnvironment()
    {
        Dictionary<string, string> environment = new() { ["MESHARA_PASSPHRASE"] = "correct horse" };
        string[] args = ["run", "--json", "--listen", "127.0.0.1:0", "--data", _folder["node"]];
        string id;
        await using (Child first = Child.Start(environment, args))
        {
            id = (await first.EventAsync("listening")).GetProperty("node_id").GetString()!;
        }

        await using (Child second = Child.Start(environment, args))
        {
            Assert.Equal(id, (await second.EventAsync("listening")).GetProperty("node_id").GetString());
        }

        (int exitCode, _, string error) = await Child.RunAsync(args);
        Assert.Equal(1, exitCode);
        Assert.Contains("MESHARA_PASSPHRASE", Assert.Single(error.Split('\n')), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_ForPeople_PrintsTheAddressToGiveToOthers()
    {
        await using Child node = Child.Start("run", "--listen", "127.0.0.1:0", "--data", _folder["node"]);
        using CancellationTokenSource guard = new(TimeSpan.FromSeconds(60), TimeProvider.System);

        string address = await node.Output.FirstAsync(line => line.Contains("@127.0.0.1:", StringComparison.Ordinal), 0, guard.Token);

        Assert.Equal(address.Trim(), PeerAddress.Parse(address).ToString());
        await node.SignalAsync("TERM");
        Assert.Equal(0, await node.ExitAsync());
    }

    [Fact]
    public async Task Run_Log_LinesOnStandardErrorWithTimeLevelAndEventId()
    {
        await using Child node = Child.Start("run", "--json", "--listen", "127.0.0.1:0", "--data", _folder["node"], "--log", "info");
        await node.EventAsync("listening");
        await node.SignalAsync("TERM");
        Assert.Equal(0, await node.ExitAsync());

        Assert.Matches(@"^meshara: \d\d:\d\d:\d\d\.\d\d\d info Meshara\[1000\]: Node ", node.Error.ToArray().First(static line => line.Contains("[1000]", StringComparison.Ordinal)));
        Assert.Contains("info Meshara[4903]: The peer store held 0 peers", node.AllError(), StringComparison.Ordinal);
        Assert.Contains("info Meshara[1001]: ", node.AllError(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_ReaderOfTheOutputIsGone_EndsAlthoughNothingHappens()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows() || !File.Exists("/bin/bash"), "Needs bash.");
        string script = "\"$DOTNET\" \"$DLL\" run --json --listen 127.0.0.1:0 --data \"$DATA\" | head -1 | cut -c1-21; echo ${PIPESTATUS[0]}";
        ProcessStartInfo start = new("/bin/bash", ["--norc", "-c", script]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET"] = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        Child.Quieten(start);
        start.Environment["DLL"] = Path.Combine(AppContext.BaseDirectory, "Meshara.Cli.dll");
        start.Environment["DATA"] = _folder["node"];
        using Process bash = Process.Start(start)!;

        string output = await bash.StandardOutput.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(60));
        await bash.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));

        Assert.Equal("{\"event\":\"listening\",", output.Split('\n')[0]);
        Assert.Equal("1", output.Split('\n')[1]);
        Assert.False(File.Exists(Path.Combine(_folder["node"], "control.sock")));
    }

    private static void AssertIsEvent(string line)
    {
        JsonElement parsed = Child.Parse(line);
        Assert.Matches("^[a-z-]+$", parsed.GetProperty("event").GetString());
        Assert.True(DateTimeOffset.TryParseExact(
            parsed.GetProperty("time").GetString(), "yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out _));
    }

    private Child Run(string name, params string[] more) =>
        Child.Start(["run", "--json", "--listen", "127.0.0.1:0", "--data", _folder[name], .. more]);

    private Task<(int ExitCode, string Output, string Error)> OnAsync(string name, params string[] args) =>
        Child.RunAsync([.. args, "--data", _folder[name]]);
}
