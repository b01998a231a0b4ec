using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Meshara.Cli.Doctor;
using Meshara.Cli.Doctor.Firewall;
using Xunit;

namespace Meshara.Cli.Tests.Doctor;

public sealed class InterfaceCheckTests
{
    private static readonly MulticastResult Works = new(null, null);

    [Theory]
    [InlineData("bind", SocketError.AddressAlreadyInUse, "port 5353/udp is held by another program for itself alone")]
    [InlineData("join", SocketError.NoBufferSpaceAvailable, "the limit of memberships is reached")]
    [InlineData("send", SocketError.AccessDenied, "a firewall of this machine forbids to send")]
    [InlineData("send", SocketError.NetworkUnreachable, "there is no route to the multicast group 224.0.0.251 (\"network is unreachable\")")]
    [InlineData("send", SocketError.HostUnreachable, "(\"no route to host\")")]
    [InlineData("hear", null, "was sent to 224.0.0.251 and did not come back")]
    [InlineData("socket", SocketError.AddressFamilyNotSupported, "the step 'socket' failed (AddressFamilyNotSupported)")]
    public void Judge_StepThatFailed_IsBrokenAndSaysWhatToDo(string step, SocketError? error, string said)
    {
        FindingLine finding = InterfaceCheck.Judge([("eth0", AddressFamily.InterNetwork, new MulticastResult(step, error)), ("eth0", AddressFamily.InterNetworkV6, Works)], []).First();

        Assert.Equal((FindingLine.Broken, "eth0, IPv4"), (finding.State, finding.Subject));
        Assert.Contains(said, finding.Detail, StringComparison.Ordinal);
        Assert.NotEmpty(finding.Advice!);
    }

    [Fact]
    public void Judge_OneInterfaceOfAFamilyWorks_TheOtherIsAWarning()
    {
        FindingLine[] findings = [.. InterfaceCheck.Judge([("eth0", AddressFamily.InterNetwork, Works), ("tap0", AddressFamily.InterNetwork, new MulticastResult("hear", null)), ("eth0", AddressFamily.InterNetworkV6, Works)], [])];

        Assert.Equal([FindingLine.Ok, FindingLine.Warning, FindingLine.Ok], findings.Select(f => f.State));
    }

    [Fact]
    public void Judge_FamilyWithoutAddress_IsAWarning()
    {
        FindingLine[] findings = [.. InterfaceCheck.Judge([("eth0", AddressFamily.InterNetwork, Works)], [])];

        Assert.Equal((FindingLine.Warning, "IPv6"), (findings[1].State, findings[1].Subject));
    }

    // It was reported as one without addresses, and its network as one without IPv4 and IPv6.
    [Fact]
    public void Read_AddressesThatCannotBeRead_AreSaidToBeUnread()
    {
        LocalInterface eth0 = LocalInterface.Read(new Unreadable(), flags: null);
        LocalInterface[] all = [eth0, Loopback];

        FindingLine finding = InterfaceCheck.Describe(eth0, all);
        FindingLine[] families = [.. InterfaceCheck.Judge([], all)];

        Assert.True(eth0 is { IsUnread: true, IsUsable: true });
        Assert.Equal((FindingLine.Ok, "up; its addresses cannot be read"), (finding.State, finding.Detail));
        Assert.All(families, family => Assert.Equal(FindingLine.Unseen, family.State));
        Assert.StartsWith("The addresses of eth9 cannot be read, and no other interface that carries multicast has an IPv4 address", families[0].Detail, StringComparison.Ordinal);

        // What a firewall would do with its packets is asked as of unknown addresses.
        FirewallLink link = Assert.Single(FirewallLink.Of(all));
        Assert.Equal(("eth9", true, true), (link.Name, link.Has(isIPv6: false), link.Has(isIPv6: true)));

        // Packets may go there: nobody says that they cannot leave because another interface is down.
        Assert.Null(LocalInterface.DownTowards([Lan("eth0", isUp: false), eth0, Loopback], to: null));
    }

    [Fact]
    public void Describe_OnlyInterfaceIsDown_IsAWarningWithTheCommand()
    {
        LocalInterface eth0 = Lan("eth0", isUp: false);
        LocalInterface[] all = [eth0, Loopback];

        FindingLine finding = InterfaceCheck.Describe(eth0, all);
        FindingLine[] families = [.. InterfaceCheck.Judge([], all)];

        Assert.Equal((FindingLine.Warning, eth0.UpAdvice), (finding.State, finding.Advice));
        Assert.StartsWith("down; 10.0.0.1. Nothing is sent or heard on it", finding.Detail, StringComparison.Ordinal);
        Assert.All(families, family => Assert.Equal((FindingLine.Warning, eth0.UpAdvice), (family.State, family.Advice)));
        Assert.Equal(FindingLine.Ok, InterfaceCheck.Describe(Loopback, all).State);
    }

    [Fact]
    public void Describe_InterfaceIsDownBesideOneThatIsUp_IsOk()
    {
        LocalInterface eth0 = Lan("eth0", isUp: false);

        FindingLine finding = InterfaceCheck.Describe(eth0, [eth0, Lan("wlan0"), Loopback]);

        Assert.Equal((FindingLine.Ok, "down; 10.0.0.1"), (finding.State, finding.Detail));
    }

    [Fact]
    public void UpAdvice_NoCarrier_AsksForTheCable() =>
        Assert.Equal("Plug in the cable of eth0, or join its wireless network.", (Lan("eth0", isUp: false) with { LacksCarrier = true }).UpAdvice);

    [Fact]
    public void Describe_MulticastIsOff_IsAWarningWithTheCommand()
    {
        LocalInterface eth0 = Lan("eth0", multicast: false);
        LocalInterface[] all = [eth0, Loopback];

        FindingLine finding = InterfaceCheck.Describe(eth0, all);
        FindingLine[] families = [.. InterfaceCheck.Judge([], all)];

        Assert.Equal((FindingLine.Warning, eth0.MulticastAdvice), (finding.State, finding.Advice));
        Assert.Contains("Multicast DNS cannot work on it: its MULTICAST flag is off.", finding.Detail, StringComparison.Ordinal);
        Assert.Equal((FindingLine.Warning, "IPv4", eth0.MulticastAdvice), (families[0].State, families[0].Subject, families[0].Advice));
        Assert.Contains("Switch IPv6 on", families[1].Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void Describe_TunnelWithoutMulticast_IsAWarningOnlyWhereNothingElseIsThere()
    {
        LocalInterface tunnel = Lan("wg0", multicast: false) with { Kind = InterfaceKind.Other };

        Assert.Equal(FindingLine.Ok, InterfaceCheck.Describe(tunnel, [Lan("eth0"), tunnel]).State);
        Assert.Equal(FindingLine.Warning, InterfaceCheck.Describe(tunnel, [tunnel, Loopback]).State);
    }

    [Theory]
    [InlineData(NetworkInterfaceType.Ethernet, 0x1003, "Lan")] // eth0: up, broadcast, multicast
    [InlineData(NetworkInterfaceType.Ethernet, 0x0003, "Lan")] // the same, multicast off
    [InlineData(NetworkInterfaceType.Ethernet, 0x0083, "Other")] // dummy0: no ARP
    [InlineData(NetworkInterfaceType.Unknown, 0x10d1, "Other")] // tun0: point to point
    [InlineData(NetworkInterfaceType.Loopback, 0x0049, "Loopback")]
    [InlineData(NetworkInterfaceType.Ethernet, null, "Lan")]
    [InlineData(NetworkInterfaceType.Tunnel, null, "Other")]
    public void KindOf_FlagsOfLinux_TellWhereNeighboursAre(NetworkInterfaceType type, int? flags, string kind) =>
        Assert.Equal(kind, LocalInterface.KindOf(type, flags).ToString());

    [Theory]
    [InlineData("10.0.0.7", "eth0")] // in its network
    [InlineData("203.0.113.1", null)] // by another
    [InlineData("127.0.0.1", null)]
    public void DownTowards_BesideOneThatIsUp_IsTheOneWithThatNetwork(string to, string? name)
    {
        LocalInterface up = Lan("eth1") with { Addresses = [(IPAddress.Parse("10.1.0.1"), 24)] };

        Assert.Equal(name, LocalInterface.DownTowards([Lan("eth0", isUp: false), up, Loopback], IPAddress.Parse(to))?.Name);
    }

    // By cable and wireless in one network: the cable was blamed, though the packets go by air.
    [Fact]
    public void DownTowards_AnotherOfTheSameNetworkIsUp_IsNone()
    {
        LocalInterface wireless = Lan("wlan0") with { Addresses = [(IPAddress.Parse("10.0.0.9"), 24)] };

        Assert.Null(LocalInterface.DownTowards([Lan("eth0", isUp: false), wireless, Loopback], IPAddress.Parse("10.0.0.7")));
    }

    // Each interface has fe80::/64: only the scope says whose.
    [Theory]
    [InlineData("fe80::7%2", "eth0")]
    [InlineData("fe80::7%3", null)]
    public void DownTowards_LinkLocal_IsTheInterfaceOfItsScope(string to, string? name)
    {
        LocalInterface down = Lan("eth0", isUp: false) with { Addresses = [(IPAddress.Parse("fe80::1%2"), 64)] };
        LocalInterface up = Lan("wlan0") with { Addresses = [(IPAddress.Parse("fe80::2%3"), 64)] };

        Assert.Equal(name, LocalInterface.DownTowards([down, up, Loopback], IPAddress.Parse(to))?.Name);
    }

    [Fact]
    public void Links_OfTheFirewall_AreThoseThatAreUp()
    {
        FirewallLink[] links = [.. FirewallLink.Of([Lan("wlan0"), Lan("eth0", isUp: false), Loopback])];

        Assert.Equal(["wlan0"], links.Select(static link => link.Name));
        Assert.Null(Assert.Single(FirewallLink.Of([Lan("eth0", isUp: false)])).Name);
        Assert.Null(Assert.Single(FirewallLink.Of(null)).Name);
    }

    [Theory]
    [InlineData("203.0.113.1", "eth0")]
    [InlineData(null, "eth0")] // a name
    [InlineData("127.0.0.1", null)]
    public void DownTowards_NothingElseIsUp_IsTheFirst(string? to, string? name) =>
        Assert.Equal(name, LocalInterface.DownTowards([Lan("eth0", isUp: false), Loopback], to is null ? null : IPAddress.Parse(to))?.Name);

    private static LocalInterface Loopback { get; } = new("lo", InterfaceKind.Loopback, IsUp: true, HasMulticast: false, [(IPAddress.Loopback, 8)]);

    private static LocalInterface Lan(string name, bool isUp = true, bool multicast = true) => new(name, InterfaceKind.Lan, isUp, multicast, [(IPAddress.Parse("10.0.0.1"), 24)]);

    // What went while it was looked at.
    private sealed class Unreadable : NetworkInterface
    {
        public override string Name => "eth9";

        public override NetworkInterfaceType NetworkInterfaceType => NetworkInterfaceType.Ethernet;

        public override OperationalStatus OperationalStatus => OperationalStatus.Up;

        public override bool SupportsMulticast => true;

        public override IPInterfaceProperties GetIPProperties() => throw new NetworkInformationException(19);
    }
}
