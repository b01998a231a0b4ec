using System.Net;
using Meshara.Net;
using Xunit;

namespace Meshara.Tests.Net;

public sealed class InterfacesTests
{
    [Fact]
    public void Networks_OfThisMachine_HoldEachAddressThatIsNoLoopback()
    {
        IPNetwork[] networks = [.. Interfaces.Networks()];

        Assert.All(
            Interfaces.Addresses().Where(a => !IPAddress.IsLoopback(a)),
            address => Assert.Contains(networks, n => n.Contains(new IPAddress(address.GetAddressBytes()))));
        Assert.DoesNotContain(networks, n => n.Contains(IPAddress.Loopback) && n.PrefixLength > 0);
    }
}
