using Xunit;

namespace Meshara.Testing.Tests.Running;

public sealed class SimulationProcessTests
{
    [Fact]
    public async Task RunAsync_ScenarioOfThisProject_RunsInAnotherProcess() =>
        await SimulationProcess.RunAsync(SampleScenarios.Fine, Enumerable.Range(1, 5), jobs: 2, cancellationToken: TestContext.Current.CancellationToken);

    [Fact]
    public async Task RunAsync_OneSeedFails_ReportNamesTheSeedTheReasonAndTheCommand()
    {
        SimulationException fault = await Assert.ThrowsAsync<SimulationException>(() => SimulationProcess.RunAsync(
            SampleScenarios.FailsAtThree, Enumerable.Range(1, 5), cancellationToken: TestContext.Current.CancellationToken));

        Assert.StartsWith("1 of 5 seeds failed.\nseed 3 failed after 0.00:00:00.000 of virtual time", fault.Message, StringComparison.Ordinal);
        Assert.Contains("three is too many", fault.Message, StringComparison.Ordinal);
        Assert.Contains($"--scenario {typeof(SampleScenarios).FullName}.{nameof(SampleScenarios.FailsAtThree)}", fault.Message, StringComparison.Ordinal);
        Assert.Contains("--seed 3", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_InvariantOfEveryMeshBroken_FailsThoughTheScenarioAssertsNothing()
    {
        foreach ((Func<int, Task> scenario, string invariant) in (ValueTuple<Func<int, Task>, string>[])[(SampleScenarios.TellsOfTwoLinks, "one-link"), (SampleScenarios.TellsOfAnUnprovenPeer, "verified-id")])
        {
            SimulationException fault = await Assert.ThrowsAsync<SimulationException>(() => SimulationProcess.RunAsync(scenario, [1], cancellationToken: TestContext.Current.CancellationToken));

            Assert.Matches($"seed 1 failed after .* of virtual time: {invariant}\n", fault.Message);
            Assert.Contains("lines of n1 (concerned)", fault.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task RunAsync_OwnAssertionFails_LastEventsOfAllNodesAndTheLastFaultAreTold()
    {
        SimulationException fault = await Assert.ThrowsAsync<SimulationException>(() => SimulationProcess.RunAsync(
            SampleScenarios.AssertsItself, [1], cancellationToken: TestContext.Current.CancellationToken));

        Assert.Contains("what the program promised", fault.Message, StringComparison.Ordinal);
        Assert.Contains("lines (of all nodes):", fault.Message, StringComparison.Ordinal);
        Assert.Contains(" n1 ", fault.Message, StringComparison.Ordinal);
        Assert.Matches(@"last fault: .* isolation: n3 \| all others", fault.Message);
        Assert.DoesNotContain("is killed", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_Verify_FailsWhereSomethingElseThanTheSeedDecides()
    {
        await SimulationProcess.RunAsync(SampleScenarios.Leaks, [1], cancellationToken: TestContext.Current.CancellationToken);
        SimulationException fault = await Assert.ThrowsAsync<SimulationException>(() => SimulationProcess.RunAsync(
            SampleScenarios.Leaks, [1], verify: true, cancellationToken: TestContext.Current.CancellationToken));

        Assert.Contains("Two runs of this seed are not the same", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_ScenarioBlocksForEver_IsKilledAtTheLimit()
    {
        SimulationException fault = await Assert.ThrowsAsync<SimulationException>(() => SimulationProcess.RunAsync(
            SampleScenarios.Blocks, [1, 2], seedLimit: TimeSpan.FromSeconds(5), cancellationToken: TestContext.Current.CancellationToken));

        Assert.Contains("seed 1 failed: it did not end within 5 s of real time; the process was killed.", fault.Message, StringComparison.Ordinal);
        Assert.Contains("seed 2 failed: it did not end within 5 s", fault.Message, StringComparison.Ordinal);
        Assert.Matches("replay: dotnet exec .* --seed 2\n", fault.Message);
    }

    [Fact]
    public async Task RunAsync_ProcessEndsEarly_TellsItsExitCodeAndTheSeedAndRunsTheRest()
    {
        SimulationException fault = await Assert.ThrowsAsync<SimulationException>(() => SimulationProcess.RunAsync(
            SampleScenarios.Exits, [1, 2, 3], cancellationToken: TestContext.Current.CancellationToken));

        Assert.Contains("1 of 3 seeds failed", fault.Message, StringComparison.Ordinal);
        Assert.Contains("seed 2 failed: the process ended with exit code 77", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_LambdaOrInternalMethod_SaysWhatAScenarioIs()
    {
        foreach (Func<int, Task> scenario in (Func<int, Task>[])[_ => Task.CompletedTask, SampleScenarios.NotPublic, new Instance().Scenario])
        {
            SimulationException fault = await Assert.ThrowsAsync<SimulationException>(() => SimulationProcess.RunAsync(
                scenario, [1], cancellationToken: TestContext.Current.CancellationToken));
            Assert.Contains("a scenario is a public static method of a public class", fault.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task RunAsync_MethodReturnsMoreThanATask_SaysWhatItHasToBe()
    {
        // Task<int> converts to Task, but is another method than a scenario's.
        SimulationException fault = await Assert.ThrowsAsync<SimulationException>(() => SimulationProcess.RunAsync(
            SampleScenarios.ReturnsMore, [1], cancellationToken: TestContext.Current.CancellationToken));
        Assert.Contains("public static async Task ReturnsMore(int seed)", fault.Message, StringComparison.Ordinal);
    }

    private sealed class Instance
    {
        public Task Scenario(int seed) => Task.CompletedTask;
    }
}
