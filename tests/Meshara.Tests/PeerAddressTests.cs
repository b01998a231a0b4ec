using System.Net;
using FsCheck;
using FsCheck.Fluent;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests;

public sealed class PeerAddressTests
{
    private const string Id = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    private const string MixedId = "00112233445566778899AABBccddeeff00112233445566778899aabbccDDEEFF";

    [Theory]
    [InlineData("192.168.0.106:4040", "192.168.0.106", 4040, null)]
    [InlineData("  example.org:1 \n", "example.org", 1, null)]
    [InlineData("Example.ORG.:65535", "example.org.", 65535, null)]
    [InlineData("my_host-1", "my_host-1", 4040, null)]
    [InlineData("10.0.0.1", "10.0.0.1", 4040, null)]
    [InlineData("[::1]", "::1", 4040, null)]
    [InlineData("[2001:DB8:0:0::1]:80", "2001:db8::1", 80, null)]
    [InlineData("[fe80::1%eth0]:4040", "fe80::1%eth0", 4040, null)]
    [InlineData("[fe80::1%12]:4040", "fe80::1%12", 4040, null)]
    [InlineData("[::ffff:1.2.3.4]:4040", "::ffff:1.2.3.4", 4040, null)]
    [InlineData(MixedId + "@host:4041", "host", 4041, Id)]
    [InlineData(Id + "@[::1]:4041", "::1", 4041, Id)]
    [InlineData(Id + "@host", "host", 4040, Id)]
    [InlineData("/ip4/1.2.3.4/tcp/4040", "1.2.3.4", 4040, null)]
    [InlineData("/ip4/1.2.3.4/tcp/4040/", "1.2.3.4", 4040, null)]
    [InlineData("/ip4/1.2.3.4/tcp/4040/p2p/" + MixedId, "1.2.3.4", 4040, Id)]
    [InlineData("/ip6/::1/tcp/5/ipfs/" + Id, "::1", 5, Id)]
    [InlineData("/ip6zone/eth0/ip6/fe80::1/tcp/4040", "fe80::1%eth0", 4040, null)]
    [InlineData("/dns/example.org/tcp/4040", "example.org", 4040, null)]
    [InlineData("/dns4/example.org/tcp/4040/p2p/" + Id, "example.org", 4040, Id)]
    [InlineData("/dns6/example.org/tcp/4040", "example.org", 4040, null)]
    public void Parse_ValidForms_AreRead(string text, string host, int port, string? id)
    {
        PeerAddress address = PeerAddress.Parse(text);
        Assert.Equal(host, address.Host);
        Assert.Equal(port, address.Port);
        Assert.Equal(id, address.Id?.ToString());
        Assert.Equal(address, PeerAddress.Parse(address.ToString()));
        Assert.True(PeerAddress.TryParse(text, out PeerAddress? again));
        Assert.Equal(address, again);
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("   ", "empty")]
    [InlineData("host:0", "1 to 65535")]
    [InlineData("host:70000", "1 to 65535")]
    [InlineData("host:99999999999999999999", "1 to 65535")]
    [InlineData("host:-1", "1 to 65535")]
    [InlineData("host:+1", "1 to 65535")]
    [InlineData("host: 1", "1 to 65535")]
    [InlineData("host:٤٠٤٠", "1 to 65535")]
    [InlineData("host:80a", "1 to 65535")]
    [InlineData("host:", "port after ':' is missing")]
    [InlineData(":4040", "host is missing")]
    [InlineData("::1", "brackets")]
    [InlineData("::1:4040", "brackets")]
    [InlineData("[::1", "']'")]
    [InlineData("[::1]4040", "only ':port'")]
    [InlineData("[::1]]:4040", "only ':port'")]
    [InlineData("[host]:4040", "only IPv6")]
    [InlineData("[1.2.3.4]:4040", "only IPv6")]
    [InlineData("[]:4040", "only IPv6")]
    [InlineData("[fe80::1%]:4040", "not a scope")]
    [InlineData("[fe80::1%a%b]:4040", "not a scope")]
    [InlineData("[fe80::1%a b]:4040", "not a scope")]
    [InlineData("[::1/64]:4040", "not an IPv6")]
    [InlineData("[:::]:4040", "not an IPv6")]
    [InlineData("[12345::]:4040", "not an IPv6")]
    [InlineData("127.1:4040", "not an IPv4")]
    [InlineData("2130706433:4040", "not an IPv4")]
    [InlineData("0x7f000001:4040", "not an IPv4")]
    [InlineData("010.0.0.1:4040", "not an IPv4")]
    [InlineData("1.2.3.256:4040", "not an IPv4")]
    [InlineData("1.2.3.4.5:4040", "not an IPv4")]
    [InlineData("a..b:4040", "not a host name")]
    [InlineData("-a:4040", "not a host name")]
    [InlineData("a b:4040", "not a host name")]
    [InlineData("bücher.example:4040", "xn--")]
    [InlineData("a/b:4040", "not a host name")]
    [InlineData(".:4040", "not a host name")]
    [InlineData("tcp://host:4040", "URL")]
    [InlineData("@host:4040", "before the '@'")]
    [InlineData("abc@host:4040", "64 hex digits")]
    [InlineData(Id + "@", "host is missing")]
    [InlineData(Id + "@" + Id + "@host:4040", "not a host name")]
    [InlineData(Id, "id@host:port")]
    [InlineData("12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA", "libp2p")]
    [InlineData("12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA@host:4040", "libp2p")]
    [InlineData("/ip4/1.2.3.4/tcp/4040/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA", "libp2p")]
    [InlineData("/dns4/example.org/tcp/4040/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", "libp2p")]
    [InlineData("/", "begins with /ip4")]
    [InlineData("/unix/socket", "'/unix'")]
    [InlineData("/dnsaddr/example.org", "'/dnsaddr'")]
    [InlineData("/ip4", "after /ip4 is missing")]
    [InlineData("/ip4/1.2.3.4", "/tcp/PORT is missing")]
    [InlineData("/ip4/1.2.3.4/tcp", "/tcp/PORT must follow")]
    [InlineData("/ip4/1.2.3.4/udp/4040/quic-v1", "'/udp'")]
    [InlineData("/ip4/1.2.3.4/tcp/70000", "1 to 65535")]
    [InlineData("/ip4/1.2.3.4/tcp/4040/ws", "'/ws'")]
    [InlineData("/ip4/1.2.3.4/tcp/4040/p2p", "'/p2p'")]
    [InlineData("/ip4/1.2.3.4/tcp/4040/p2p/" + Id + "/p2p-circuit", "'/p2p-circuit'")]
    [InlineData("/ip4/::1/tcp/4040", "does not belong after /ip4")]
    [InlineData("/ip4/host/tcp/4040", "does not belong after /ip4")]
    [InlineData("/ip6/1.2.3.4/tcp/4040", "does not belong after /ip6")]
    [InlineData("/dns/1.2.3.4/tcp/4040", "does not belong after /dns")]
    [InlineData("/ip4//tcp/4040", "host is missing")]
    [InlineData("/ip6zone/eth0/ip4/1.2.3.4/tcp/4040", "comes /ip6")]
    [InlineData("/ip6zone/eth0/ip6/fe80::1%eth1/tcp/4040", "not a scope")]
    public void Parse_InvalidForms_SayWhy(string text, string expected)
    {
        Assert.False(PeerAddress.TryParse(text, out PeerAddress? none));
        Assert.Null(none);
        FormatException e = Assert.Throws<FormatException>(() => PeerAddress.Parse(text));
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_NameOfMaximumLength_IsReadAndOneMoreIsNot()
    {
        string name = string.Join('.', Enumerable.Repeat(new string('a', 49), 5)) + ".abc";
        Assert.Equal(253, name.Length);
        Assert.Equal(name, PeerAddress.Parse(name).Host);
        Assert.False(PeerAddress.TryParse(name + "d", out _));
        Assert.True(PeerAddress.TryParse(new string('a', 63), out _));
        Assert.False(PeerAddress.TryParse(new string('a', 64) + ":1", out _));
        Assert.False(PeerAddress.TryParse(new string('a', 1_000_000), out _));
    }

    [Fact]
    public void TryParse_Null_IsFalse() => Assert.False(PeerAddress.TryParse(null, out _));

    [Fact]
    public void ToString_AnyAddress_RoundTrips()
    {
        Gen<string> label = Gen.Elements("abcxyz019_".ToCharArray()).NonEmptyListOf().Select(c => new string([.. c.Take(63)]));
        Gen<string> name = label.NonEmptyListOf().Select(l => string.Join('.', l.Take(4)) + ".x");
        Gen<string> ipv4 = Gen.Choose(0, 255).ArrayOf(4).Select(b => string.Join('.', b));
        Gen<string> ipv6 = Gen.Choose(0, 255).Select(b => (byte)(b < 128 ? 0 : b)).ArrayOf(16).Select(b => new IPAddress(b).ToString());
        Gen<string> scoped = ipv6.SelectMany(a => Gen.Elements("", "%1", "%eth0", "%br-lan.5").Select(s => a + s));
        Gen<NodeId?> id = Gen.OneOf(Gen.Constant<NodeId?>(null), NodeIdTests.Ids.Generator.Select(b => (NodeId?)NodeId.FromBytes(b)));
        Gen<PeerAddress> addresses = Gen.OneOf(name, ipv4, scoped).SelectMany(h => Gen.Choose(1, 65535).SelectMany(p => id.Select(i => new PeerAddress(h, p, i))));
        Prop.ForAll(addresses.ToArbitrary(), a => PeerAddress.Parse(a.ToString()) == a && PeerAddress.Parse(a.HostAndPort) == a with { Id = null })
            .Check(Seeded.Config.WithMaxTest(500));
    }

    [Fact]
    public void F12_Parse_AnyText_NeverThrowsOtherwiseAndMessagesArePrintable()
    {
        Gen<string> pieces = Gen.Elements("/", "ip4", "ip6zone", "tcp", "p2p", "[", "]", ":", "@", "%", "::1", "1.2.3.4", "host", Id, "\e[2J", "\n", "\0", "é", ".", "4040", " ");
        Gen<string> texts = Gen.OneOf(pieces.ListOf().Select(p => string.Concat(p)), ArbMap.Default.GeneratorFor<string>().Select(s => s ?? ""));
        Prop.ForAll(texts.ToArbitrary(), text =>
        {
            try
            {
                PeerAddress address = PeerAddress.Parse(text);
                return PeerAddress.Parse(address.ToString()) == address;
            }
            catch (FormatException e)
            {
                return !PeerAddress.TryParse(text, out _) && e.Message.All(c => c is >= ' ' and <= '~') && e.Message.Length < 600;
            }
        }).Check(Seeded.Config.WithMaxTest(2000));
    }

    [Theory]
    [InlineData("0.0.0.0:0", "0.0.0.0", 0)]
    [InlineData(" [::]:4040 ", "::", 4040)]
    [InlineData("[::]", "::", null)]
    [InlineData("::", "::", null)]
    [InlineData("0.0.0.0", "0.0.0.0", null)]
    [InlineData(" ::1 ", "::1", null)]
    [InlineData("2001:DB8::5", "2001:db8::5", null)]
    [InlineData("2001:db8::5:ab", "2001:db8::5:ab", null)]
    [InlineData("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", null)]
    [InlineData("fe80::1%eth0", "fe80::1%eth0", null)]
    [InlineData("fe80::1:2%eth0", "fe80::1:2%eth0", null)]
    [InlineData("localhost", "localhost", null)]
    [InlineData("[fe80::1%eth0]", "fe80::1%eth0", null)]
    [InlineData("/ip6/::1/tcp/5", "::1", 5)]
    public void TryParseListen_Valid_IsRead(string text, string host, int? port)
    {
        Assert.True(PeerAddressParser.TryParseListen(text, out string? readHost, out int? readPort, out _));
        Assert.Equal((host, port), (readHost, readPort));
    }

    [Theory]
    [InlineData("", "host is missing")]
    [InlineData("0.0.0.0:65536", "0 to 65535")]
    [InlineData(":4040", "host is missing")]
    [InlineData("*:4040", "not a host name")]
    [InlineData(Id + "@host:4040", "not a host name")]
    [InlineData("[::]:", "missing")]
    [InlineData("::1:0", "write [::1:0] or [::1]:0")]
    [InlineData("2001:db8::1:4040", "write [2001:db8::1:4040] or [2001:db8::1]:4040")]
    [InlineData("fe80::1%eth0:4040", "write [fe80::1%eth0:4040] or [fe80::1%eth0]:4040")]
    [InlineData("a:b:c", "brackets")]
    [InlineData("host:1:2", "brackets")]
    [InlineData("/ip4/1.2.3.4/tcp/0", "1 to 65535")]
    [InlineData("/ip4/1.2.3.4/tcp/1/p2p/" + Id, "an id does not belong")]
    public void TryParseListen_Invalid_SaysWhy(string text, string expected)
    {
        Assert.False(PeerAddressParser.TryParseListen(text, out _, out _, out string? why));
        Assert.Contains(expected, why, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[::1]")]
    [InlineData("a b")]
    [InlineData("host:1")]
    [InlineData("")]
    public void Constructor_NotAHost_Throws(string host) => Assert.ThrowsAny<ArgumentException>(() => new PeerAddress(host, 1));

    [Theory]
    [InlineData(0)]
    [InlineData(65536)]
    [InlineData(-1)]
    public void Constructor_PortOutOfRange_Throws(int port) => Assert.Throws<ArgumentOutOfRangeException>(() => new PeerAddress("host", port));
}
