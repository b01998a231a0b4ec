using Meshara.Configuration;
using Xunit;

namespace Meshara.Tests.Configuration;

public sealed class NearestTests
{
    private static readonly string[] Known = ["Mesh", "Agent", "Peers", "Discovery", "Discovery.Preset", "Discovery.TargetPeers", "Discovery.MaxPeers", "Timeouts.MaxBackoff", "Discovery.MaxBackoff"];

    [Theory]
    [InlineData("Mesch", "Mesh")]
    [InlineData("mesh ", "Mesh")]
    [InlineData("Discovery.Target", "Discovery.TargetPeers")]
    [InlineData("discovery.targetpeer", "Discovery.TargetPeers")]
    [InlineData("Discovery.MaxPeer", "Discovery.MaxPeers")]
    [InlineData("TargetPeers", "Discovery.TargetPeers")]
    [InlineData("Timeouts.MaxBackof", "Timeouts.MaxBackoff")]
    [InlineData("Discover", "Discovery")]
    public void Of_Mistyped_TheOneThatWasMeant(string name, string meant) => Assert.Equal(meant, Nearest.Of(name, Known));

    [Fact]
    public void Of_VeryLong_EndsSoon() => Assert.Contains(Nearest.Of(new string('x', 1_000_000), Known), Known);
}
