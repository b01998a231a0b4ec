using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Meshara.Mdns.Engine;
using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Net;

/// <summary>A network in memory: what is sent to the group reaches every member on it, the sender's own too; what is sent to an address reaches whoever has it.</summary>
internal sealed class MemoryLan
{
    private readonly Lock _lock = new();
    private readonly List<(MemoryHost Host, int Index)> _ports = [];
    private long _carried;

    /// <summary>Packets sent so far.</summary>
    public long Carried => Volatile.Read(ref _carried);

    /// <summary>True loses a packet for the host that would hear it: sender, receiver, packet.</summary>
    public Func<MemoryHost, MemoryHost, ReadOnlyMemory<byte>, bool>? Drop { get; set; }

    internal void Plug(MemoryHost host, int index)
    {
        lock (_lock)
            _ports.Add((host, index));
    }

    internal void Unplug(MemoryHost host, int index)
    {
        lock (_lock)
            _ports.Remove((host, index));
    }

    internal void Carry(MemoryHost sender, IPEndPoint from, bool ipv6, IPEndPoint? to, ReadOnlyMemory<byte> packet)
    {
        Interlocked.Increment(ref _carried);
        (MemoryHost Host, int Index)[] ports;
        lock (_lock)
            ports = [.. _ports];
        foreach ((MemoryHost host, int index) in ports)
        {
            if (Drop?.Invoke(sender, host, packet) != true)
                host.Take(index, from, ipv6, to?.Address, packet);
        }
    }
}

/// <summary>A host on such networks: its interfaces, and one program that uses them.</summary>
internal sealed class MemoryHost : IMulticastTransport
{
    private const int MaxUnread = 4096;

    private readonly Lock _lock = new();
    private readonly List<Face> _faces = [];
    private readonly HashSet<LinkKey> _joined = [];
    private readonly Dictionary<LinkKey, SocketError> _failing = [];
    private readonly Channel<(byte[] Packet, Datagram Datagram)>[] _heard = [Inbox(), Inbox()];
    private readonly bool[] _isBusy = new bool[2];
    private int _unread;

    public event EventHandler? Changed;

    /// <summary>Whether other programs of the host hold the port too.</summary>
    public bool PortShared { get; set; }

    /// <summary>Whether an address is being tried for duplicates.</summary>
    public bool IsUnsettled { get; set; }

    /// <summary>Why a family cannot be used; index 0: IPv4, 1: IPv6.</summary>
    public string?[] Faults { get; } = new string?[2];

    /// <summary>Most groups that may be joined; the next is refused.</summary>
    public int MaxGroups { get; set; } = int.MaxValue;

    /// <summary>How often somebody asked for the interfaces.</summary>
    public int Scans { get; private set; }

    /// <summary>Packets that the program has not finished with.</summary>
    public int Unread => Volatile.Read(ref _unread);

    /// <summary>The groups joined now.</summary>
    public IReadOnlyCollection<LinkKey> Joined
    {
        get
        {
            lock (_lock)
                return [.. _joined];
        }
    }

    /// <summary>Puts an interface on a network, or changes its addresses. The system tells of it only by <see cref="Notify"/>.</summary>
    public MemoryHost Attach(MemoryLan lan, int index, string name, params string[] addresses)
    {
        Detach(index);
        LocalAddress[] parsed = [.. addresses.Select(a => Parse(a, index))];
        lock (_lock)
            _faces.Add(new Face(lan, new LocalInterface(index, name, parsed)));
        lan.Plug(this, index);
        return this;
    }

    /// <summary>Takes an interface away.</summary>
    public void Detach(int index)
    {
        lock (_lock)
        {
            if (_faces.Find(f => f.Local.Index == index) is not { } face)
                return;
            face.Lan.Unplug(this, index);
            _faces.Remove(face);
        }
    }

    /// <summary>Sending through a link fails from now on; null: it works.</summary>
    public void Fail(LinkKey link, SocketError? error)
    {
        lock (_lock)
        {
            if (error is { } code)
                _failing[link] = code;
            else
                _failing.Remove(link);
        }
    }

    /// <summary>The system says that something changed.</summary>
    public void Notify() => Changed?.Invoke(this, EventArgs.Empty);

    public string? Fault(bool ipv6) => Faults[ipv6 ? 1 : 0];

    public InterfaceScan Scan()
    {
        lock (_lock)
        {
            Scans++;
            return new InterfaceScan([.. _faces.Select(static f => f.Local)], PortShared, PortShared, !IsUnsettled);
        }
    }

    public string? Join(LinkKey link)
    {
        lock (_lock)
        {
            if (!_joined.Contains(link) && _joined.Count >= MaxGroups)
                return "No buffer space available";
            _joined.Add(link);
            return null;
        }
    }

    // As the system does: the interface may be gone, its membership is not.
    public void Leave(LinkKey link)
    {
        lock (_lock)
            _joined.Remove(link);
    }

    public ValueTask SendAsync(LinkKey link, IPEndPoint? destination, ReadOnlyMemory<byte> packet, CancellationToken cancellationToken)
    {
        Face? face;
        lock (_lock)
        {
            if (_failing.TryGetValue(link, out SocketError error))
                return ValueTask.FromException(new SocketException((int)error));
            face = _faces.Find(f => f.Local.Index == link.InterfaceIndex);
        }

        if (face is null || !face.Local.Has(link.IPv6))
            return ValueTask.FromException(new SocketException((int)SocketError.NetworkUnreachable));
        IPAddress source = face.Local.Addresses.First(a => a.IsIPv6 == link.IPv6).Address;
        face.Lan.Carry(this, new IPEndPoint(source, MdnsPort.Number), link.IPv6, destination, packet.ToArray());
        return ValueTask.CompletedTask;
    }

    public async ValueTask<Datagram> ReceiveAsync(bool ipv6, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        // Who comes for the next packet is done with the last.
        int family = ipv6 ? 1 : 0;
        if (_isBusy[family])
            Interlocked.Decrement(ref _unread);
        _isBusy[family] = false;
        (byte[] packet, Datagram datagram) = await _heard[family].Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        _isBusy[family] = true;
        packet.AsSpan(0, Math.Min(packet.Length, buffer.Length)).CopyTo(buffer.Span);
        return datagram;
    }

    public ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            foreach (Face face in _faces)
                face.Lan.Unplug(this, face.Local.Index);
            _faces.Clear();
            _joined.Clear();
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>Hears a packet as if it came from anywhere.</summary>
    /// <param name="index">Through which interface.</param>
    /// <param name="from">Who sent it.</param>
    /// <param name="ipv6">Of which family.</param>
    /// <param name="to">To whom; null: to the group.</param>
    /// <param name="packet">What.</param>
    internal void Take(int index, IPEndPoint from, bool ipv6, IPAddress? to, ReadOnlyMemory<byte> packet)
    {
        lock (_lock)
        {
            LinkKey link = new(index, ipv6);
            LocalInterface? local = _faces.Find(f => f.Local.Index == index)?.Local;
            if (local is null || (to is null ? !_joined.Contains(link) : !local.Addresses.Any(a => a.Address.WithoutScope().Equals(to.WithoutScope()))))
                return;
            IPEndPoint scoped = from.Address.IsIPv6LinkLocal ? new IPEndPoint(new IPAddress(from.Address.GetAddressBytes(), index), from.Port) : from;
            Interlocked.Increment(ref _unread);
            if (!_heard[ipv6 ? 1 : 0].Writer.TryWrite((packet.ToArray(), new Datagram(packet.Length, scoped, to ?? (ipv6 ? MdnsGroup.IPv6 : MdnsGroup.IPv4), index))))
                Interlocked.Decrement(ref _unread);
        }
    }

    private static Channel<(byte[] Packet, Datagram Datagram)> Inbox() =>
        Channel.CreateBounded<(byte[] Packet, Datagram Datagram)>(MaxUnread);

    private static LocalAddress Parse(string text, int index)
    {
        string[] parts = text.Split('/');
        return new LocalAddress(IPAddress.Parse(parts[0]).OnInterface(index), int.Parse(parts[1]));
    }

    private sealed record Face(MemoryLan Lan, LocalInterface Local);
}
