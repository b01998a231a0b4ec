using Meshara.Testing.Checks;
using Xunit;

namespace Meshara.Testing.Tests.Checks;

public sealed class TargetCheckTests
{
    [Theory]
    [InlineData(3, 3, 6, 8, false)]
    [InlineData(6, 1, 6, 8, true)]
    [InlineData(3, 2, 6, 8, true)]
    [InlineData(0, 6, 6, 8, false)]
    [InlineData(0, 0, 1, 8, true)]
    [InlineData(6, 2, 6, 8, false)]
    [InlineData(6, 2, 6, 9, true)]
    public void IsHungry_CallersAndPlaces_AsTheContractCounts(int inbound, int outbound, int target, int most, bool expected) =>
        Assert.Equal(expected, TargetCheck.IsHungry(inbound, outbound, target, most));
}
