using Xunit;

namespace Meshara.Testing.Tests.Running;

/// <summary>The command line of meshara-sim, as its user meets it.</summary>
public sealed class SimulatorTests
{
    [Fact]
    public async Task Verify_TwoNodes_SeedsTellTheSameStoryTwiceAndInChildren()
    {
        (int verified, string output) = await SimulatorProgram.RunAsync("two-nodes", "--seeds", "3", "--verify");
        (int shared, string hashes) = await SimulatorProgram.RunAsync("two-nodes", "--seeds", "3", "--jobs", "2", "--hashes");

        Assert.True(verified == 0 && shared == 0, output + hashes);
        string[] lines = hashes.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, lines.Length);
        Assert.All(lines, line => Assert.Contains(line.Split(' ')[1], output, StringComparison.Ordinal));
        Assert.Equal(3, lines.Select(static line => line.Split(' ')[1]).Distinct().Count());
    }

    [Fact]
    public async Task Verify_TheScenarioDependsOnRealTime_ShowsTheFirstLineThatDiffers()
    {
        (int exit, string output) = await SimulatorProgram.RunAsync("leak", "--seed", "1", "--verify");

        Assert.Equal(1, exit);
        Assert.Contains("Two runs of this seed are not the same", output, StringComparison.Ordinal);
        Assert.Contains("first:  ", output, StringComparison.Ordinal);
        Assert.Contains("second: ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Shrink_FaultsThatAreNotNeeded_AreLeftOut()
    {
        (int exit, string output) = await SimulatorProgram.RunAsync("swarm", "--seed", "1", "--break", "ban", "--set", "minutes=1", "--set", "nodes=8", "--shrink");

        // What is broken needs no fault at all.
        Assert.Equal(1, exit);
        Assert.Contains("0 of ", output, StringComparison.Ordinal);
        Assert.Contains("replay: meshara-sim swarm --seed 1 --set minutes=1 --set nodes=8 --without ", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("There is no scenario 'nope'.", "nope")]
    [InlineData("'x' is no value for --seed.", "--seed", "x")]
    [InlineData("Nothing is broken by --break nothing", "swarm", "--break", "nothing")]
    public async Task Run_WrongArguments_SayWhatIsWrong(string expected, params string[] args)
    {
        (int exit, string output) = await SimulatorProgram.RunAsync(args);

        Assert.NotEqual(0, exit);
        Assert.Contains(expected, output, StringComparison.Ordinal);
    }
}
