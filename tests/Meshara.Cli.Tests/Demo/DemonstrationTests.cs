using Meshara.Cli.Demo;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Demo;

[Collection(nameof(Child))]
public sealed class DemonstrationTests
{
    [Fact]
    public async Task Demo_AsAProcess_ShowsEverythingAndExitsWith0()
    {
        (int exitCode, string output, string error) = await Child.RunAsync("demo");

        Assert.Equal((0, ""), (exitCode, error));
        Assert.Equal(7, output.Split('\n').Count(line => line.StartsWith("ok  ", StringComparison.Ordinal)));
        string end = output[output.IndexOf("Shown:", StringComparison.Ordinal)..];
        Assert.Equal(7, end.Split('\n').Count(line => line.StartsWith("  - ", StringComparison.Ordinal)));
        Assert.Contains("pin-mismatch", end, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Demo_Cancelled_FailsAndLeavesNothing()
    {
        TestTerminal terminal = new();
        using CancellationTokenSource cancelled = new();
        await cancelled.CancelAsync();

        await Assert.ThrowsAsync<CliException>(() => new Demonstration(terminal.Terminal).RunAsync(cancelled.Token));

        Assert.DoesNotContain("Shown:", terminal.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Journal_EntryThatIsThereOrComes_IsFound()
    {
        Journal<int> journal = new();
        journal.Add(1);
        journal.Add(2);
        Task<int> later = journal.FirstAsync(static entry => entry > 1, 2, CancellationToken.None);

        Assert.Equal(2, await journal.FirstAsync(static entry => entry > 1, 0, CancellationToken.None));
        Assert.False(later.IsCompleted);
        journal.Add(0);
        journal.Add(3);
        Assert.Equal(3, await later.WaitAsync(TimeSpan.FromSeconds(10)));
    }
}
