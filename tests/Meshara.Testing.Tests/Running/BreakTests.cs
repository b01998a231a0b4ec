using Meshara.Testing.Checks;
using Xunit;

namespace Meshara.Testing.Tests.Running;

/// <summary>A harness that is broken on purpose must say so: else its silence would prove nothing.</summary>
public sealed class BreakTests
{
    public static TheoryData<string, string> All()
    {
        TheoryData<string, string> all = [];
        foreach ((string broken, string invariant) in CheckHub.Breaks)
            all.Add(broken, invariant);
        return all;
    }

    [Theory]
    [MemberData(nameof(All))]
    public async Task Swarm_BrokenOnPurpose_FailsTheInvariantItBreaks(string broken, string invariant)
    {
        // Only a node that goes without a peer takes long to be noticed.
        string peace = invariant == "target" ? "12" : "0";
        (int exit, string output) = await SimulatorProgram.RunAsync(
            "swarm", "--seed", "3", "--break", broken, "--set", "minutes=2", "--set", $"peace={peace}", "--set", "nodes=10");

        Assert.True(exit == 1, output);
        Assert.Matches($"^seed 3 failed after .* of virtual time: {invariant}\n", output);
        Assert.Contains($"--break {broken}", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Swarm_NotBroken_IsWell()
    {
        (int exit, string output) = await SimulatorProgram.RunAsync("swarm", "--seed", "3", "--set", "minutes=2", "--set", "peace=12", "--set", "nodes=10");

        Assert.True(exit == 0, output);
    }
}
