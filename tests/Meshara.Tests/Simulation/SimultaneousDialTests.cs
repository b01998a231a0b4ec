using Xunit;

namespace Meshara.Tests.Simulation;

public sealed class SimultaneousDialTests
{
    // The program itself fails at the first round with two links, none, a lost one, or a message lost, doubled or out of order.
    [Fact]
    public async Task H17_BothDialAtOnceAThousandTimes_OneLinkEachTimeAndNothingLostOrDoubled()
    {
        string[] trace = await SimulationProgram.RunAsync("simultaneous-dials", 1);

        Assert.Equal(1000, trace.Count(line => line.Contains(" round ", StringComparison.Ordinal)));
        string collisions = Assert.Single(trace, line => line.Contains(" collisions ", StringComparison.Ordinal)).Split(' ')[^1];
        Assert.True(int.Parse(collisions) > 300, $"Only {collisions} rounds had two connections to choose from.");
    }
}
