using Xunit;

namespace Meshara.Testing.Tests.Engine;

public sealed class WatchdogTests
{
    [Fact]
    public async Task Run_HandlerBlocks_SaysSo() =>
        Assert.Contains("something holds its only thread", await FailureOf(WatchdogScenarios.Blocks), StringComparison.Ordinal);

    [Fact]
    public async Task Run_LoopWithoutADelay_SaysSo() =>
        Assert.Contains("something loops without a delay", await FailureOf(WatchdogScenarios.LoopsWithoutADelay), StringComparison.Ordinal);

    [Fact]
    public async Task Run_TimersThatTakeNoTime_SaysSo() =>
        Assert.Contains("something loops without a delay", await FailureOf(WatchdogScenarios.LoopsOverTimersWithoutTime), StringComparison.Ordinal);

    [Fact]
    public async Task Run_WaitsForSomethingThatWillNotCome_SaysSo() =>
        Assert.Contains("no timer is set, but the scenario has not ended", await FailureOf(WatchdogScenarios.WaitsForNothing), StringComparison.Ordinal);

    [Fact]
    public async Task Run_CallbackThrows_FailsWithItAndTheProcessLives() =>
        Assert.Contains("The callback of a timer threw InvalidOperationException: of the callback.", await FailureOf(WatchdogScenarios.CallbackThrows), StringComparison.Ordinal);

    [Fact]
    public async Task Run_Violation_EndsItAtOnceWithTheLastEventsOfTheNode()
    {
        string report = await FailureOf(WatchdogScenarios.Violates);

        Assert.Contains("n1 did it.", report, StringComparison.Ordinal);
        Assert.Contains("n1 starts", report, StringComparison.Ordinal);
        Assert.Contains("--seed 3", report, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_OutsideOfARun_SaysHowToRunIt() =>
        Assert.Contains("SimulationProcess.RunAsync", Assert.Throws<InvalidOperationException>(() => SimulatedNetwork.Create(1)).Message, StringComparison.Ordinal);

    private static async Task<string> FailureOf(Func<int, Task> scenario) =>
        (await Assert.ThrowsAsync<SimulationException>(() => SimulationProcess.RunAsync(scenario, [3], cancellationToken: TestContext.Current.CancellationToken))).Message;
}
