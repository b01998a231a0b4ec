using System.Diagnostics;
using Meshara.Cli.Service;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Service;

public sealed class ServiceTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly List<string> _told = [];
    private readonly List<string> _called = [];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Format_SystemUnit_HasAUserOfItsOwnAndHandsTheSecretOver()
    {
        string unit = Unit("--mesh", "gpu 100%", "--secret-file", "/etc/meshara.secret").Format();

        Assert.Contains("ExecStart=/usr/bin/meshara run --data %S/meshara --mesh \"gpu 100%%\" --secret-file %d/secret-file\n", unit, StringComparison.Ordinal);
        Assert.Contains("LoadCredential=secret-file:/etc/meshara.secret\n", unit, StringComparison.Ordinal);
        Assert.Contains("DynamicUser=yes\nStateDirectory=meshara\n", unit, StringComparison.Ordinal);
        Assert.Contains("WantedBy=multi-user.target", unit, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Install_LimitsOfTheMesh_AreInTheUnit()
    {
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Done, await terminal.RunAsync(
            "service", "install", "--user", "--dry-run", "--", "--open", "--preset", "bridge", "--max-peers=100", "--bootstrap", "192.0.2.1:4040", "--bootstrap", "[2001:db8::1]:4040", "--trusted-range", "10.0.0.0/8"));

        Assert.Contains(" --open --preset bridge --max-peers 100 --bootstrap 192.0.2.1:4040 --bootstrap [2001:db8::1]:4040 --trusted-range 10.0.0.0/8\n", terminal.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Format_UserUnit_KeepsTheUsersDirectoryAndFiles()
    {
        string unit = (Unit("--secret-file", "/srv/u/s") with { DataDirectory = "/srv/u/my data" }).Format();

        Assert.Contains("ExecStart=/usr/bin/meshara run --data \"/srv/u/my data\" --secret-file /srv/u/s\n", unit, StringComparison.Ordinal);
        Assert.DoesNotContain("DynamicUser", unit, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("", "\"\"")]
    [InlineData("a b", "\"a b\"")]
    [InlineData("50%", "50%%")]
    [InlineData("$HOME", "$$HOME")]
    [InlineData("a\"b\\c", "\"a\\\"b\\\\c\"")]
    public void Escape_Word_HasNoMeaningForSystemd(string word, string expected) => Assert.Equal(expected, ServiceUnit.Escape(word));

    [Fact]
    public async Task Format_SystemdAnalyze_FindsNothingWrongAndLittleExposed()
    {
        const string Tool = "/usr/bin/systemd-analyze";
        Assert.SkipUnless(File.Exists(Tool), "systemd-analyze is not installed");
        string path = _folder["meshara.service"];
        await File.WriteAllTextAsync(path, (Unit("--open") with { Program = ["/bin/true"] }).Format());

        (int code, string output) = await RunAsync(Tool, "verify", "--man=no", path);
        Assert.Equal((0, ""), (code, output));

        // 0 is closed, 10 open; a service without hardening has 9.6.
        (code, output) = await RunAsync(Tool, "security", "--offline=yes", "--threshold=25", "--no-pager", path);
        Assert.True(code == 0, output);
    }

    [Fact]
    public async Task Install_ThenUninstall_SaysWhatItDid()
    {
        ServiceInstaller installer = Installer();

        await installer.InstallAsync(Unit(), start: true);
        Assert.Equal(["daemon-reload", "enable --now meshara.service"], _called);
        Assert.Equal(Unit().Format(), await File.ReadAllTextAsync(_folder["meshara.service"]));
        Assert.Contains($"wrote    {_folder["meshara.service"]}", _told);

        await installer.InstallAsync(Unit("--open"), start: true);
        Assert.Contains("--open", await File.ReadAllTextAsync(_folder["meshara.service"]), StringComparison.Ordinal);

        await installer.UninstallAsync("meshara");
        Assert.False(File.Exists(_folder["meshara.service"]));
        await Assert.ThrowsAsync<CliException>(() => installer.UninstallAsync("meshara"));
    }

    [Fact]
    public async Task Install_FileOfSomebodyElse_IsLeft()
    {
        await File.WriteAllTextAsync(_folder["meshara.service"], "[Unit]\n");

        CliException e = await Assert.ThrowsAsync<CliException>(() => Installer().InstallAsync(Unit(), start: true));
        Assert.Contains("--name", e.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<CliException>(() => Installer().UninstallAsync("meshara"));
        Assert.Equal("[Unit]\n", await File.ReadAllTextAsync(_folder["meshara.service"]));
    }

    [Fact]
    public async Task Install_SystemctlFails_IsAnError()
    {
        ServiceInstaller installer = new(_folder.Path, _ => Task.FromResult(5), _told.Add);

        Assert.Contains("exit code 5", (await Assert.ThrowsAsync<CliException>(() => installer.InstallAsync(Unit(), start: true))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--nonsense", "--nonsense")]
    [InlineData("--data x", "--data")]
    [InlineData("--listen nonsense:99999", "--listen")]
    public async Task InstallCommand_OptionsThatRunWouldNotTake_AreAnError(string options, string names)
    {
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Usage, await terminal.RunAsync(["service", "install", "--user", "--dry-run", "--", .. options.Split(' ')]));
        Assert.Contains(names, terminal.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task InstallCommand_DryRun_PrintsTheUnit()
    {
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Done, await terminal.RunAsync("service", "install", "--user", "--dry-run", "--", "--open", "--mesh=gpu"));
        Assert.Contains(" run --data ", terminal.Text, StringComparison.Ordinal);
        Assert.Contains(" --open --mesh gpu", terminal.Text, StringComparison.Ordinal);
    }

    private static ServiceUnit Unit(params string[] arguments) => new() { Name = "meshara", Program = ["/usr/bin/meshara"], Arguments = arguments };

    private ServiceInstaller Installer() => new(_folder.Path, args =>
    {
        _called.Add(string.Join(' ', args));
        return Task.FromResult(0);
    }, _told.Add);

    private static async Task<(int Code, string Output)> RunAsync(string program, params string[] args)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, args) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        return (process.ExitCode, await output + await error);
    }
}
