using Xunit;

namespace Meshara.Cli.Tests;

public sealed class SmokeTests
{
    [Fact]
    public void A() => Assert.True(Enum.IsDefined(NodeState.Running));

    [Fact]
    public void B() => Assert.Skip("why");
}
