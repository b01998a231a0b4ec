using System.Collections.Frozen;
using System.Net;
using Meshara.Mdns.Engine;
using Meshara.Mdns.Wire;
using Microsoft.Extensions.Logging;

namespace Meshara.Mdns.Net;

/// <summary>The interfaces in use, which links of them are joined, and how they fare. Changed by the driver's loop only.</summary>
internal sealed class LinkTable(IMulticastTransport transport, ILogger log, bool useIPv4 = true, bool useIPv6 = true)
{
    private readonly Dictionary<LinkKey, LinkHealth> _links = [];
    private EngineInterface[] _current = [];
    private volatile Routes _routes = new(FrozenSet<LinkKey>.Empty, FrozenDictionary<IPAddress, int>.Empty);
    private volatile Shown[] _shown = [];

    /// <summary>All links that were to be joined.</summary>
    public IEnumerable<LinkHealth> Links => _links.Values;

    /// <summary>How the interfaces fare now; for any thread.</summary>
    public IReadOnlyList<InterfaceState> States => [.. _shown.Select(s => new InterfaceState
    {
        Name = s.Interface.Name,
        Index = s.Interface.Index,
        Addresses = [.. s.Interface.Addresses.Select(static a => a.Address)],
        IPv4 = s.IPv4?.State ?? Without(s.Interface, ipv6: false),
        IPv6 = s.IPv6?.State ?? Without(s.Interface, ipv6: true),
    })];

    /// <summary>One of them; null: it is in use no more.</summary>
    public LinkHealth? Find(LinkKey key) => _links.GetValueOrDefault(key);

    /// <summary>On which of our links a packet came, for any thread; false: on none, it came through another program's membership or an interface that is not used.</summary>
    public bool TryRoute(bool ipv6, in Datagram packet, out LinkKey link, out bool toGroup)
    {
        Routes routes = _routes;
        toGroup = packet.To is { } group && MdnsGroup.Is(group);
        link = new LinkKey(packet.InterfaceIndex, ipv6);
        if (packet.To is null)
            return false;
        if (routes.Joined.Contains(link))
            return true;

        // A packet between two programs of this host goes by the loopback interface: it counts for the one whose address it was sent to.
        if (toGroup || !routes.Owners.TryGetValue(packet.To.WithoutScope(), out int owner))
            return false;
        link = new LinkKey(owner, ipv6);
        return routes.Joined.Contains(link);
    }

    /// <summary>Joins what is new, leaves what is gone.</summary>
    /// <returns>What the engine is to use; null: what it uses already.</returns>
    public IReadOnlyList<EngineInterface>? Apply(InterfaceScan scan)
    {
        Dictionary<LinkKey, LocalInterface> wanted = [];
        foreach (LocalInterface local in scan.Interfaces)
        {
            foreach (bool ipv6 in (ReadOnlySpan<bool>)[false, true])
            {
                if (local.Has(ipv6) && transport.Fault(ipv6) is null)
                    wanted.TryAdd(new LinkKey(local.Index, ipv6), local);
            }
        }

        // First what is gone: its places may be needed. The same name with another number is another interface, and so is the reverse.
        foreach (LinkHealth link in _links.Values.Where(l => !wanted.TryGetValue(l.Key, out LocalInterface? local) || local.Name != l.Name).ToArray())
            Leave(link);
        foreach ((LinkKey key, LocalInterface local) in wanted)
            Join(key, local);
        foreach (LinkHealth link in _links.Values)
        {
            bool isShared = link.Key.IPv6 ? scan.IPv6PortShared : scan.IPv4PortShared;
            if (link.State.PortShared != isShared)
                link.Set(s => s with { PortShared = isShared });
        }

        _shown = [.. scan.Interfaces.Select(i => new Shown(i, Find(new LinkKey(i.Index, false)), Find(new LinkKey(i.Index, true))))];
        EngineInterface[] next = [.. scan.Interfaces.Select(i => Describe(i, scan)).OfType<EngineInterface>()];
        _routes = new Routes(
            _links.Values.Where(static l => l.State.Joined).Select(static l => l.Key).ToFrozenSet(),
            next.SelectMany(static i => i.Addresses.Select(a => (Address: a.WithoutScope(), i.Index))).DistinctBy(static a => a.Address).ToFrozenDictionary(static a => a.Address, static a => a.Index));
        if (next.Length == _current.Length && next.Zip(_current).All(static pair => IsSame(pair.First, pair.Second)))
            return null;
        _current = next;
        return next;
    }

    // A family that is wanted and cannot be opened: the interface says why.
    private FamilyState? Without(LocalInterface local, bool ipv6) =>
        (ipv6 ? useIPv6 : useIPv4) && local.Has(ipv6) && transport.Fault(ipv6) is { } fault ? new FamilyState { JoinError = fault } : null;

    private void Join(LinkKey key, LocalInterface local)
    {
        if (!_links.TryGetValue(key, out LinkHealth? link))
            _links.Add(key, link = new LinkHealth(key, local.Name));
        if (link.State.Joined)
            return;
        string? before = link.State.JoinError;
        string? error = transport.Join(key);
        link.Set(s => s with { Joined = error is null, JoinError = error });
        if (error is null)
            Log.Joined(log, link.Label);
        else if (error != before)
            Log.JoinFailed(log, link.Label, error);
    }

    private void Leave(LinkHealth link)
    {
        _links.Remove(link.Key);
        if (link.State.Joined)
            transport.Leave(link.Key);
        Log.Left(log, link.Label);
    }

    // Without membership nothing is heard there: nobody could be answered.
    private EngineInterface? Describe(LocalInterface local, InterfaceScan scan)
    {
        bool ipv4 = Find(new LinkKey(local.Index, false))?.State.Joined == true;
        bool ipv6 = Find(new LinkKey(local.Index, true))?.State.Joined == true;
        return !ipv4 && !ipv6 ? null : new EngineInterface(
            local.Index,
            local.Name,
            [.. local.Addresses.Select(static a => a.Address)],
            [.. local.Addresses.Select(static a => a.Subnet).Distinct()],
            ipv4,
            ipv6,
            scan.IPv4PortShared,
            scan.IPv6PortShared);
    }

    private static bool IsSame(EngineInterface a, EngineInterface b) =>
        a.Addresses.SequenceEqual(b.Addresses) && a.Subnets.SequenceEqual(b.Subnets) && a with { Addresses = b.Addresses, Subnets = b.Subnets } == b;

    private sealed record Shown(LocalInterface Interface, LinkHealth? IPv4, LinkHealth? IPv6);

    // What the receiving loops look at, changed as a whole.
    private sealed record Routes(FrozenSet<LinkKey> Joined, FrozenDictionary<IPAddress, int> Owners);
}
