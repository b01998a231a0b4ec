using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Meshara.Mdns.Engine;

namespace Meshara.Mdns.Net;

/// <summary>The system's sockets and interfaces. A family that cannot be opened fails alone.</summary>
internal sealed class SocketTransport : IMulticastTransport
{
    // Linux: ENOBUFS, the limit of memberships a socket may have.
    private const string LimitAdvice = "The system lets a socket join so many groups only (sysctl net.ipv4.igmp_max_memberships, 20 by default): raise it, or leave interfaces out with InterfaceFilter.";

    private readonly MdnsSocket?[] _sockets = new MdnsSocket?[2];
    private readonly string?[] _faults = new string?[2];
    private readonly InterfaceScanner _scanner;
    private readonly bool[] _sharedBefore = new bool[2];

    /// <summary>Opens the sockets of the families that are asked for.</summary>
    public SocketTransport(bool useIPv4, bool useIPv6, Func<NetworkInterface, bool>? filter)
    {
        _scanner = new InterfaceScanner(filter);
        Open(ipv6: false, useIPv4);
        Open(ipv6: true, useIPv6);

        // The first does not tell of IPv6 on every system, the second does not tell of addresses: both are heard.
        NetworkChange.NetworkAddressChanged += OnAddressChanged;
        NetworkChange.NetworkAvailabilityChanged += OnAvailabilityChanged;
    }

    public event EventHandler? Changed;

    public string? Fault(bool ipv6) => _faults[ipv6 ? 1 : 0];

    public InterfaceScan Scan()
    {
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
    }

    public void Leave(LinkKey link)
    {
        try
        {
            Socket(link.IPv6)?.Leave(link.InterfaceIndex);
        }
        catch (SocketException)
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
        NetworkChange.NetworkAddressChanged -= OnAddressChanged;
        NetworkChange.NetworkAvailabilityChanged -= OnAvailabilityChanged;
        _sockets[0]?.Dispose();
        _sockets[1]?.Dispose();
        return ValueTask.CompletedTask;
    }

    private MdnsSocket? Socket(bool ipv6) => _sockets[ipv6 ? 1 : 0];

    private void Open(bool ipv6, bool isUsed)
    {
        int at = ipv6 ? 1 : 0;
        if (!isUsed)
        {
            _faults[at] = $"{(ipv6 ? "IPv6" : "IPv4")} is switched off by the options.";
            return;
        }

        try
        {
            _sharedBefore[at] = !OperatingSystem.IsLinux() && !CanBindAlone(ipv6);
            _sockets[at] = MdnsSocket.Open(ipv6);
        }
        catch (SocketException e)
        {
            _faults[at] = e.SocketErrorCode == SocketError.AddressAlreadyInUse
                ? $"UDP port {MdnsPort.Number} is held by another program for itself alone{Holders()}: end it, or let it share the port (SO_REUSEPORT)."
                : $"{(ipv6 ? "IPv6" : "IPv4")} cannot be used: {e.Message}";
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

    private void OnAddressChanged(object? sender, EventArgs e) => Changed?.Invoke(this, EventArgs.Empty);

    private void OnAvailabilityChanged(object? sender, NetworkAvailabilityEventArgs e) => Changed?.Invoke(this, EventArgs.Empty);
}
