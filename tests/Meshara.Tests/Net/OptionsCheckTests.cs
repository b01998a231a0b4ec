using Meshara.Net;
using Xunit;

namespace Meshara.Tests.Net;

public sealed class OptionsCheckTests
{
    public static TheoryData<string, NodeOptions> Wrong => new()
    {
        { "Mesh", new NodeOptions { Mesh = "" } },
        { "Mesh", new NodeOptions { Mesh = null! } },
        { "Mesh", new NodeOptions { Mesh = new string('x', 65) } },
        { "Mesh", new NodeOptions { Mesh = "a\u001bb" } },
        { "Mesh", new NodeOptions { Mesh = "a\ud800" } },
        { "Agent", new NodeOptions { Mesh = "m", Agent = new string('x', 129) } },
        { "Discovery", new NodeOptions { Mesh = "m", Discovery = null! } },
        { "Discovery.MaxPeers", new NodeOptions { Mesh = "m", Discovery = new DiscoveryOptions { TargetPeers = 0, MaxPeers = 0 } } },
        { "Discovery.MaxPeers", new NodeOptions { Mesh = "m", Discovery = new DiscoveryOptions { MaxPeers = 4097 } } },
        { "Discovery.TargetPeers", new NodeOptions { Mesh = "m", Discovery = new DiscoveryOptions { TargetPeers = 33 } } },
        { "Discovery.TargetPeers", new NodeOptions { Mesh = "m", Discovery = new DiscoveryOptions { TargetPeers = -1 } } },
        { "Discovery.FeelerInterval", new NodeOptions { Mesh = "m", Discovery = new DiscoveryOptions { FeelerInterval = TimeSpan.Zero } } },
        { "Discovery.BootstrapNodes", new NodeOptions { Mesh = "m", Discovery = new DiscoveryOptions { BootstrapNodes = null! } } },
        { "Discovery.BootstrapNodes", new NodeOptions { Mesh = "m", Discovery = new DiscoveryOptions { BootstrapNodes = [new PeerAddress("h", 1)] } } },
        { "Discovery.BootstrapLists", new NodeOptions { Mesh = "m", Discovery = new DiscoveryOptions { BootstrapLists = null! } } },
        { "Discovery.BootstrapLists", new NodeOptions { Mesh = "m", Discovery = new DiscoveryOptions { BootstrapLists = [new Uri("https://h/")] } } },
        { "Discovery.BootstrapLists", new NodeOptions { Mesh = "m", Admission = Admission.Open, Discovery = new DiscoveryOptions { BootstrapLists = [new Uri("http://127.0.0.1/")] } } },
        { "Discovery.BootstrapLists", new NodeOptions { Mesh = "m", Admission = Admission.Open, Discovery = new DiscoveryOptions { BootstrapLists = [new Uri("h", UriKind.Relative)] } } },
        { "Discovery.BootstrapLists", new NodeOptions { Mesh = "m", Admission = Admission.Open, Discovery = new DiscoveryOptions { BootstrapLists = [null!] } } },
        { "Discovery.BootstrapLists", new NodeOptions { Mesh = "m", Admission = Admission.Open, Discovery = new DiscoveryOptions { BootstrapLists = [.. Enumerable.Repeat(new Uri("https://h/"), 9)] } } },
        { "Discovery.EnabledMethods", new NodeOptions { Mesh = "m", Discovery = new DiscoveryOptions { EnabledMethods = (DiscoveryMethods)64 } } },
        { "Discovery.StaticPeersFile", new NodeOptions { Mesh = "m", Discovery = new DiscoveryOptions { StaticPeersFile = "" } } },
        { "Reputation", new NodeOptions { Mesh = "m", Reputation = null! } },
        { "Reputation.HalfLife", new NodeOptions { Mesh = "m", Reputation = new ReputationOptions { HalfLife = TimeSpan.Zero } } },
        { "Reputation.BanAt", new NodeOptions { Mesh = "m", Reputation = new ReputationOptions { BanAt = -10 } } },
        { "Reputation.DisconnectAt", new NodeOptions { Mesh = "m", Reputation = new ReputationOptions { DisconnectAt = -80 } } },
        { "DataDirectory", new NodeOptions { Mesh = "m", DataDirectory = "" } },
        { "IdentityPassphrase", new NodeOptions { Mesh = "m", IdentityPassphrase = "p" } },
        { "AdvertisedAddresses", new NodeOptions { Mesh = "m", AdvertisedAddresses = ["no address"] } },
        { "AdvertisedAddresses", new NodeOptions { Mesh = "m", AdvertisedAddresses = [.. Enumerable.Range(1, 9).Select(i => $"h:{i}")] } },
        { "Listen", new NodeOptions { Mesh = "m", Listen = null! } },
        { "LoggerFactory", new NodeOptions { Mesh = "m", LoggerFactory = null! } },
        { "Timeouts", new NodeOptions { Mesh = "m", Timeouts = null! } },
        { "Listen", new NodeOptions { Mesh = "m", Listen = ["h:70000"] } },
        { "Listen", new NodeOptions { Mesh = "m", Listen = ["h:1", "[::]:1", "H:1"] } },
        { "Listen", new NodeOptions { Mesh = "m", Listen = ["::", "[::]"] } },
        { "Listen", new NodeOptions { Mesh = "m", Listen = [new string('0', 64) + "@h:1"] } },
        { "Listen", new NodeOptions { Mesh = "m", Listen = ["::1:0"] } },
        { "Timeouts.Hello", new NodeOptions { Mesh = "m", Timeouts = new NodeTimeouts { Hello = TimeSpan.Zero } } },
        { "Timeouts.PingAfter", new NodeOptions { Mesh = "m", Timeouts = new NodeTimeouts { PingAfter = TimeSpan.MaxValue } } },
        { "Timeouts.Drain", new NodeOptions { Mesh = "m", Timeouts = new NodeTimeouts { Drain = Timeout.InfiniteTimeSpan } } },
        { "Limits.MaxMessage", new NodeOptions { Mesh = "m", Limits = new LinkLimits { MaxMessage = 1023 } } },
        { "Limits.LinkReassembly", new NodeOptions { Mesh = "m", Limits = new LinkLimits { MaxMessage = 9 << 20 } } },
        { "Limits.NodeReassembly", new NodeOptions { Mesh = "m", Limits = new LinkLimits { NodeReassembly = 1 << 20 } } },
        { "Limits.LinkBudget", new NodeOptions { Mesh = "m", Limits = new LinkLimits { MaxStreams = 2048 } } },
        { "Limits.MaxStreams", new NodeOptions { Mesh = "m", Limits = new LinkLimits { MaxStreams = 0 } } },
        { "Limits.MaxControlFrames", new NodeOptions { Mesh = "m", Limits = new LinkLimits { MaxControlFrames = 99 } } },
        { "Limits.MaxControlFrames", new NodeOptions { Mesh = "m", Limits = new LinkLimits { MaxControlFrames = int.MaxValue } } },
        { "Limits.MaxMessages", new NodeOptions { Mesh = "m", Limits = new LinkLimits { MaxMessages = 0 } } },
        { "Limits.MaxBytes", new NodeOptions { Mesh = "m", Limits = new LinkLimits { MaxBytes = (16 << 10) - 1 } } },
        { "Limits.MaxBytes", new NodeOptions { Mesh = "m", Limits = new LinkLimits { MaxBytes = (64L << 30) + 1 } } },
        { "Accept", new NodeOptions { Mesh = "m", Accept = null! } },
        { "Accept.AddressRate", new NodeOptions { Mesh = "m", Accept = new AcceptLimits { AddressRate = 0 } } },
        { "Accept.NetworkRate", new NodeOptions { Mesh = "m", Accept = new AcceptLimits { NetworkRate = double.NaN } } },
        { "Accept.WideRate", new NodeOptions { Mesh = "m", Accept = new AcceptLimits { WideRate = double.PositiveInfinity } } },
        { "Accept.TotalRate", new NodeOptions { Mesh = "m", Accept = new AcceptLimits { TotalRate = -1 } } },
        { "Accept.PinnedRate", new NodeOptions { Mesh = "m", Accept = new AcceptLimits { PinnedRate = 2e6 } } },
        { "Accept.AddressBurst", new NodeOptions { Mesh = "m", Accept = new AcceptLimits { AddressBurst = 0 } } },
        { "Accept.NetworkBurst", new NodeOptions { Mesh = "m", Accept = new AcceptLimits { NetworkBurst = 0 } } },
        { "Accept.WideBurst", new NodeOptions { Mesh = "m", Accept = new AcceptLimits { WideBurst = 0 } } },
        { "Accept.TotalBurst", new NodeOptions { Mesh = "m", Accept = new AcceptLimits { TotalBurst = 2_000_000 } } },
        { "Accept.PinnedBurst", new NodeOptions { Mesh = "m", Accept = new AcceptLimits { PinnedBurst = -1 } } },
        { "Accept.MaxHandshakes", new NodeOptions { Mesh = "m", Accept = new AcceptLimits { MaxHandshakes = 1025 } } },
        { "Accept.MaxHandshakesPerNetwork", new NodeOptions { Mesh = "m", Accept = new AcceptLimits { MaxHandshakesPerNetwork = 9 } } },
        { "Accept.MaxWaiting", new NodeOptions { Mesh = "m", Accept = new AcceptLimits { MaxWaiting = 0 } } },
        { "Accept.MaxGreetings", new NodeOptions { Mesh = "m", Accept = new AcceptLimits { MaxGreetings = 0 } } },
        { "Accept.MaxRemembered", new NodeOptions { Mesh = "m", Accept = new AcceptLimits { MaxRemembered = 255 } } },
        { "Accept.HandshakePatience", new NodeOptions { Mesh = "m", Accept = new AcceptLimits { HandshakePatience = TimeSpan.Zero } } },
        { "Accept.TrustedRanges", new NodeOptions { Mesh = "m", Accept = new AcceptLimits { TrustedRanges = null! } } },
        { "Accept.TrustedRanges", new NodeOptions { Mesh = "m", Accept = new AcceptLimits { TrustedRanges = [null!] } } },
        { "Accept.TrustedRanges", new NodeOptions { Mesh = "m", Accept = new AcceptLimits { TrustedRanges = ["10.0.0.0/8", "10.0.0.0/33"] } } },
        { "Accept.TrustedRanges", new NodeOptions { Mesh = "m", Accept = new AcceptLimits { TrustedRanges = [.. Enumerable.Repeat("10.0.0.0/8", 1025)] } } },
    };

    [Theory]
    [MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public void Check_WrongOption_NamesIt(string name, NodeOptions options)
    {
        MesharaException e = Assert.Throws<MesharaException>(() => OptionsCheck.Check(options));

        Assert.Equal(MesharaErrorCode.InvalidOption, e.Code);
        Assert.Equal(name, e.Option);
        Assert.StartsWith($"The option {name} ", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0.0.0.0:4040", "0.0.0.0", 4040)]
    [InlineData("0.0.0.0:0", "0.0.0.0", 0)]
    [InlineData("[::]:0", "::", 0)]
    [InlineData("[::1]:4040", "::1", 4040)]
    [InlineData("localhost", "localhost", null)]
    [InlineData("[::]", "::", null)]
    [InlineData("h:10", "h", 10)]
    public void Check_Listen_IsRead(string text, string host, int? port) =>
        Assert.Equal([new ListenEntry(host, port)], OptionsCheck.Check(new NodeOptions { Mesh = "m", Listen = [text] }));

    [Theory]
    [InlineData("no address", "not a host name")]
    [InlineData("h:0", "1 to 65535")]
    [InlineData("example.org", "port is missing")]
    [InlineData("[2001:db8::1]", "port is missing")]
    [InlineData("0.0.0.0:4040", "wildcard")]
    [InlineData("[::]:4040", "wildcard")]
    [InlineData("[fe80::1%eth0]:4040", "link-local")]
    [InlineData("[ff02::1]:4040", "multicast")]
    [InlineData("224.0.0.251:4040", "multicast")]
    [InlineData("255.255.255.255:4040", "broadcast")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000@h:1", "id does not belong")]
    public void Check_WrongAdvertisedAddress_NamesTheValueAndWhy(string text, string why)
    {
        MesharaException e = Assert.Throws<MesharaException>(() => OptionsCheck.Check(new NodeOptions { Mesh = "m", AdvertisedAddresses = ["right:1", text] }));

        Assert.Equal(MesharaErrorCode.InvalidOption, e.Code);
        Assert.Contains($"'{text}'", e.Message, StringComparison.Ordinal);
        Assert.Contains(why, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("example.org:4040")]
    [InlineData("127.0.0.1:1")]
    [InlineData("/dns/example.org/tcp/4040")]
    [InlineData("[2001:db8::1]:65535")]
    public void Check_RightAdvertisedAddress_Passes(string text) =>
        Assert.Empty(OptionsCheck.Check(new NodeOptions { Mesh = "m", AdvertisedAddresses = [text] }));

    [Fact]
    public void Check_PortZeroTwice_IsTwoAddresses() =>
        Assert.Equal(2, OptionsCheck.Check(new NodeOptions { Mesh = "m", Listen = ["127.0.0.1:0", "127.0.0.1:0"] }).Count);
}
