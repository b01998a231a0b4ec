using System.Diagnostics;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

public sealed class CompletionCommandTests
{
    [Theory]
    [InlineData("pi", "ping pipe")]
    [InlineData("trust a", "add")]
    [InlineData("run --l", "--listen --log")]
    [InlineData("run --log ", "critical debug error info none trace warning")]
    [InlineData("run --log w", "warning")]
    [InlineData("run --preset ", "bridge minimal standard")]
    [InlineData("run --t", "--target-peers --trusted-range")]
    [InlineData("peers --e", "--explain")]
    [InlineData("completion ", "bash fish zsh")]
    [InlineData("nonsense ", "")]
    [InlineData("comple", "completion")]
    public async Task Complete_Words_WhatCanStandThere(string words, string expected)
    {
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Done, await terminal.RunAsync(["complete", "--", .. words.Split(' ')]));

        Assert.Equal(expected, string.Join(' ', terminal.Text.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries)));
        Assert.Equal("", terminal.Error);
    }

    [Fact]
    public async Task Complete_Id_IsThatOfALinkedPeer()
    {
        await using CommandBed bed = new();
        (_, Node bob) = await bed.StartPairAsync();
        foreach (string[] words in (string[][])[["ping", ""], ["send", bob.Id.ToString()[..5]], ["pipe", "--protocol", "x/1", ""], ["peers", "--explain", ""]])
        {
            TestTerminal terminal = new();
            await App.RunAsync(["complete", "--", words[0], "--data", bed.DirectoryOf("alice"), .. words[1..]], terminal.Terminal);
            Assert.Equal(bob.Id.ToString(), terminal.Text.Trim());
        }

        TestTerminal other = new();
        await App.RunAsync(["complete", "--", "ping", "--data", bed.DirectoryOf("nobody"), ""], other.Terminal);
        Assert.Equal("", other.Text + other.Error);
    }

    [Theory]
    [InlineData("meshara pi", "ping pipe")]
    [InlineData("meshara run --log de", "debug")]
    [InlineData("meshara completion ", "bash fish zsh")]
    public async Task Completion_Bash_CompletesInBash(string line, string expected)
    {
        Assert.SkipUnless(File.Exists("/bin/bash"), "There is no bash here.");
        TestTerminal terminal = new();
        Assert.Equal(ExitCode.Done, await terminal.RunAsync("completion", "bash"));
        string words = string.Join(' ', line.Split(' ').Select(static word => $"'{word}'"));
        string script = $$"""
            meshara() { "$DOTNET" "$DLL" "$@"; }
            {{terminal.Text}}
            COMP_WORDS=({{words}}); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            complete -p meshara >/dev/null || exit 3
            _meshara meshara "${COMP_WORDS[COMP_CWORD]}"
            echo "${COMPREPLY[*]}"
            """;
        ProcessStartInfo start = new("/bin/bash", ["--norc", "-c", script]) { UseShellExecute = false, RedirectStandardOutput = true };
        Child.Quieten(start);
        start.Environment["DOTNET"] = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        start.Environment["DLL"] = Path.Combine(AppContext.BaseDirectory, "Meshara.Cli.dll");
        using Process bash = Process.Start(start)!;

        string output = await bash.StandardOutput.ReadToEndAsync().WaitAsync(CommandBed.Guard);
        await bash.WaitForExitAsync().WaitAsync(CommandBed.Guard);

        Assert.Equal((0, expected), (bash.ExitCode, output.Trim()));
    }

    [Theory]
    [InlineData("zsh", "compdef")]
    [InlineData("fish", "commandline")]
    public async Task Completion_OtherShells_PrintTheirScript(string shell, string contains)
    {
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Done, await terminal.RunAsync("completion", shell));
        Assert.Contains(contains, terminal.Text, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, await terminal.RunAsync("completion", "cmd"));
    }
}
