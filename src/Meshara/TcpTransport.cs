using System.Net;
using System.Net.Sockets;
using Meshara.Net;

namespace Meshara;

/// <summary>TCP over IPv4 and IPv6: the transport of a node that is given no other.</summary>
/// <remarks>
/// Listening on <c>::</c> takes IPv4 connections as well (of a node whose <see cref="NodeOptions.Listen"/> has an IPv4 address with the same
/// port beside it: IPv6 only), listening on <c>0.0.0.0</c> only those. <c>localhost</c> is the loopback address without a look-up (RFC 6761
/// section 6.3). A link-local IPv6 address needs the name or number of the interface, <c>fe80::1%eth0</c>. Disposing a connection resets
/// it: what must arrive is acknowledged before.
/// </remarks>
public sealed class TcpTransport : ITransport
{
    private readonly TimeProvider _timeProvider;
    private readonly LookUp _lookUp;
    private readonly Func<IPEndPoint, CancellationToken, ValueTask<TransportConnection>> _connect;

    /// <summary>For <see cref="NodeOptions.Listen"/>: all addresses of this machine, IPv6 where it has any, without a port, so that the node takes
    /// <see cref="PeerAddress.DefaultPort"/> or the next free one and keeps it.</summary>
    public static IReadOnlyList<string> Everywhere => Interfaces.HaveIPv6() ? ["0.0.0.0", "[::]"] : ["0.0.0.0"];

    /// <summary>Creates the transport.</summary>
    /// <param name="timeProvider">The clock of the pause after a failed accept, and of the delay between attempts to connect. Default: the system's.</param>
    public TcpTransport(TimeProvider? timeProvider = null)
        : this(timeProvider, TcpNames.SystemLookUp, TcpSockets.ConnectAsync)
    {
    }

    // For a test: the resolver and the kernel.
    internal TcpTransport(TimeProvider? timeProvider, LookUp lookUp, Func<IPEndPoint, CancellationToken, ValueTask<TransportConnection>>? connect = null)
    {
        _timeProvider = timeProvider ?? TimeProvider.System;
        _lookUp = lookUp;
        _connect = connect ?? TcpSockets.ConnectAsync;
    }

    // For a diagnosis, which looks up and connects step by step.
    internal LookUp LookUp => _lookUp;

    internal Func<IPEndPoint, CancellationToken, ValueTask<TransportConnection>> Connector => _connect;

    /// <summary>Starts to listen.</summary>
    /// <param name="host">An address of this machine, a wildcard (<c>0.0.0.0</c> for IPv4, <c>::</c> for both), or a name, of whose addresses the first is
    /// taken; a node listens on all of them.</param>
    /// <param name="port">0 to 65535; 0 lets the system choose.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.ListenFailed"/>: taken, not an address of this machine, not permitted, no such name.</exception>
    public async ValueTask<TransportListener> ListenAsync(string host, int port, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(host);
        ArgumentOutOfRangeException.ThrowIfNegative(port);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, IPEndPoint.MaxPort);
        IPAddress address = (await ResolveToListenAsync(host, cancellationToken).ConfigureAwait(false))[0];
        return Listen(address, port, takesIPv4: address.Equals(IPAddress.IPv6Any));
    }

    /// <summary>Connects: looks up the IPv6 and IPv4 addresses of a name and tries them in turn, 250 ms apart or as soon as one has failed;
    /// the first connection is taken (Happy Eyeballs, RFC 8305).</summary>
    /// <param name="host">A name or an IP address; IPv6 without brackets, with <c>%interface</c> where it is link-local.</param>
    /// <param name="port">1 to 65535.</param>
    /// <param name="cancellationToken">Gives up; there is no deadline but this.</param>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.NameNotResolved"/>, or <see cref="MesharaErrorCode.ConnectFailed"/> with what each address answered.</exception>
    public async ValueTask<TransportConnection> ConnectAsync(string host, int port, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(host);
        ArgumentOutOfRangeException.ThrowIfLessThan(port, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, IPEndPoint.MaxPort);
        cancellationToken.ThrowIfCancellationRequested();
        HappyEyeballs attempts = new(host, port, _timeProvider, _connect);
        if (TcpNames.WithoutLookUp(host, out string? wrong) is not { } known)
        {
            return await attempts.ConnectAsync(TcpNames.StartLookUps(host, _lookUp), cancellationToken).ConfigureAwait(false);
        }

        wrong ??= known is [{ } only] && (only.Equals(IPAddress.Any) || only.Equals(IPAddress.IPv6Any)) ? "this is a wildcard to listen on. Use an address of that machine." : null;
        return wrong is null
            ? await attempts.ConnectAsync(known, cancellationToken).ConfigureAwait(false)
            : throw new MesharaException(MesharaErrorCode.ConnectFailed, $"Cannot connect to {PeerAddress.Join(host, port)}: {wrong}");
    }

    /// <summary>The addresses that a host to listen on stands for, at least one.</summary>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.ListenFailed"/>.</exception>
    internal async ValueTask<IPAddress[]> ResolveToListenAsync(string host, CancellationToken cancellationToken)
    {
        try
        {
            return await TcpNames.ResolveAllAsync(host, _lookUp, cancellationToken).ConfigureAwait(false);
        }
        catch (MesharaException e)
        {
            throw new MesharaException(
                MesharaErrorCode.ListenFailed,
                $"Cannot listen on {(host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host)}: {e.Message}", e.IsTransient, innerException: e);
        }
    }

    /// <summary>Listens on one address.</summary>
    /// <param name="address">Ours, or a wildcard.</param>
    /// <param name="port">0 to 65535; 0 lets the system choose.</param>
    /// <param name="takesIPv4">Of <c>::</c> only: whether IPv4 connections are taken as well.</param>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.ListenFailed"/>.</exception>
    internal TransportListener Listen(IPAddress address, int port, bool takesIPv4)
    {
        try
        {
            return new TcpTransportListener(TcpSockets.Listen(address, port, takesIPv4), _timeProvider);
        }
        catch (SocketException e)
        {
            throw TcpErrors.ListenFailed(address.ToString(), port, e);
        }
    }
}
