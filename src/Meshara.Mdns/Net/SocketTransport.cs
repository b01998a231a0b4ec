using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Meshara.Mdns.Engine;
using Microsoft.Extensions.Logging;

namespace Meshara.Mdns.Net;

/// <summary>The system's sockets and interfaces. A family that cannot be opened fails alone, and is tried again with each scan.</summary>
internal sealed class SocketTransport : IMulticastTransport
{
    // Linux: ENOBUFS, the limit of memberships a socket may have.
    private const string LimitAdvice = "The system lets a socket join so many groups only (sysctl net.ipv4.igmp_max_memberships, 20 by default): raise it, or leave interfaces out with InterfaceFilter.";

    private readonly MdnsSocket?[] _sockets = new MdnsSocket?[2];
    private readonly string?[] _faults = new string?[2];
    private readonly SocketError?[] _errors = new SocketError?[2];
    private readonly bool[] _isUsed;
    private readonly InterfaceScanner _scanner;
    private readonly IDisposable? _news;
    private readonly bool[] _sharedBefore = new bool[2];

    /// <summary>Opens the sockets of the families that are asked for. Throws nothing: what does not work is a <see cref="Fault"/>.</summary>
    /// <param name="useIPv4">Whether IPv4 is asked for.</param>
    /// <param name="useIPv6">Whether IPv6 is asked for.</param>
    /// <param name="filter">Which interfaces; null: all.</param>
    /// <param name="log">Is told what is done without.</param>
    /// <param name="listen">Makes the system call this at each change of the network; null: <see cref="SystemNews"/>.</param>
    public SocketTransport(bool useIPv4, bool useIPv6, Func<NetworkInterface, bool>? filter, ILogger log, Func<Action, IDisposable>? listen = null)
    {
        _scanner = new InterfaceScanner(filter, log);
        _isUsed = [useIPv4, useIPv6];
        OpenClosed();
        try
        {
            _news = (listen ?? (static told => new SystemNews(told)))(() => Changed?.Invoke(this, EventArgs.Empty));
        }
        catch (Exception e)
        {
            // No descriptor left, a sandbox, a system without such news: the scans find out.
            Log.NoNews(log, e.Message);
        }
    }

    public event EventHandler? Changed;

    public string? Fault(bool ipv6) => Volatile.Read(ref _faults[ipv6 ? 1 : 0]);

    public InterfaceScan Scan()
    {
        OpenClosed();
        (IReadOnlyList<LocalInterface> interfaces, bool isSettled) = _scanner.Scan();
        return new InterfaceScan(interfaces, IsShared(ipv6: false), IsShared(ipv6: true), isSettled);
    }

    public string? Join(LinkKey link)
    {
        if (Socket(link.IPv6) is not { } socket)
            return Fault(link.IPv6);
        try
        {
            socket.Join(link.InterfaceIndex);
            return null;
        }
        catch (SocketException e)
        {
            // Joined already counts as joined.
            return e.SocketErrorCode == SocketError.AddressAlreadyInUse ? null
                : e.SocketErrorCode == SocketError.NoBufferSpaceAvailable ? $"{e.Message}. {LimitAdvice}"
                : e.Message;
        }
        catch (ArgumentOutOfRangeException)
        {
            return $"The framework joins no group on an interface of the number {link.InterfaceIndex}: for IPv4 it knows those up to 16,777,215.";
        }
        catch (Exception e)
        {
            // Whatever it is, the other interfaces are joined.
            return e.Message.ReplaceLineEndings(" ");
        }
    }

    public void Leave(LinkKey link)
    {
        try
        {
            Socket(link.IPv6)?.Leave(link.InterfaceIndex);
        }
        catch (Exception e) when (e is SocketException or ArgumentException or ObjectDisposedException)
        {
            // The interface is gone and the system has forgotten the membership by itself.
        }
    }

    public ValueTask SendAsync(LinkKey link, IPEndPoint? destination, ReadOnlyMemory<byte> packet, CancellationToken cancellationToken) =>
        Socket(link.IPv6)?.SendAsync(link.InterfaceIndex, destination, packet, cancellationToken)
        ?? ValueTask.FromException(new SocketException((int)SocketError.AddressFamilyNotSupported));

    public ValueTask<Datagram> ReceiveAsync(bool ipv6, Memory<byte> buffer, CancellationToken cancellationToken) =>
        Socket(ipv6)?.ReceiveAsync(buffer, cancellationToken) ?? ValueTask.FromException<Datagram>(new SocketException((int)SocketError.AddressFamilyNotSupported));

    public ValueTask DisposeAsync()
    {
        try
        {
            _news?.Dispose();
        }
        finally
        {
            _sockets[0]?.Dispose();
            _sockets[1]?.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    private MdnsSocket? Socket(bool ipv6) => Volatile.Read(ref _sockets[ipv6 ? 1 : 0]);

    // What failed may work now: the program that held the port has ended, the system has learned the family.
    private void OpenClosed()
    {
        foreach (bool ipv6 in (ReadOnlySpan<bool>)[false, true])
        {
            if (Socket(ipv6) is null)
                Open(ipv6);
        }
    }

    private void Open(bool ipv6)
    {
        int at = ipv6 ? 1 : 0;
        string family = ipv6 ? "IPv6" : "IPv4";
        if (!_isUsed[at])
        {
            _faults[at] = $"{family} is switched off by the options.";
            return;
        }

        try
        {
            _sharedBefore[at] = !OperatingSystem.IsLinux() && !CanBindAlone(ipv6);
            Volatile.Write(ref _sockets[at], MdnsSocket.Open(ipv6));
            Volatile.Write(ref _faults[at], null);
        }
        catch (SocketException e)
        {
            // Who holds the port is looked up once: that is a walk through all processes.
            if (_errors[at] == e.SocketErrorCode)
                return;
            _errors[at] = e.SocketErrorCode;
            _faults[at] = e.SocketErrorCode == SocketError.AddressAlreadyInUse
                ? $"UDP port {MdnsPort.Number} is held by another program for itself alone{Holders()}: end it, or let it share the port (SO_REUSEPORT)."
                : $"{family} cannot be used: {e.Message}.";
        }
        catch (Exception e)
        {
            _faults[at] = $"{family} cannot be used: {e.Message}";
        }

        static string Holders()
        {
            string[] names = [.. PortHolders.Find(MdnsPort.Number).Select(static h => h.Name is null ? $"user {h.User}" : $"{h.Name}, process {h.Process}").Distinct(StringComparer.Ordinal)];
            return names.Length == 0 ? "" : $" ({string.Join("; ", names)})";
        }
    }

    // On Linux the table of sockets says it; elsewhere a bind that shares with nobody, tried before ours.
    private bool IsShared(bool ipv6) =>
        OperatingSystem.IsLinux()
            ? Socket(ipv6) is not null && PortHolders.IsShared(MdnsPort.Number, ipv6, [.. _sockets.OfType<MdnsSocket>().Select(static s => s.Handle)])
            : _sharedBefore[ipv6 ? 1 : 0];

    private static bool CanBindAlone(bool ipv6)
    {
        try
        {
            using Socket probe = new(ipv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            if (OperatingSystem.IsWindows())
                probe.ExclusiveAddressUse = true;
            if (ipv6)
                probe.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.IPv6Only, true);
            probe.Bind(new IPEndPoint(ipv6 ? IPAddress.IPv6Any : IPAddress.Any, MdnsPort.Number));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
