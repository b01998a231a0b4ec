using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Meshara.Net;

/// <summary>Options of our sockets, each for a reason.</summary>
internal static class TcpSockets
{
    // Wire protocol section 7.4: what the kernel holds unsent is what a PING waits behind.
    private const int NotSentLowWater = 128 << 10;

    private const int IpProtoTcp = 6;

    // The kernel drops further connects when this many wait to be accepted (fewer where the system says so: net.core.somaxconn), and who is dropped tries again a second
    // later. A flood of 5,000 a second fills 512 while the process waits a tenth of a second for a processor; the accept loop empties 4096 in about as long.
    private const int Backlog = 4096;

    /// <summary>Connects to one address; throws <see cref="SocketException"/>.</summary>
    public static async ValueTask<TransportConnection> ConnectAsync(IPEndPoint where, CancellationToken cancellationToken)
    {
        Socket? socket = null;
        try
        {
            socket = new Socket(where.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(where, cancellationToken).ConfigureAwait(false);
            if (Equals(socket.LocalEndPoint, socket.RemoteEndPoint))
            {
                // Linux connects a socket to itself when the port it was lent is the one it dials (simultaneous open).
                throw new SocketException((int)SocketError.ConnectionRefused);
            }

            TransportConnection connection = Wrap(socket);
            socket = null;
            return connection;
        }
        finally
        {
            socket?.Dispose();
        }
    }

    /// <summary>Listens on one address; throws <see cref="SocketException"/>.</summary>
    /// <param name="address">Ours, or a wildcard.</param>
    /// <param name="port">0 to 65535.</param>
    /// <param name="takesIPv4">Of <c>::</c> only: whether IPv4 connections are taken as well.</param>
    public static Socket Listen(IPAddress address, int port, bool takesIPv4)
    {
        Socket? socket = null;
        try
        {
            if (address.Equals(IPAddress.IPv6Any) && !Interfaces.HaveIPv6())
            {
                // Where IPv6 is switched off a kernel still lets one listen, for nobody.
                throw new SocketException((int)SocketError.AddressFamilyNotSupported);
            }

            socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            PrepareListener(socket, takesIPv4);
            socket.Bind(new IPEndPoint(address, port));
            socket.Listen(Backlog);
            Socket listening = socket;
            socket = null;
            return listening;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressNotAvailable && address.AddressFamily == AddressFamily.InterNetworkV6 && !Interfaces.HaveIPv6())
        {
            throw new SocketException((int)SocketError.AddressFamilyNotSupported);
        }
        finally
        {
            socket?.Dispose();
        }
    }

    /// <summary>Makes a connected socket a connection; throws <see cref="SocketException"/> if the peer is gone already.</summary>
    public static TransportConnection Wrap(Socket socket)
    {
        socket.NoDelay = true;
        LimitUnsent(socket);
        var remote = (IPEndPoint)(socket.RemoteEndPoint ?? throw new SocketException((int)SocketError.NotConnected));
        return new TransportConnection(new TcpStream(socket), Plain(remote.Address).ToString(), remote.Port)
        {
            LocalAddress = socket.LocalEndPoint is IPEndPoint local ? Plain(local.Address) : null,
        };
    }

    private static void PrepareListener(Socket socket, bool takesIPv4)
    {
        if (socket.AddressFamily == AddressFamily.InterNetworkV6)
        {
            socket.DualMode = takesIPv4;
        }

        if (OperatingSystem.IsWindows())
        {
            // Windows binds past TIME_WAIT anyway; without this another program could take our port away.
            socket.ExclusiveAddressUse = true;
        }

        // Elsewhere Bind itself sets SO_REUSEADDR, so a restart binds beside TIME_WAIT. SocketOptionName.ReuseAddress would set
        // SO_REUSEPORT as well, and a second node on the same port would be no error.
    }

    public static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private static void LimitUnsent(Socket socket)
    {
        if (OperatingSystem.IsLinux() || OperatingSystem.IsAndroid())
        {
            TrySet(socket, IpProtoTcp, 25, NotSentLowWater);
        }
        else if (OperatingSystem.IsMacOS() || OperatingSystem.IsIOS())
        {
            TrySet(socket, IpProtoTcp, 0x201, NotSentLowWater);
        }
    }

    private static void TrySet(Socket socket, int level, int option, int value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        if (BitConverter.IsLittleEndian)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        }
        else
        {
            BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        }

        try
        {
            socket.SetRawSocketOption(level, option, bytes);
        }
        catch (SocketException)
        {
            // An optimisation that this kernel does not have.
        }
    }
}

/// <summary>A socket's stream; disposing it resets the connection (TransportConnection.Stream).</summary>
internal sealed class TcpStream(Socket socket) : NetworkStream(socket, ownsSocket: true)
{
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            // A zero linger time: nothing unsent stays behind in the kernel for a peer that does not read.
            Socket.Close(0);
        }

        base.Dispose(disposing);
    }
}
