using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core.Policy;

public sealed class LanRulesTests
{
    [Theory]
    [InlineData("10.0.0.5", 4040, 2, "None")]
    [InlineData("10.0.255.254", 1, 2, "None")]
    [InlineData("10.0.0.5", 65535, 2, "None")]
    [InlineData("10.0.0.5", 0, 2, "Port")]
    [InlineData("10.0.0.5", 65536, 2, "Port")]
    [InlineData("10.1.0.5", 4040, 2, "NotOnLink")]
    [InlineData("10.0.0.5", 4040, 3, "NotOnLink")]
    [InlineData("10.0.0.5", 4040, 9, "NotOnLink")]
    [InlineData("8.8.8.8", 4040, 2, "NotOnLink")]
    [InlineData("10.0.0.0", 4040, 2, "NotAHost")]
    [InlineData("10.0.255.255", 4040, 2, "NotAHost")]
    [InlineData("10.0.1.0", 4040, 2, "None")]
    [InlineData("192.168.7.255", 4040, 3, "NotAHost")]
    [InlineData("192.168.7.9", 4040, 3, "None")]
    [InlineData("0.0.0.0", 4040, 2, "Kind")]
    [InlineData("127.0.0.1", 4040, 2, "Kind")]
    [InlineData("224.0.0.251", 4040, 2, "Kind")]
    [InlineData("255.255.255.255", 4040, 2, "Kind")]
    [InlineData("::", 4040, 2, "Kind")]
    [InlineData("::1", 4040, 2, "Kind")]
    [InlineData("ff02::fb", 4040, 2, "Kind")]
    [InlineData("::ffff:10.0.0.5", 4040, 2, "Kind")]
    [InlineData("fe80::5", 4040, 2, "None")]
    [InlineData("fe80::5%2", 4040, 2, "None")]
    [InlineData("fe80::5%3", 4040, 2, "NotOnLink")]
    [InlineData("2001:db8::5", 4040, 2, "None")]
    [InlineData("2001:db8::", 4040, 2, "NotAHost")]
    [InlineData("2001:db8:1::5", 4040, 2, "NotOnLink")]
    [InlineData("2002:7f00:1::", 4040, 2, "Kind")]
    [InlineData("10.0.0.1", 4040, 2, "Own")]
    [InlineData("10.0.0.1", 4041, 2, "None")]
    [InlineData("fe80::1", 4040, 2, "Own")]
    [InlineData("fe80::1%3", 4040, 3, "Own")]
    public void Judge_Address_Verdict(string address, int port, int heard, string expected) =>
        Assert.Equal(expected, LanRules.Judge(LanBed.At(address, port, @interface: heard), [LanBed.Eth, LanBed.Wlan], LanBed.OwnPorts).ToString());

    [Theory]
    [InlineData("0.0.0.0/0", "8.8.8.8", "NotOnLink")]
    [InlineData("8.0.0.0/7", "8.8.8.8", "NotOnLink")]
    [InlineData("8.0.0.0/8", "8.8.8.8", "None")]
    [InlineData("10.1.1.4/31", "10.1.1.4", "None")]
    [InlineData("10.1.1.4/30", "10.1.1.7", "NotAHost")]
    [InlineData("2001:db8::/31", "2001:db8::5", "NotOnLink")]
    [InlineData("2001:db8::/127", "2001:db8::", "None")]
    public void Judge_Network_CountsFromEightBitsAndThirtyTwo(string network, string address, string expected)
    {
        LanInterface tunnel = new(5, "vpn0", [], [System.Net.IPNetwork.Parse(network)]);

        Assert.Equal(expected, LanRules.Judge(LanBed.At(address, @interface: 5), [tunnel], LanBed.OwnPorts).ToString());
    }

    [Theory]
    [InlineData("fe80::5", "[fe80::5%eth0]:4040")]
    [InlineData("fe80::5%2", "[fe80::5%eth0]:4040")]
    [InlineData("2001:db8::5", "[2001:db8::5]:4040")]
    [InlineData("10.0.0.5", "10.0.0.5:4040")]
    public void ToDial_LinkLocal_HasTheInterface(string address, string expected) =>
        Assert.Equal(expected, LanRules.ToDial(LanBed.At(address), LanBed.Eth, LanBed.Id(1)).HostAndPort);
}
