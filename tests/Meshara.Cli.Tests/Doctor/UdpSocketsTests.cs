using System.Net;
using System.Net.Sockets;
using Meshara.Cli.Doctor;
using Xunit;

namespace Meshara.Cli.Tests.Doctor;

public sealed class UdpSocketsTests
{
    // Linux 6.1, a machine with avahi-daemon and a browser.
    private const string Table = """
           sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
          402: 00000000:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000   108        0 17320 2 0000000000000000 0
          402: FB0000E0:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 48211 2 0000000000000000 12
         1117: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 15022 2 0000000000000000 0
        """;

    private const string Table6 = """
          sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
          402: 00000000000000000000000000000000:14E9 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000   108        0 17321 2 0000000000000000 0
        """;

    [Fact]
    public void Parse_TablesOfBothFamilies_FindsTheSocketsOfThePort()
    {
        Assert.Equal([new UdpSocket(5353, 108, 17320), new UdpSocket(5353, 1000, 48211)], UdpSockets.Parse(Table, 5353));
        Assert.Equal([new UdpSocket(5353, 108, 17321)], UdpSockets.Parse(Table6, 5353));
        Assert.Equal([new UdpSocket(68, 0, 15022)], UdpSockets.Parse(Table, 68));
    }

    [Theory]
    [InlineData("")]
    [InlineData("head\nshort line")]
    [InlineData("head\n 1: zz:yy 0 0 0 0 0 x 0 y 0")]
    public void Parse_BrokenTable_FindsNothing(string text) => Assert.Empty(UdpSockets.Parse(text, 5353));

    [Fact]
    public void Find_PortThatAnotherProgramHolds_NamesIt()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Needs /proc.");
        using Socket own = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        own.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        int port = ((IPEndPoint)own.LocalEndPoint!).Port;

        // Ours is no other program's.
        Assert.Equal("No other program holds this port.", Assert.Single(UdpHolders.Find(port)).Detail);
    }

    [Fact]
    public void Find_TreeOfProcesses_NamesWhoHoldsIt()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Needs symbolic links.");
        using TempFolder proc = new();
        Directory.CreateDirectory(Path.Combine(proc.Path, "net"));
        File.WriteAllText(Path.Combine(proc.Path, "net", "udp"), Table);
        File.WriteAllText(Path.Combine(proc.Path, "net", "udp6"), Table6);
        string fd = Directory.CreateDirectory(Path.Combine(proc.Path, "612", "fd")).FullName;
        File.WriteAllText(Path.Combine(proc.Path, "612", "comm"), "avahi-daemon\n");
        File.CreateSymbolicLink(Path.Combine(fd, "12"), "socket:[17320]");
        File.CreateSymbolicLink(Path.Combine(fd, "13"), "socket:[17321]");

        FindingLine finding = Assert.Single(UdpHolders.Find(5353, proc.Path));

        Assert.Equal((FindingLine.Ok, "Also held by avahi-daemon (process 612), a program of user 1000 that this user cannot look at. It is shared: each hears all multicast."), (finding.State, finding.Detail));
    }
}
