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
