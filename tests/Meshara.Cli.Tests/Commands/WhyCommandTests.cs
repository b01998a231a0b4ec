using System.Text.Json;
using Meshara.Cli.Commands;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

public sealed class WhyCommandTests
{
    [Fact]
    public async Task Why_ReachableAddress_TellsEachStepAndIsDone()
    {
        await using CommandBed bed = new();
        await bed.StartAsync("alice");
        Node bob = await bed.StartAsync("bob");
        TestTerminal text = new(), json = new();

        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", text, "why", bob.Addresses[0].ToString()));
        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", json, "why", bob.Addresses[0].HostAndPort, "--json"));

        Assert.Contains($"  ok      pin     {bob.Id} answered, as expected.", text.Text, StringComparison.Ordinal);
        Assert.Contains("  reachable, ", text.Text, StringComparison.Ordinal);
        JsonElement line = Child.Parse(json.Json);
        Assert.True(line.GetProperty("reachable").GetBoolean());
        Assert.True(line.GetProperty("running").GetBoolean());
        JsonElement dial = Assert.Single(line.GetProperty("dials").EnumerateArray());
        Assert.Equal((bob.Id.ToString(), "test"), (dial.GetProperty("answered").GetString(), dial.GetProperty("remote_mesh").GetString()));
        Assert.Equal(
            ["known", "tcp", "tls", "pin", "hello", "limit", "link"],
            dial.GetProperty("steps").EnumerateArray().Select(s => s.GetProperty("step").GetString()));
        Assert.Empty(bob.ListPeers());
    }

    [Fact]
    public async Task Why_NotAdmitted_FailsWithTheCommandForTheOtherMachine()
    {
        await using CommandBed bed = new();
        Node alice = await bed.StartAsync("alice");
        Node bob = await bed.StartAsync("bob", o => o with { Admission = Admission.KnownPeers });
        TestTerminal text = new();

        Assert.Equal(ExitCode.Failed, await bed.RunAsync("alice", text, "why", bob.Addresses[0].ToString()));

        Assert.Contains("  FAILED  hello   ", text.Text, StringComparison.Ordinal);
        Assert.Contains($"To do: On that machine run: meshara trust add {alice.PublicKey}", text.Text, StringComparison.Ordinal);
        Assert.Contains("  not reachable: it fails at hello", text.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Why_Id_TriesAllKnownAddressesOfThatPeer()
    {
        await using CommandBed bed = new();
        (Node alice, Node bob) = await bed.StartPairAsync();
        TestTerminal known = new(), unknown = new();

        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", known, "why", bob.Id.ToString()[..8], "--json"));
        Assert.Equal(ExitCode.Failed, await bed.RunAsync("alice", unknown, "why", new string('a', 64)));

        JsonElement dial = Assert.Single(Child.Parse(known.Json).GetProperty("dials").EnumerateArray());
        Assert.Equal(bob.Addresses[0].ToString(), dial.GetProperty("address").GetString());
        Assert.Contains("No address of aaaa", unknown.Error, StringComparison.Ordinal);
        Assert.Contains($"meshara why --data {Hints.Quote(bed.DirectoryOf("alice"))} aaaa", unknown.Error, StringComparison.Ordinal);
        Assert.Single(alice.ListPeers());
    }

    [Fact]
    public async Task Why_NoNodeRuns_DialsItselfTakesTheirMeshAndSaysWhatItCannotSee()
    {
        using TempFolder folder = new();
        await using Node bob = await Node.StartAsync(new NodeOptions { Mesh = "theirs", Admission = Admission.Open, Listen = ["127.0.0.1:0"] });
        TestTerminal text = new(), wrong = new();

        Assert.Equal(ExitCode.Done, await text.RunAsync("why", bob.Addresses[0].HostAndPort, "--data", folder["none"]));
        Assert.Equal(ExitCode.Failed, await wrong.RunAsync("why", bob.Addresses[0].HostAndPort, "--data", folder["none"], "--mesh", "mine"));

        Assert.Contains("no node runs on", text.Error, StringComparison.Ordinal);
        Assert.Contains("is not seen", text.Error, StringComparison.Ordinal);
        Assert.Contains("mesh 'theirs'", text.Text, StringComparison.Ordinal);
        Assert.Contains("belongs to the mesh 'theirs', this node to 'mine'", wrong.Text, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder["none"]));
    }

    // That key is gone when the command ends: to trust it would admit nobody.
    [Theory]
    [InlineData(false, false, "If that mesh has a secret, give it with --secret-file and its name with --mesh")]
    [InlineData(true, false, "Give --mesh too: without it the secret is not proven")]
    [InlineData(true, true, "Compare the secret with the one there")]
    public async Task Why_ThrowAwayKeyNotAdmitted_AdvisesToStartTheNodeAndPrintsNoKey(bool secret, bool mesh, string advice)
    {
        using TempFolder folder = new();
        await using Node bob = await Node.StartAsync(new NodeOptions { Mesh = "test", Admission = Admission.KnownPeers, Listen = ["127.0.0.1:0"], DataDirectory = folder["bob"] });
        string file = folder["secret"];
        await File.WriteAllTextAsync(file, "a secret that is long enough\n", TestContext.Current.CancellationToken);
        Mode.Set(file, Mode.File);
        string[] given = [.. secret ? (string[])["--secret-file", file] : [], .. mesh ? (string[])["--mesh", "test"] : []];
        TestTerminal text = new(), json = new();

        Assert.Equal(ExitCode.Failed, await text.RunAsync(["why", bob.Addresses[0].HostAndPort, "--data", folder["none"], .. given]));
        Assert.Equal(ExitCode.Failed, await json.RunAsync(["why", bob.Addresses[0].HostAndPort, "--data", folder["none"], "--json", .. given]));

        Assert.Contains("  FAILED  hello   ", text.Text, StringComparison.Ordinal);
        Assert.Contains("does not admit this node. It says: ", text.Text, StringComparison.Ordinal);
        Assert.Contains($"To do: {advice}; else start the node here", text.Text, StringComparison.Ordinal);
        Assert.Contains("ask again: the other side judged a key that was made for this question and that nobody keeps.", text.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("trust add", text.Text + json.Json, StringComparison.Ordinal);
    }

    // With an identity of its own the key stays, and the advice too.
    [Fact]
    public async Task Why_NoNodeRunsAndNotAdmitted_NamesTheKeyOfTheIdentity()
    {
        using TempFolder folder = new();
        await using Node bob = await Node.StartAsync(new NodeOptions { Mesh = "test", Admission = Admission.KnownPeers, Listen = ["127.0.0.1:0"], DataDirectory = folder["bob"] });
        PublicKey alice;
        await using (Node node = await Node.StartAsync(new NodeOptions { Mesh = "test", Admission = Admission.Open, Listen = ["127.0.0.1:0"], DataDirectory = folder["alice"] }))
        {
            alice = node.PublicKey;
        }

        TestTerminal text = new();
        Assert.Equal(ExitCode.Failed, await text.RunAsync("why", bob.Addresses[0].HostAndPort, "--data", folder["alice"]));

        Assert.Contains($"To do: On that machine run: meshara trust add {alice}", text.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Why_NotAmongTheKnownPeersHere_NamesTheDirectoryInTheCommand()
    {
        await using CommandBed bed = new();
        await bed.StartAsync("alice", o => o with { Admission = Admission.KnownPeers });
        Node bob = await bed.StartAsync("bob");
        TestTerminal text = new();

        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", text, "why", bob.Addresses[0].HostAndPort));

        Assert.Contains($"'meshara add --data {Hints.Quote(bed.DirectoryOf("alice"))} {bob.Addresses[0].HostAndPort}' makes it one.", text.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("full")]
    [InlineData("rate-limited")]
    [InlineData("banned")]
    public void Advise_RefusedForAnotherReason_PrintsNoKey(string code)
    {
        StepLine refused = new("limit", "failed", "The node at a:1 has no place.") { Code = code, ByPeer = true, RetryAfter = 3, Advice = "name this node there: meshara trust add 3059" };

        StepLine step = Assert.Single(ThrowAwayKey.Advise(new DialLine("a:1", Reachable: false, [refused]), hasSecret: false, hasMesh: false).Steps);

        Assert.DoesNotContain("3059", step.Advice, StringComparison.Ordinal);
        Assert.Contains("ask again", step.Advice, StringComparison.Ordinal);
        Assert.Equal(code != "banned", step.Advice!.StartsWith("Again in 3 s or later; ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Why_EncryptedIdentityOfOtherMesh_ReadsThePassphraseOnce()
    {
        using TempFolder folder = new();
        await using Node bob = await Node.StartAsync(new NodeOptions { Mesh = "theirs", Admission = Admission.Open, Listen = ["127.0.0.1:0"] });
        NodeId alice = await EncryptedAsync(folder["alice"]);
        int asked = 0;
        TestTerminal text = new(askSecret: _ => { asked++; return "a passphrase"; });

        Assert.Equal(ExitCode.Done, await text.RunAsync("why", bob.Addresses[0].HostAndPort, "--data", folder["alice"]));

        Assert.Contains("mesh 'theirs'", text.Text, StringComparison.Ordinal);
        Assert.NotEqual(bob.Id, alice);
        Assert.Equal(1, asked);
    }

    [Fact]
    public async Task Why_PassphraseFromAPipe_ReadsItOnce()
    {
        using TempFolder folder = new();
        await using Node bob = await Node.StartAsync(new NodeOptions { Mesh = "theirs", Admission = Admission.Open, Listen = ["127.0.0.1:0"] });
        await EncryptedAsync(folder["alice"]);
        string pipe = await Fifo.MakeAsync(folder["pipe"]);
        TestTerminal text = new();

        Task<int> why = text.RunAsync("why", bob.Addresses[0].HostAndPort, "--data", folder["alice"], "--passphrase-file", pipe);
        await Task.Run(() => File.WriteAllText(pipe, "a passphrase\n")).WaitAsync(CommandBed.Guard);

        Assert.True(await why.WaitAsync(CommandBed.Guard) == ExitCode.Done, text.Error);
    }

    // It has the directory and no control socket.
    [Fact]
    public async Task WhyAndDoctor_NodeThatDoesNotAnswer_DoNotSayThatNoneRuns()
    {
        using TempFolder folder = new();
        await using Node silent = await Node.StartAsync(new NodeOptions { Mesh = "test", Admission = Admission.Open, DataDirectory = folder["silent"], Listen = ["127.0.0.1:0"] });
        await using Node bob = await Node.StartAsync(new NodeOptions { Mesh = "test", Admission = Admission.Open, Listen = ["127.0.0.1:0"] });
        TestTerminal why = new(), doctor = new();

        Assert.Equal(ExitCode.Done, await why.RunAsync("why", bob.Addresses[0].HostAndPort, "--data", folder["silent"]));
        await doctor.RunAsync("doctor", "--data", folder["silent"]);

        string inUse = $"in use by process {Environment.ProcessId} ";
        Assert.Contains(inUse, why.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("no node runs", why.Error, StringComparison.OrdinalIgnoreCase);
        Assert.Contains(inUse, doctor.Text, StringComparison.Ordinal);
        Assert.Contains("whose control socket does not answer", doctor.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("no node runs", doctor.Text, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("meshara run --data", doctor.Text, StringComparison.Ordinal);
    }

    // As `meshara id` makes it where a passphrase is given.
    private static async Task<NodeId> EncryptedAsync(string data)
    {
        await using Node node = await Node.StartAsync(new NodeOptions { Mesh = "test", Admission = Admission.Open, DataDirectory = data, IdentityPassphrase = "a passphrase", Listen = ["127.0.0.1:0"] });
        return node.Id;
    }

    [Theory]
    [InlineData("1234")]
    [InlineData("1234567")]
    public async Task Why_TooFewDigitsOfAnId_SaysHowManyItNeeds(string target)
    {
        using TempFolder folder = new();
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Usage, await terminal.RunAsync("why", target, "--data", folder.Path));

        Assert.Contains($"'{target}' is too short for a node id: the first 8 of its 64 digits suffice", terminal.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("IPv4", terminal.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("host:99999")]
    [InlineData("deadbee")]
    public async Task Why_NoAddress_IsWrongUsageOrAName(string target)
    {
        using TempFolder folder = new();
        TestTerminal terminal = new();

        int exit = await terminal.RunAsync("why", target, "--data", folder.Path);

        // Seven hex digits are a host name as good as any.
        Assert.Equal(target == "deadbee" ? ExitCode.Failed : ExitCode.Usage, exit);
    }
}
