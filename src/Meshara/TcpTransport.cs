using System.Net;
using System.Net.Sockets;
using Meshara.Net;

namespace Meshara;

/// <summary>TCP over IPv4 and IPv6: the transport of a node that is given no other.</summary>
/// <remarks>
/// Listening on <c>::</c> takes IPv4 connections as well, listening on <c>0.0.0.0</c> only those. <c>localhost</c> is the loopback
/// address without a look-up (RFC 6761 section 6.3). Disposing a connection resets it: what must arrive is acknowledged before.
/// </remarks>
public sealed class TcpTransport : ITransport
{
    // The kernel refuses further connections when this many wait to be accepted; the accept loop of a node never rests for long.
    private const int Backlog = 512;

    private readonly TimeProvider _timeProvider;

    /// <summary>Creates the transport.</summary>
    /// <param name="timeProvider">The clock of the pause after a failed accept. Default: the system's.</param>
    public TcpTransport(TimeProvider? timeProvider = null) => _timeProvider = timeProvider ?? TimeProvider.System;

    /// <summary>Starts to listen.</summary>
    /// <param name="host">An address of this machine, a name that resolves to one, or a wildcard: <c>0.0.0.0</c> for IPv4, <c>::</c> for both.</param>
    /// <param name="port">0 to 65535; 0 lets the system choose.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.ListenFailed"/>: taken, not an address of this machine, not permitted, no such name.</exception>
    public async ValueTask<TransportListener> ListenAsync(string host, int port, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(host);
        ArgumentOutOfRangeException.ThrowIfNegative(port);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, IPEndPoint.MaxPort);
        IPAddress address;
        try
        {
            address = (await TcpNames.ResolveAsync(host, cancellationToken).ConfigureAwait(false))[0];
        }
        catch (MesharaException e)
        {
            throw new MesharaException(MesharaErrorCode.ListenFailed, TcpErrors.Listen(host, port, e.Message), e.IsTransient, innerException: e);
        }

        Socket? socket = null;
        try
        {
            socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            TcpSockets.PrepareListener(socket, address);
            socket.Bind(new IPEndPoint(address, port));
            socket.Listen(Backlog);
            return new TcpTransportListener(socket, _timeProvider);
        }
        catch (SocketException e)
        {
            socket?.Dispose();
            throw TcpErrors.ListenFailed(host, port, e);
        }
    }

    /// <summary>Connects: resolves the name and tries its addresses one after the other.</summary>
    /// <param name="host">A name or an IP address; IPv6 without brackets.</param>
    /// <param name="port">1 to 65535.</param>
    /// <param name="cancellationToken">Gives up; there is no deadline but this.</param>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.NameNotResolved"/>, or <see cref="MesharaErrorCode.ConnectFailed"/> with what the last address answered.</exception>
    public async ValueTask<TransportConnection> ConnectAsync(string host, int port, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(host);
        ArgumentOutOfRangeException.ThrowIfLessThan(port, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, IPEndPoint.MaxPort);
        IPAddress[] addresses = await TcpNames.ResolveAsync(host, cancellationToken).ConfigureAwait(false);
        if (addresses is [{ } only] && (only.Equals(IPAddress.Any) || only.Equals(IPAddress.IPv6Any)))
        {
            throw new MesharaException(
                MesharaErrorCode.ConnectFailed, $"Cannot connect to {PeerAddress.Join(host, port)}: this is a wildcard to listen on. Use an address of that machine.");
        }

        return await ConnectToFirstAsync(host, addresses, port, cancellationToken).ConfigureAwait(false);
    }

    // The one place that decides in which order, and how many at once, addresses are tried.
    private static async ValueTask<TransportConnection> ConnectToFirstAsync(string host, IPAddress[] addresses, int port, CancellationToken cancellationToken)
    {
        SocketException? last = null;
        foreach (IPAddress address in addresses)
        {
            Socket? socket = null;
            try
            {
                socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(new IPEndPoint(address, port), cancellationToken).ConfigureAwait(false);
                if (Equals(socket.LocalEndPoint, socket.RemoteEndPoint))
                {
                    // Linux connects a socket to itself when the port it was lent is the one it dials (simultaneous open).
                    throw new SocketException((int)SocketError.ConnectionRefused);
                }

                TransportConnection connection = TcpSockets.Wrap(socket);
                socket = null;
                return connection;
            }
            catch (SocketException e)
            {
                last = e;
            }
            finally
            {
                socket?.Dispose();
            }
        }

        throw TcpErrors.ConnectFailed(host, port, addresses, last!);
    }
}
