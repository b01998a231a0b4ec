using Meshara.Discovery;
using Xunit;

namespace Meshara.Tests.Discovery;

public sealed class MdnsSettingsTests
{
    [Theory]
    [InlineData("", "Full", null)]
    [InlineData("127.0.0.1:4040", "Full", null)]
    [InlineData("127.0.0.1:4040 ::1:4040", "Full", null)]
    [InlineData("127.0.0.1:4040", "ListenOnly", "browses")]
    [InlineData("127.0.0.1:4040", "AnnounceOnly", null)]
    [InlineData("", "AnnounceOnly", null)]
    [InlineData("", "ListenOnly", "browses")]
    [InlineData("0.0.0.0:4040", "Full", "announces 4040 browses")]
    [InlineData("127.0.0.1:1 192.168.0.7:2", "Full", "announces 2 browses")]
    [InlineData(":::4040", "ListenOnly", "browses")]
    [InlineData(":::4040", "AnnounceOnly", "announces 4040")]
    public void Of_Listeners_WhatIsDone(string listeners, string mode, string? expected)
    {
        DiscoveryOptions options = new() { MdnsMode = Enum.Parse<MdnsMode>(mode) };
        MdnsSettings? settings = MdnsSettings.Of(options, Listeners(listeners), out string? why);

        string? done = settings is null ? null : string.Join(' ', new[] { settings.Announces ? $"announces {settings.Port}" : "", settings.Browses ? "browses" : "" }.Where(t => t.Length > 0));
        Assert.Equal(expected, done);
        Assert.Equal(expected is null, why is not null);
    }

    // What is announced is listened on.
    [Theory]
    [InlineData(":::4040", true, "")]
    [InlineData("0.0.0.0:4040 :::4040", false, "")]
    [InlineData("0.0.0.0:4040", true, "0.0.0.0/0")]
    [InlineData(":::4040", false, "::/0")]
    [InlineData("192.168.0.7:4040", true, "192.168.0.7/32")]
    [InlineData("192.168.0.7:4040 fe80::7%2:4040", true, "192.168.0.7/32 fe80::7/128")]
    [InlineData("192.168.0.7:4040 192.168.0.8:4041 :::4042", true, "192.168.0.7/32")]
    [InlineData("127.0.0.1:4040 0.0.0.0:4041", true, "0.0.0.0/0")]
    [InlineData("node:4040", true, "")]
    public void Of_Listeners_WhichAddressesAreAnnounced(string listeners, bool takesIPv4, string networks)
    {
        MdnsSettings settings = MdnsSettings.Of(new DiscoveryOptions(), Listeners(listeners, takesIPv4), out _)!;

        Assert.Equal(networks, string.Join(' ', settings.Networks));
    }

    // More than a service can name threw, and the node was announced nowhere.
    [Theory]
    [InlineData(64)]
    [InlineData(65)]
    public void Of_ManyListeners_WhatIsPublishedCanBe(int count)
    {
        MdnsSettings settings = MdnsSettings.Of(new DiscoveryOptions(), Listeners(string.Join(' ', Enumerable.Range(1, count).Select(static i => $"10.0.0.{i}:4040"))), out _)!;

        Assert.Equal(count <= 64 ? count : 0, settings.Networks.Count);
        Assert.Equal(settings.Networks, new Meshara.Mdns.ServiceProfile("x", "_meshara._tcp", 4040) { Networks = settings.Networks }.Networks);
    }

    [Fact]
    public void Of_SwitchedOff_Nothing()
    {
        DiscoveryOptions options = new() { EnabledMethods = DiscoveryMethods.All & ~DiscoveryMethods.LocalMdns };

        Assert.Null(MdnsSettings.Of(options, Listeners("0.0.0.0:4040"), out string? why));
        Assert.Equal("it is switched off", why);
    }

    [Fact]
    public void IsSameAs_AnyChange_IsSeen()
    {
        MdnsSettings settings = MdnsSettings.Of(new DiscoveryOptions(), Listeners("0.0.0.0:4040"), out _)!;

        Assert.True(settings.IsSameAs(MdnsSettings.Of(new DiscoveryOptions(), Listeners("0.0.0.0:4040"), out _)));
        Assert.False(settings.IsSameAs(null));
        Assert.All(
            [
                settings with { Mode = MdnsMode.ListenOnly },
                settings with { Interval = TimeSpan.FromSeconds(5) },
                settings with { Port = 4041 },
                settings with { Networks = [System.Net.IPNetwork.Parse("10.0.0.0/8")] },
                settings with { OwnPorts = new HashSet<int> { 1 } },
                settings with { Interfaces = ["eth0"] },
            ],
            other => Assert.False(settings.IsSameAs(other)));
    }

    private static ListenPlace[] Listeners(string text, bool takesIPv4 = true) =>
        [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(l => new ListenPlace(l[..l.LastIndexOf(':')], int.Parse(l[(l.LastIndexOf(':') + 1)..], System.Globalization.CultureInfo.InvariantCulture), takesIPv4))];
}
