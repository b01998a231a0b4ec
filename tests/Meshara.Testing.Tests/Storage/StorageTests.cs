using Xunit;

namespace Meshara.Testing.Tests.Storage;

public sealed class StorageTests
{
    [Theory]
    [InlineData(nameof(StorageScenarios.StoreSurvivesAKill))]
    [InlineData(nameof(StorageScenarios.StoreFails))]
    [InlineData(nameof(StorageScenarios.KilledWhileItSaves))]
    [InlineData(nameof(StorageScenarios.KilledWhileItWritesAFile))]
    public Task Scenario_SomeSeeds_IsWell(string name) => SimulationProcess.RunAsync(
        typeof(StorageScenarios).GetMethod(name)!.CreateDelegate<Func<int, Task>>(), [1, 2, 3], cancellationToken: TestContext.Current.CancellationToken);
}
