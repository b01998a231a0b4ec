using System.Net;
using System.Net.Sockets;
using Meshara.Mdns.Net;
using Xunit;

namespace Meshara.Mdns.Tests.Net;

/// <summary>What is read from the system's own tables.</summary>
public sealed class SystemTablesTests
{
    // include/uapi/linux/if_addr.h: 0x80 permanent, 0x40 tentative, 0x20 deprecated, 0x08 failed, 0x01 temporary.
    [Fact]
    public void ParseIPv6_Lines_AreAddressesWithTheirState()
    {
        string[] lines =
        [
            "fe80000000000000020c29fffe123456 02 40 20 80     eth0",
            "20010db8000000000000000000000001 02 40 00 40     eth0",
            "20010db8000000000000000000000002 02 40 00 48     eth0",
            "20010db8000000000000000000000003 02 40 00 01     eth0",
            "20010db8000000000000000000000004 02 40 00 20     eth0",
            "00000000000000000000000000000001 01 80 10 80       lo",
            "zz 02 40 20 80 eth0",
            "20010db8000000000000000000000004 02 FF 00 20 eth0",
            "",
        ];

        ILookup<string, LinuxAddress> found = LinuxInterfaces.ParseIPv6(lines);

        LinuxAddress[] eth0 = [.. found["eth0"]];
        Assert.Equal([true, false, false, true, true], eth0.Select(a => a.IsUsable));
        Assert.Equal([false, true, false, false, false], eth0.Select(a => a.IsTentative));
        Assert.Equal([0, 1, 1, 2, 3], eth0.Select(a => a.Rank));
        Assert.Equal("fe80::20c:29ff:fe12:3456", eth0[0].Address.ToString());
        Assert.Equal(64, eth0[0].PrefixLength);
        Assert.Equal(128, Assert.Single(found["lo"]).PrefixLength);
    }

    [Theory]
    [InlineData("eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0", "eth0")]
    [InlineData("eth0\t0000000A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0", null)]
    [InlineData("tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0", null)]
    [InlineData("Iface\tDestination\tGateway", null)]
    public void DefaultRouteIPv4_Line_Name(string line, string? expected) => Assert.Equal(expected, LinuxInterfaces.DefaultRouteIPv4(line));

    [Theory]
    [InlineData("00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0", "eth0")]
    [InlineData("00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo", null)]
    [InlineData("fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0", null)]
    [InlineData("", null)]
    public void DefaultRouteIPv6_Line_Name(string line, string? expected) => Assert.Equal(expected, LinuxInterfaces.DefaultRouteIPv6(line));

    [Fact]
    public void Parse_TableOfSockets_ThoseOnThePort()
    {
        string[] lines =
        [
            "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops",
            " 1234: 00000000:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000   105        0 22222 2 0000000000000000 0",
            " 1235: 0100007F:14E8 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 33333 2 0000000000000000 0",
            " 1236: 00000000000000000000000000000000:14E9 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 44444 2 0000000000000000 0",
            "broken :14E9",
        ];

        Assert.Equal([new PortHolder(22222, 105, null, null), new PortHolder(44444, 1000, null, null)], PortHolders.Parse(lines, 5353));
    }

    [Fact]
    public void Find_SocketOfOurs_IsSeenWithThisProcess()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The table of sockets is of Linux.");
        using Socket first = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        first.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        first.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        int port = ((IPEndPoint)first.LocalEndPoint!).Port;

        Assert.Equal(Environment.ProcessId, Assert.Single(PortHolders.Find(port)).Process);
        Assert.False(PortHolders.IsShared(port, ipv6: false, [first.Handle]));
        Assert.True(PortHolders.IsShared(port, ipv6: false, []));
        using Socket second = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        second.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        second.Bind(new IPEndPoint(IPAddress.Loopback, port));
        Assert.True(PortHolders.IsShared(port, ipv6: false, [first.Handle]));
        Assert.False(PortHolders.IsShared(port, ipv6: true, []));
    }

    [Theory]
    [InlineData("10.1.2.3", 24, "10.1.2.0/24")]
    [InlineData("10.1.2.3", 22, "10.1.0.0/22")]
    [InlineData("10.1.2.3", 32, "10.1.2.3/32")]
    [InlineData("10.1.2.3", 0, "0.0.0.0/0")]
    [InlineData("2001:db8::1", 64, "2001:db8::/64")]
    [InlineData("fe80::1%3", 10, "fe80::/10")]
    public void Subnet_Address_HasNoBitsOfTheHost(string address, int prefix, string expected) =>
        Assert.Equal(expected, new LocalAddress(IPAddress.Parse(address), prefix).Subnet.ToString());

    [Theory]
    [InlineData("224.0.0.251", true)]
    [InlineData("ff02::fb", true)]
    [InlineData("ff02::fb%7", true)]
    [InlineData("224.0.0.252", false)]
    [InlineData("ff02::fc", false)]
    [InlineData("ff05::fb", false)]
    [InlineData("10.0.0.1", false)]
    public void Is_Address_OnlyTheGroup(string address, bool expected) => Assert.Equal(expected, MdnsGroup.Is(IPAddress.Parse(address)));

    [Fact]
    public void TryTake_OneSource_HasItsShareAndTheOthersTheirs()
    {
        SourceLimiter limiter = new();
        IPAddress loud = IPAddress.Parse("10.0.0.1");
        TimeSpan now = TimeSpan.FromSeconds(1);

        Assert.Equal(SourceLimiter.Burst, Enumerable.Range(0, 10_000).Count(_ => limiter.TryTake(loud, now)));
        Assert.True(limiter.TryTake(IPAddress.Parse("10.0.0.2"), now));
        Assert.Equal(SourceLimiter.PerSecond, Enumerable.Range(0, 10_000).Count(_ => limiter.TryTake(loud, now + TimeSpan.FromSeconds(1))), 2.0);
    }

    // Ten thousand forged senders: those beyond the table share what one may, and those who were quiet make place.
    [Fact]
    public void TryTake_ManySources_AreBoundedTogether()
    {
        SourceLimiter limiter = new();
        TimeSpan now = TimeSpan.FromSeconds(1);

        int taken = Enumerable.Range(0, 10_000).Count(i => limiter.TryTake(new IPAddress(i + 1), now));
        Assert.Equal(SourceLimiter.MaxSources + SourceLimiter.Burst, taken);
        Assert.True(limiter.TryTake(new IPAddress(20_000), now + TimeSpan.FromSeconds(2)));
    }
}
