using Xunit;

namespace Meshara.Testing.Tests.Lan;

public sealed class LanTests
{
    [Fact]
    public Task TwoLocalNetworks_SomeSeeds_EachFindsItsOwn() =>
        SimulationProcess.RunAsync(LanScenarios.TwoLocalNetworks, [1, 2, 3], cancellationToken: TestContext.Current.CancellationToken);

    [Fact]
    public Task LossyLocalNetwork_SomeSeeds_FindOneAnother() =>
        SimulationProcess.RunAsync(LanScenarios.LossyLocalNetwork, [1, 2, 3], cancellationToken: TestContext.Current.CancellationToken);
}
