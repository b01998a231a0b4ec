using System.Text.Json;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

public sealed class IdCommandTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Id_NoIdentity_MakesOneAndShowsItAgain()
    {
        TestTerminal first = new(), second = new();

        Assert.Equal(ExitCode.Done, await first.RunAsync("id", "--json", "--data", _folder["node"]));
        Assert.Equal(ExitCode.Done, await second.RunAsync("id", "--json", "--data", _folder["node"]));

        Assert.Equal(first.Json, second.Json);
        JsonElement line = Child.Parse(first.Json);
        PublicKey key = PublicKey.Parse(line.GetProperty("public_key").GetString()!);
        Assert.Equal(key.Id.ToString(), line.GetProperty("node_id").GetString());
        Assert.Equal(["node_id", "public_key"], line.EnumerateObject().Select(property => property.Name));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(Mode.Directory, Mode.Of(_folder["node"]));
            Assert.Equal(Mode.File, Mode.Of(Path.Combine(_folder["node"], "identity.pem")));
        }
    }

    [Fact]
    public async Task Id_ForPeople_ShowsIdAndKey()
    {
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Done, await terminal.RunAsync("id", "--data", _folder["node"]));

        using NodeIdentity identity = NodeIdentity.Load(Path.Combine(_folder["node"], "identity.pem"));
        Assert.Contains(identity.Id.ToString(), terminal.Text, StringComparison.Ordinal);
        Assert.Contains(identity.PublicKey.ToString(), terminal.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rotate_NoNodeRuns_ShowsBothIdsAndTheNextStartHasTheNew()
    {
        JsonElement before = await JsonAsync("id", "--json");

        JsonElement line = await JsonAsync("id", "--rotate", "--overlap", "0.5", "--json");

        Assert.Equal(before.GetProperty("node_id").GetString(), line.GetProperty("old_id").GetString());
        Assert.Equal((43200, false), (line.GetProperty("overlap_seconds").GetDouble(), line.GetProperty("restart_needed").GetBoolean()));
        JsonElement after = await JsonAsync("id", "--json");
        Assert.Equal(after.GetProperty("public_key").GetString(), line.GetProperty("public_key").GetString());
        using NodeIdentity identity = NodeIdentity.Load(Path.Combine(_folder["node"], "identity.pem"));
        Assert.Equal(line.GetProperty("old_id").GetString(), Assert.Single(identity.Predecessors).ToString());
    }

    [Theory]
    [InlineData("30", "accept the old one for 30 days")]
    [InlineData("0", "meshara trust replace")]
    public async Task Rotate_ForPeople_SaysWhatHappensToTheOldKey(string overlap, string says)
    {
        string old = (await JsonAsync("id", "--json")).GetProperty("node_id").GetString()!;
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Done, await terminal.RunAsync("id", "--rotate", "--overlap", overlap, "--data", _folder["node"]));

        Assert.Contains(old, terminal.Text, StringComparison.Ordinal);
        Assert.Contains(says, terminal.Text, StringComparison.Ordinal);
        Assert.Contains("next start", terminal.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rotate_NoIdentity_IsAnErrorAndMakesNone()
    {
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Failed, await terminal.RunAsync("id", "--rotate", "--data", _folder["node"]));
        Assert.False(File.Exists(Path.Combine(_folder["node"], "identity.pem")));
    }

    [Theory]
    [InlineData("id", "--overlap", "3")]
    [InlineData("id", "--rotate", "--overlap", "31")]
    [InlineData("id", "--rotate", "--overlap", "-1")]
    [InlineData("id", "--rotate", "--overlap", "NaN")]
    [InlineData("id", "--rotate", "--overlap", "")]
    public async Task Rotate_WrongUsage_IsSaidAndNothingChanges(params string[] args)
    {
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Usage, await terminal.RunAsync([.. args, "--data", _folder["node"]]));
        Assert.False(Directory.Exists(_folder["node"]));
    }

    [Fact]
    public async Task Rotate_NodeRuns_TakesEffectAtItsNextStartAndItsPeerSaysSo()
    {
        string[] run = ["run", "--json", "--open", "--listen", "127.0.0.1:0", "--data"];
        await using Child peer = Child.Start([.. run, _folder["peer"]]);
        string address = (await peer.EventAsync("listening")).GetProperty("address").GetString()!;
        string old;
        JsonElement line;
        await using (Child node = Child.Start([.. run, _folder["node"]]))
        {
            old = (await node.EventAsync("listening")).GetProperty("node_id").GetString()!;
            string nodeAddress = (await Child.RunAsync("info", "--json", "--data", _folder["node"])).Output;
            string own = Child.Parse(nodeAddress).GetProperty("addresses")[0].GetString()!;
            Assert.Equal(0, (await Child.RunAsync("add", own, "--data", _folder["peer"])).ExitCode);
            Assert.Equal(0, (await Child.RunAsync("add", address, "--data", _folder["node"])).ExitCode);

            line = await JsonAsync("id", "--rotate", "--json");
            Assert.Equal((old, true), (line.GetProperty("old_id").GetString(), line.GetProperty("restart_needed").GetBoolean()));
            await ShowBothAsync(old, line.GetProperty("node_id").GetString()!);
            TestTerminal again = new();
            Assert.Equal(ExitCode.Failed, await again.RunAsync("id", "--rotate", "--data", _folder["node"]));
            Assert.Contains("Restart it", again.Error, StringComparison.Ordinal);
            await node.SignalAsync("TERM");
            Assert.Equal(0, await node.ExitAsync());
        }

        await using Child restarted = Child.Start([.. run, _folder["node"]]);
        Assert.Equal(line.GetProperty("node_id").GetString(), (await restarted.EventAsync("listening")).GetProperty("node_id").GetString());
        JsonElement told = await peer.EventAsync("peer-key-succeeded");
        Assert.Equal((line.GetProperty("node_id").GetString(), old), (told.GetProperty("peer").GetString(), told.GetProperty("old_peer").GetString()));
    }

    // Between the rotation and the next start each of the two commands says what the other shows.
    private async Task ShowBothAsync(string old, string renewed)
    {
        JsonElement id = await JsonAsync("id", "--json");
        Assert.Equal((renewed, old), (id.GetProperty("node_id").GetString(), id.GetProperty("running_node_id").GetString()));
        JsonElement info = await JsonAsync("info", "--json");
        Assert.Equal((old, renewed), (info.GetProperty("node_id").GetString(), info.GetProperty("next_node_id").GetString()));
        TestTerminal forPeople = new();
        Assert.Equal(ExitCode.Done, await forPeople.RunAsync("id", "--data", _folder["node"]));
        Assert.Contains($"The running node still uses {old} until its next start.", forPeople.Text, StringComparison.Ordinal);
        forPeople = new TestTerminal();
        Assert.Equal(ExitCode.Done, await forPeople.RunAsync("info", "--data", _folder["node"]));
        Assert.Contains($"next id     {renewed}", forPeople.Text, StringComparison.Ordinal);
        forPeople = new TestTerminal();
        Assert.Equal(ExitCode.Failed, await forPeople.RunAsync("ping", renewed[..8], "--data", _folder["node"]));
        Assert.Contains($"{renewed} is this node itself", forPeople.Error, StringComparison.Ordinal);
    }

    private async Task<JsonElement> JsonAsync(params string[] args)
    {
        TestTerminal terminal = new();
        Assert.Equal(ExitCode.Done, await terminal.RunAsync([.. args, "--data", _folder["node"]]));
        return Child.Parse(terminal.Json);
    }

    [Fact]
    public async Task Id_BrokenIdentity_IsAnErrorAndTheFileIsLeft()
    {
        string path = Path.Combine(Directory.CreateDirectory(_folder["node"]).FullName, "identity.pem");
        await File.WriteAllTextAsync(path, "broken");
        Mode.Set(path, Mode.File);
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Failed, await terminal.RunAsync("id", "--data", _folder["node"]));
        Assert.Contains(path, Assert.Single(terminal.Error.TrimEnd().Split(Environment.NewLine)), StringComparison.Ordinal);
        Assert.Equal("broken", await File.ReadAllTextAsync(path));
    }

    [Fact]
    public async Task Id_EncryptedIdentity_NeedsItsPassphrase()
    {
        await File.WriteAllTextAsync(_folder["right"], "correct horse\n");
        await File.WriteAllTextAsync(_folder["wrong"], "battery staple\n");
        Mode.Set(_folder["right"], Mode.File);
        Mode.Set(_folder["wrong"], Mode.File);
        string[] id = ["id", "--json", "--data", _folder["node"]];
        TestTerminal made = new(), opened = new(), prompted = new(askSecret: _ => "correct horse"), without = new(), wrong = new();

        Assert.Equal(ExitCode.Done, await made.RunAsync([.. id, "--passphrase-file", _folder["right"]]));
        Assert.Equal(ExitCode.Done, await opened.RunAsync([.. id, "--passphrase-file", _folder["right"]]));
        Assert.Equal(ExitCode.Done, await prompted.RunAsync(id));
        Assert.Equal(ExitCode.Failed, await without.RunAsync(id));
        Assert.Equal(ExitCode.Failed, await wrong.RunAsync([.. id, "--passphrase-file", _folder["wrong"]]));

        Assert.Equal(made.Json, opened.Json);
        Assert.Equal(made.Json, prompted.Json);
        Assert.Contains("MESHARA_PASSPHRASE", without.Error, StringComparison.Ordinal);
        Assert.Equal("", without.Json + wrong.Json);
        Assert.DoesNotContain("battery", wrong.Error, StringComparison.Ordinal);
    }
}
