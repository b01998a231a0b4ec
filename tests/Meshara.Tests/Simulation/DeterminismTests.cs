using Xunit;

namespace Meshara.Tests.Simulation;

/// <summary>Whole nodes, TLS included, under virtual time on a thread pool of one thread: the same seed tells the same story.</summary>
public sealed class DeterminismTests
{
    [Fact]
    public async Task TwoNodes_SameSeedTwice_SameTrace()
    {
        string[] first = await SimulationProgram.RunAsync("two-nodes", 1);
        string[] second = await SimulationProgram.RunAsync("two-nodes", 1);

        Assert.Equal(first, second);
    }

    [Fact]
    public async Task TwoNodes_AnySeed_LinkTalkPartAndMeetAgain()
    {
        string[] trace = await SimulationProgram.RunAsync("two-nodes", 2);

        // The last of them is the acknowledged one.
        Assert.Equal(101, trace.Count(line => line.Contains("alice got 4 from", StringComparison.Ordinal)));
        Assert.Contains(trace, line => line.EndsWith("reply of 80000", StringComparison.Ordinal));
        Assert.Contains(trace, line => line.EndsWith("bob sees 1 after two quiet minutes", StringComparison.Ordinal));
        Assert.Contains(trace, line => line.EndsWith("bob sees 0 without alice", StringComparison.Ordinal));
        Assert.Contains(trace, line => line.EndsWith("bob sees 1 after alice's return", StringComparison.Ordinal));
    }
}
