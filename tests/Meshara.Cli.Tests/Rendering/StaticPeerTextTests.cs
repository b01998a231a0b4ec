using Meshara.Cli.Rendering;
using Xunit;

namespace Meshara.Cli.Tests.Rendering;

public sealed class StaticPeerTextTests
{
    private static readonly string Id = new('a', 64);

    [Theory]
    [InlineData("192.0.2.1:7", "/ip4/192.0.2.1/tcp/7")]
    [InlineData("[2001:db8::1]:7", "/ip6/2001:db8::1/tcp/7")]
    [InlineData("[fe80::1%eth0]:7", "/ip6zone/eth0/ip6/fe80::1/tcp/7")]
    [InlineData("example.org:7", "/dns/example.org/tcp/7")]
    public void Of_Address_IsAMultiaddrThatIsReadBack(string address, string multiaddr)
    {
        StaticPeerLine? entry = StaticPeerLine.Of("n", [$"{Id}@{address}"], out _);

        Assert.Equal($"{multiaddr}/p2p/{Id}", entry?.Multiaddr);
        Assert.Equal(PeerAddress.Parse($"{Id}@{address}"), PeerAddress.Parse(entry!.Multiaddr));
    }

    [Fact]
    public void Of_Several_TheOneThatReachesFarthestComesFirst()
    {
        StaticPeerLine? entry = StaticPeerLine.Of("n", [$"{Id}@127.0.0.1:1", $"{Id}@[fe80::1%eth0]:1", $"{Id}@192.0.2.1:1"], out IReadOnlyList<string> others);

        Assert.StartsWith("/ip4/192.0.2.1/", entry?.Multiaddr, StringComparison.Ordinal);
        Assert.Equal(2, others.Count);
    }

    [Fact]
    public void Of_NoAddress_IsNone() => Assert.Null(StaticPeerLine.Of("n", [], out _));

    [Fact]
    public void Format_Entry_IsJson()
    {
        string text = StaticPeerLine.Of("n\"", [$"{Id}@h:1"], out _)!.Format();

        Assert.Contains("\n  \"multiaddr\": \"/dns/h/tcp/1/p2p/", text, StringComparison.Ordinal);
        Assert.Equal("n\"", Support.Child.Parse(text).GetProperty("name").GetString());
    }
}
