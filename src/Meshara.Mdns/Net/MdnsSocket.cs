using System.Net;
using System.Net.Sockets;
using Meshara.Mdns.Engine;

namespace Meshara.Mdns.Net;

/// <summary>The one socket of a family: bound to port 5353 of every address, beside others that hold the port too, a member of the group on each interface that is joined.</summary>
/// <remarks>One for all interfaces, because sockets per interface each hear all of them, and one that nobody reads swallows unicast packets.</remarks>
internal sealed class MdnsSocket : IDisposable
{
    // RFC 6762 section 11: sent so; what is received is not checked, because implementations in the field send 1.
    private const int TimeToLive = 255;

    // Windows: an ICMP answer to one packet sent must not make the next receive fail.
    private const int SioUdpConnReset = -1744830452;

    // IPPROTO_IPV6 and IPV6_UNICAST_HOPS, for which the framework has no name that works everywhere.
    private const int LevelIPv6 = 41;
    private static readonly int UnicastHops = OperatingSystem.IsLinux() ? 16 : 4;

    private const int ReceiveBuffer = 1 << 20;

    private readonly Socket _socket;
    private readonly bool _ipv6;
    private readonly IPEndPoint _any;

    // One sender at a time: the option below must not change between being set and being used.
    private readonly SemaphoreSlim _sending = new(1, 1);
    private int _outgoing;

    private MdnsSocket(Socket socket, bool ipv6)
    {
        _socket = socket;
        _ipv6 = ipv6;
        _any = new IPEndPoint(ipv6 ? IPAddress.IPv6Any : IPAddress.Any, 0);
    }

    /// <summary>The socket's number at the system: a file descriptor on Unix.</summary>
    public nint Handle => _socket.Handle;

    /// <summary>Opens it.</summary>
    /// <exception cref="SocketException">The family or the port cannot be had.</exception>
    public static MdnsSocket Open(bool ipv6)
    {
        Socket socket = new(ipv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            SocketOptionLevel level = ipv6 ? SocketOptionLevel.IPv6 : SocketOptionLevel.IP;
            if (ipv6)
                socket.SetSocketOption(level, SocketOptionName.IPv6Only, true);

            // On Unix this sets SO_REUSEADDR and SO_REUSEPORT.
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            TrySet(() => socket.ReceiveBufferSize = ReceiveBuffer);
            socket.SetSocketOption(level, SocketOptionName.PacketInformation, true);

            // HopLimit throws on Linux; this one sets the hop limit of IPv6 multicast too.
            socket.SetSocketOption(level, SocketOptionName.MulticastTimeToLive, TimeToLive);
            socket.SetSocketOption(level, SocketOptionName.MulticastLoopback, true);
            if (ipv6)
                TrySet(() => socket.SetRawSocketOption(LevelIPv6, UnicastHops, BitConverter.GetBytes(TimeToLive)));
            else
                socket.SetSocketOption(level, SocketOptionName.IpTimeToLive, TimeToLive);
            if (OperatingSystem.IsWindows())
                socket.IOControl(SioUdpConnReset, [0, 0, 0, 0], null);
            socket.Bind(new IPEndPoint(ipv6 ? IPAddress.IPv6Any : IPAddress.Any, MdnsPort.Number));
            return new MdnsSocket(socket, ipv6);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Joins the group on an interface.</summary>
    /// <exception cref="SocketException">The system refuses.</exception>
    public void Join(int index)
    {
        if (_ipv6)
            _socket.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.AddMembership, new IPv6MulticastOption(MdnsGroup.IPv6, index));
        else
            _socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.AddMembership, new MulticastOption(MdnsGroup.IPv4, index));
    }

    /// <summary>Leaves the group; by number, because the interface may be gone and its membership would still count.</summary>
    /// <exception cref="SocketException">The system refuses.</exception>
    public void Leave(int index)
    {
        if (_ipv6)
            _socket.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.DropMembership, new IPv6MulticastOption(MdnsGroup.IPv6, index));
        else
            _socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.DropMembership, new MulticastOption(MdnsGroup.IPv4, index));
    }

    /// <summary>Sends to the group through an interface, or to one address.</summary>
    /// <exception cref="SocketException">The system refuses.</exception>
    public async ValueTask SendAsync(int index, IPEndPoint? destination, ReadOnlyMemory<byte> packet, CancellationToken cancellationToken)
    {
        // Held until the packet is with the system: one that is queued would else leave through the next packet's interface.
        await _sending.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (destination is null && !_ipv6 && _outgoing != index)
            {
                _socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastInterface, IPAddress.HostToNetworkOrder(index));
                _outgoing = index;
            }

            IPEndPoint to = destination ?? new IPEndPoint(_ipv6 ? new IPAddress(MdnsGroup.IPv6.GetAddressBytes(), index) : MdnsGroup.IPv4, MdnsPort.Number);
            await _socket.SendToAsync(packet, SocketFlags.None, to, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException)
        {
            // The interface may be gone and come back with the same number: the option is set anew.
            _outgoing = 0;
            throw;
        }
        finally
        {
            _sending.Release();
        }
    }

    /// <summary>Takes the next packet.</summary>
    /// <exception cref="SocketException">That went wrong; the next may go well.</exception>
    public async ValueTask<Datagram> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        SocketReceiveMessageFromResult result = await _socket.ReceiveMessageFromAsync(buffer, SocketFlags.None, _any, cancellationToken).ConfigureAwait(false);
        int size = result.SocketFlags.HasFlag(SocketFlags.Truncated) ? buffer.Length + 1 : result.ReceivedBytes;
        return new Datagram(size, (IPEndPoint)result.RemoteEndPoint, result.PacketInformation.Address, result.PacketInformation.Interface);
    }

    public void Dispose()
    {
        _socket.Dispose();
        _sending.Dispose();
    }

    // What is good to have, and no reason to do without the family.
    private static void TrySet(Action set)
    {
        try
        {
            set();
        }
        catch (SocketException)
        {
            // A system that knows no such option, or allows no such size.
        }
    }
}
