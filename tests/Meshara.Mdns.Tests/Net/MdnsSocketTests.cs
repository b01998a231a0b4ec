using System.Net.Sockets;
using Meshara.Mdns.Net;
using Meshara.Mdns.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Meshara.Mdns.Tests.Net;

/// <summary>The real socket on the loopback interface.</summary>
public sealed class MdnsSocketTests
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Send_ToTheGroup_ReachesEverySocketOnThePort()
    {
        int loopback = Loopback();
        using MdnsSocket first = MdnsSocket.Open(ipv6: false);
        using MdnsSocket second = MdnsSocket.Open(ipv6: false);
        first.Join(loopback);
        second.Join(loopback);
        byte[] packet = [.. "M1-group"u8];

        await first.SendAsync(loopback, null, packet, default);

        foreach (MdnsSocket socket in (MdnsSocket[])[first, second])
        {
            Datagram heard = await ReceiveAsync(socket, packet);
            Assert.Equal(loopback, heard.InterfaceIndex);
            Assert.True(MdnsGroup.Is(heard.To!));
            Assert.Equal(5353, heard.From.Port);
        }
    }

    // RFC 6762 section 11: 255 for what goes to the group and for what goes to one host.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Open_Socket_SendsWithTimeToLive255(bool ipv6)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The numbers of the options are those of Linux.");
        Assert.SkipUnless(!ipv6 || Socket.OSSupportsIPv6, "No IPv6 here.");
        using MdnsSocket socket = MdnsSocket.Open(ipv6);
        using Socket same = new(new SafeSocketHandle(socket.Handle, ownsHandle: false));

        // IP_TTL, IP_MULTICAST_TTL, IPV6_UNICAST_HOPS, IPV6_MULTICAST_HOPS.
        foreach (int option in ipv6 ? (int[])[16, 18] : [2, 33])
        {
            byte[] value = new byte[4];
            int size = same.GetRawSocketOption(ipv6 ? 41 : 0, option, value);
            Assert.Equal(255, size == 1 ? value[0] : BitConverter.ToInt32(value));
        }
    }

    // RFC 6762 section 17 lets a packet have 9000 bytes.
    [Fact]
    public async Task Receive_LongPackets_UpTo9000AreWholeAndLongerOnesAreKnown()
    {
        int loopback = Loopback();
        using MdnsSocket socket = MdnsSocket.Open(ipv6: false);
        socket.Join(loopback);
        byte[] whole = [.. "M1-whole"u8, .. new byte[8992]];
        byte[] longer = [.. "M1-longer"u8, .. new byte[8992]];
        await socket.SendAsync(loopback, null, whole, default);
        await socket.SendAsync(loopback, null, longer, default);

        Assert.Equal(9000, (await ReceiveAsync(socket, whole.AsMemory(0, 8))).Size);
        Assert.True((await ReceiveAsync(socket, longer.AsMemory(0, 9))).Size > 9000);
    }

    // Neither joining twice nor leaving what was never joined ends anything.
    [Fact]
    public async Task Join_TwiceAndLeaveTwice_IsNoFault()
    {
        await using SocketTransport transport = new(useIPv4: true, useIPv6: false, filter: null, NullLogger.Instance);
        Meshara.Mdns.Engine.LinkKey link = new(Loopback(), IPv6: false);

        Assert.Null(transport.Join(link));
        Assert.Null(transport.Join(link));
        transport.Leave(link);
        transport.Leave(link);
        transport.Leave(new Meshara.Mdns.Engine.LinkKey(987_654, IPv6: false));
        Assert.NotNull(transport.Join(new Meshara.Mdns.Engine.LinkKey(987_654, IPv6: false)));
        Assert.Equal("IPv6 is switched off by the options.", transport.Fault(ipv6: true));
        await Assert.ThrowsAsync<SocketException>(() => transport.SendAsync(link with { IPv6 = true }, null, new byte[1], default).AsTask());
    }

    // The framework refuses it in words of its own; that ended the scan, and with it all other interfaces.
    [Theory]
    [InlineData(0x0100_0000)]
    [InlineData(-1)]
    public async Task Join_NumberThatTheFrameworkRefuses_SaysSo(int index)
    {
        await using SocketTransport transport = new(useIPv4: true, useIPv6: true, filter: null, NullLogger.Instance);

        foreach (bool ipv6 in (bool[])[false, true])
        {
            Meshara.Mdns.Engine.LinkKey link = new(index, ipv6);
            Assert.NotNull(transport.Join(link));
            transport.Leave(link);
        }
    }

    // What the system tells of changes is a hint; it may refuse to tell (no descriptor left, a sandbox).
    [Fact]
    public async Task Open_SystemTellsNoNews_GoesOnWithout()
    {
        LogBook log = new();
        SocketTransport transport = new(useIPv4: true, useIPv6: false, filter: null, log, static _ => throw new System.Net.NetworkInformation.NetworkInformationException());

        Assert.Null(transport.Fault(ipv6: false));
        Assert.NotNull(transport.Scan());
        Assert.Single(log.Lines, static l => l.Contains("does not tell of changes", StringComparison.Ordinal));
        await transport.DisposeAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => transport.ReceiveAsync(ipv6: false, new byte[9001], default).AsTask());
    }

    // Others on this machine may send too: only what begins so is ours.
    private static async Task<Datagram> ReceiveAsync(MdnsSocket socket, ReadOnlyMemory<byte> beginning)
    {
        using CancellationTokenSource guard = new(Guard, TimeProvider.System);
        byte[] buffer = new byte[9001];
        while (true)
        {
            Datagram heard = await socket.ReceiveAsync(buffer, guard.Token);
            if (buffer.AsSpan().StartsWith(beginning.Span))
                return heard;
        }
    }

    private static int Loopback()
    {
        // For IPv6 it has no route to the group: the tests in namespaces send that.
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux is known to carry the group on its loopback interface.");
        return int.Parse(File.ReadAllText("/sys/class/net/lo/ifindex"));
    }
}
