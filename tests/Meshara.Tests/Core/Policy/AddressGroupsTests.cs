using System.Net;
using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core.Policy;

public sealed class AddressGroupsTests
{
    private static readonly AddressGroups Groups = new(
        [.. AddressGroups.Loopback, IPNetwork.Parse("2001:db8:7:100::/56"), IPNetwork.Parse("198.51.100.0/24")],
        [IPNetwork.Parse("192.168.5.0/24"), IPNetwork.Parse("fe80::/64"), IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("0.0.0.0/0"), IPNetwork.Parse("::/0")]);

    [Theory]
    [InlineData("203.0.113.9", "203.0.113.9")]
    [InlineData("::ffff:203.0.113.9", "203.0.113.9")]
    [InlineData("2002:cb00:7109::1", "203.0.113.9")]
    [InlineData("64:ff9b::cb00:7109", "203.0.113.9")]
    [InlineData("2001:0:4136:e378:8000:63bf:34ff:8ef6", "203.0.113.9")]
    [InlineData("64:ff9b:1::cb00:7109", "64:ff9b:1::cb00:7109")]
    [InlineData("2001:db8::1", "2001:db8::1")]

    // RFC 6052 section 2.1: the well-known prefix has 96 bits, all others are somebody's own. RFC 4380 section 2.6: Teredo's has 32.
    [InlineData("64:ff9b:0100::cb00:7109", "64:ff9b:100::cb00:7109")]
    [InlineData("64:ff9b:0:100::cb00:7109", "64:ff9b:0:100::cb00:7109")]
    [InlineData("64:ff9b:0:1::cb00:7109", "64:ff9b:0:1::cb00:7109")]
    [InlineData("64:ff9b:0:0:100:0:cb00:7109", "64:ff9b::100:0:cb00:7109")]
    [InlineData("64:ff9b:0:0:1:0:cb00:7109", "64:ff9b::1:0:cb00:7109")]
    [InlineData("64:ff9b:0:0:0:100:cb00:7109", "64:ff9b::100:cb00:7109")]
    [InlineData("64:ff9b:0:0:0:1:cb00:7109", "64:ff9b::1:cb00:7109")]
    [InlineData("2001:100:4136:e378:8000:63bf:34ff:8ef6", "2001:100:4136:e378:8000:63bf:34ff:8ef6")]
    [InlineData("2001:1:4136:e378:8000:63bf:34ff:8ef6", "2001:1:4136:e378:8000:63bf:34ff:8ef6")]
    [InlineData("2101:0:4136:e378:8000:63bf:34ff:8ef6", "2101:0:4136:e378:8000:63bf:34ff:8ef6")]
    [InlineData("2000:0:4136:e378:8000:63bf:34ff:8ef6", "2000:0:4136:e378:8000:63bf:34ff:8ef6")]
    public void Decode_Tunnels_GiveTheAddressInside(string address, string inside) =>
        Assert.Equal(inside, AddressGroups.Decode(IPAddress.Parse(address)).ToString());

    [Theory]
    [InlineData("203.0.113.9", "203.0.113.9/32", "203.0.113.0/24", "203.0.0.0/16")]
    [InlineData("2002:cb00:7109::1", "203.0.113.9/32", "203.0.113.0/24", "203.0.0.0/16")]
    [InlineData("2001:db8:1234:56ff::1", "2001:db8:1234:5600::/56", "2001:db8:1234::/48", "2001:db8::/32")]
    [InlineData("127.0.0.1", "127.0.0.1/32", "127.0.0.0/24", "127.0.0.0/16")]
    public void KeysOf_Address_FromNarrowToWide(string address, string one, string network, string wide)
    {
        AddressKeys keys = AddressGroups.KeysOf(IPAddress.Parse(address));

        Assert.Equal([one, network, wide], [keys.Address.ToString(), keys.Network.ToString(), keys.Wide.ToString()]);
    }

    [Theory]
    [InlineData("203.0.113.9", "203.0.0.0/16")]
    [InlineData("192.168.5.7", "192.168.5.7/32")]
    [InlineData("192.168.6.7", "192.168.0.0/16")]
    [InlineData("127.0.0.1", "127.0.0.1/32")]
    [InlineData("2001:db8:7:1ff::1", "2001:db8:7:1ff::1/128")]
    [InlineData("2001:db8:7:200::1", "2001:db8::/32")]
    [InlineData("fe80::1%eth0", "fe80::1/128")]
    public void GroupOf_Address_IsItsProviderOrItself(string host, string group) => Assert.Equal(group, Groups.GroupOf(host).ToString());

    [Fact]
    public void GroupOf_Names_AreGroupsOfTheirOwn()
    {
        Assert.NotEqual(Groups.GroupOf("a.example.org"), Groups.GroupOf("b.example.org"));
        Assert.Equal(Groups.GroupOf("a.example.org"), Groups.GroupOf("a.example.org"));
    }

    [Theory]
    [InlineData(null, "")]
    [InlineData("203.0.113.9", "203.0.0.0/16")]
    [InlineData("127.0.0.1", "127.0.0.1/32")]
    [InlineData("fe80::1:2:3:4", "fe80::/56")]
    public void SourceGroupOf_Source_CannotMintGroupsOnLink(string? from, string group) =>
        Assert.Equal(group, Groups.SourceGroupOf(from is null ? null : IPAddress.Parse(from)).ToString());

    // A12: trust and nearness are never read out of a tunnel.
    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("::1", true)]
    [InlineData("::ffff:127.0.0.1", true)]
    [InlineData("198.51.100.200", true)]
    [InlineData("2002:7f00:1::", false)]
    [InlineData("64:ff9b::7f00:1", false)]
    [InlineData("203.0.113.9", false)]
    public void IsTrusted_Address_Result(string address, bool trusted) => Assert.Equal(trusted, Groups.IsTrusted(IPAddress.Parse(address)));

    [Theory]
    [InlineData("192.168.5.9", true)]
    [InlineData("::ffff:192.168.5.9", true)]
    [InlineData("fe80::9", true)]
    [InlineData("127.0.0.1", false)]
    [InlineData("2002:c0a8:509::", false)]
    [InlineData("203.0.113.9", false)]
    [InlineData("2001:db8::1", false)]
    public void IsOnLink_Address_Result(string address, bool near) => Assert.Equal(near, Groups.IsOnLink(IPAddress.Parse(address)));

    [Fact]
    public void IsTrusted_MappedRange_MeansIPv4()
    {
        AddressGroups groups = new([IPNetwork.Parse("::ffff:10.0.0.0/104")], []);

        Assert.True(groups.IsTrusted(IPAddress.Parse("10.9.9.9")));
        Assert.False(groups.IsTrusted(IPAddress.Parse("11.9.9.9")));
    }

    [Theory]
    [InlineData("203.0.113.9")]
    [InlineData("2001:db8:1:2::3")]
    [InlineData("example.org")]
    public void TryParse_WhatToStringWrote_IsTheSame(string host)
    {
        AddressKey key = Groups.GroupOf(host);

        Assert.Equal(key, AddressKey.TryParse(key.ToString()));
        Assert.True(key.ToString().Length <= StoredAddress.MaxSourceGroup);
        Assert.Equal(default(AddressKey), AddressKey.TryParse(""));
        Assert.Null(AddressKey.TryParse("nonsense"));
        Assert.Null(AddressKey.TryParse("name:xyz"));
    }

    [Theory]
    [InlineData("203.0.113.9", "8.8.8.8", true)]
    [InlineData("10.0.0.1", "8.8.8.8", false)]
    [InlineData("127.0.0.1", "8.8.8.8", false)]
    [InlineData("169.254.1.1", "10.0.0.1", false)]
    [InlineData("10.0.0.2", "10.0.0.1", true)]
    [InlineData("10.0.0.2", "fe80::1", true)]
    [InlineData("127.0.0.1", "10.0.0.1", false)]
    [InlineData("127.0.0.1", "::1", true)]
    [InlineData("2002:0a00:0001::1", "8.8.8.8", false)]
    [InlineData("64:ff9b::7f00:1", "8.8.8.8", false)]
    [InlineData("::ffff:192.168.1.1", "8.8.8.8", false)]
    [InlineData("fd00::1", "2001:4860::1", false)]
    [InlineData("100.64.0.1", "8.8.8.8", false)]
    [InlineData("10.0.0.1", null, true)]
    [InlineData("127.0.0.1", null, true)]
    [InlineData("0.0.0.0", null, false)]
    [InlineData("224.0.0.1", null, false)]
    [InlineData("255.255.255.255", null, false)]
    [InlineData("::", null, false)]
    [InlineData("ff02::1", null, false)]
    public void MayName_AddressOfASource_ReachesAsFarAsTheSource(string address, string? from, bool may) =>
        Assert.Equal(may, AddressKinds.MayName(IPAddress.Parse(address), from is null ? null : IPAddress.Parse(from)));
}
