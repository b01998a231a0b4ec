using System.Net.NetworkInformation;
using Meshara.Discovery;
using Xunit;

namespace Meshara.Tests.Discovery;

public sealed class LanScanTests
{
    // Drivers of VPNs and sandboxes throw what the documentation does not name: such an interface keeps no other from being used.
    [Theory]
    [InlineData(typeof(NetworkInformationException))]
    [InlineData(typeof(PlatformNotSupportedException))]
    [InlineData(typeof(InvalidOperationException))]
    [InlineData(typeof(UnauthorizedAccessException))]
    [InlineData(typeof(ArgumentOutOfRangeException))]
    public void Of_AnInterfaceThatThrows_TheOthersAreThere(Type fault)
    {
        NetworkInterface[] real = NetworkInterface.GetAllNetworkInterfaces();
        int expected = LanScan.Of(real).Count;

        Assert.Equal(expected, LanScan.Of([new Broken((Exception)Activator.CreateInstance(fault)!), .. real]).Count);
    }

    private sealed class Broken(Exception fault) : NetworkInterface
    {
        public override string Name => "broken0";

        public override OperationalStatus OperationalStatus => OperationalStatus.Up;

        public override NetworkInterfaceType NetworkInterfaceType => NetworkInterfaceType.Ethernet;

        public override bool Supports(NetworkInterfaceComponent networkInterfaceComponent) => true;

        public override IPInterfaceProperties GetIPProperties() => throw fault;
    }
}
