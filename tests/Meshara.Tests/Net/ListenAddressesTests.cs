using System.Net;
using Meshara.Net;
using Xunit;

namespace Meshara.Tests.Net;

public sealed class ListenAddressesTests
{
    private static readonly string[] Machine = ["127.0.0.1", "192.168.0.7", "10.1.2.3", "::1", "fe80::1%2", "2001:db8::7"];

    [Theory]
    [InlineData("alice", "alice")]
    [InlineData("192.168.0.7", "192.168.0.7")]
    [InlineData("127.0.0.1", "127.0.0.1")]
    [InlineData("0.0.0.0", "192.168.0.7 10.1.2.3")]
    [InlineData("::", "192.168.0.7 10.1.2.3 2001:db8::7")]
    public void HostsOf_Machine_WildcardsBecomeAddresses(string host, string expected) =>
        Assert.Equal(expected.Split(' '), ListenAddresses.HostsOf(host, () => Machine.Select(IPAddress.Parse)));

    [Theory]
    [InlineData("0.0.0.0", "127.0.0.1")]
    [InlineData("::", "127.0.0.1 ::1")]
    public void HostsOf_NoNetwork_ThisMachineRemains(string host, string expected) =>
        Assert.Equal(expected.Split(' '), ListenAddresses.HostsOf(host, () => [IPAddress.Loopback, IPAddress.IPv6Loopback]));

    [Fact]
    public void HostsOf_InterfacesHidden_LoopbackIsNamed() => Assert.Equal(["127.0.0.1"], ListenAddresses.HostsOf("0.0.0.0", () => []));
}
