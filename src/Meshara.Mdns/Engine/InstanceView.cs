using System.Net;
using System.Net.Sockets;
using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Engine;

/// <summary>Makes a service of what the links know of it.</summary>
internal static class InstanceView
{
    /// <summary>Most addresses of a service.</summary>
    public const int MostAddresses = 128;

    /// <summary>The service as it is now; null: on no link are its server, its text and an address known.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="serviceType">Its type, for people.</param>
    /// <param name="links">The links, in the order in which they count where two say different things at the same time.</param>
    public static ServiceInstance? Find(DnsName name, string serviceType, IReadOnlyList<QuerierLink> links)
    {
        Dictionary<(IPEndPoint EndPoint, int Interface), CacheEntry> addresses = [];
        CacheEntry? server = null;
        CacheEntry? text = null;
        foreach (QuerierLink link in links)
        {
            if (link.Pointed.ContainsKey(name)
                && link.Cache.Find(name, DnsType.Txt)?.Newest is { } said
                && FindServer(link, name, addresses) is { } srv)
            {
                // What was said later holds, on whichever link: another may have missed it.
                server = server is null || srv.AddedAt > server.AddedAt ? srv : server;
                text = text is null || said.AddedAt > text.AddedAt ? said : text;
            }
        }

        if (server?.Record.Data is not ServiceData service || text?.Txt is not { } txt)
            return null;
        return new ServiceInstance
        {
            InstanceName = name.FirstLabel,
            ServiceType = serviceType,
            HostName = service.Target.ToString(),
            Port = service.Port,
            Priority = service.Priority,
            Weight = service.Weight,
            Txt = txt,
            Addresses = [.. addresses.Select(static a => new ServiceAddress(a.Key.EndPoint, a.Key.Interface, a.Value.From)).Order(AddressOrder.Instance).Take(MostAddresses)],
        };
    }

    /// <summary>A type of services, as one who asks for all types is told of it: its name and nothing else (RFC 6763 section 9).</summary>
    public static ServiceInstance OfType(DnsName name, string serviceType) => new()
    {
        InstanceName = string.Join('.', name.Labels.Take(2)),
        ServiceType = serviceType,
        HostName = "",
        Port = 0,
        Txt = TxtRecord.Empty,
        Addresses = [],
    };

    /// <summary>Whether nobody need be told of a difference. Who repeats an address is none, but that a host tells its own itself, which stays so, is one.</summary>
    public static bool Same(ServiceInstance a, ServiceInstance b) =>
        a.HostName == b.HostName && a.Port == b.Port && a.Priority == b.Priority && a.Weight == b.Weight && a.Txt.Equals(b.Txt)
        && a.Addresses.Select(Where).SequenceEqual(b.Addresses.Select(Where));

    private static (IPEndPoint EndPoint, int InterfaceIndex, bool IsOwn) Where(ServiceAddress address) =>
        (address.EndPoint, address.InterfaceIndex, address.EndPoint.Address.GetAddressBytes().AsSpan().SequenceEqual(address.From.GetAddressBytes()));

    // The newest; while a new host's address is not known yet, the one before it, which has a second left (RFC 6762 section 10.2).
    private static CacheEntry? FindServer(QuerierLink link, DnsName name, Dictionary<(IPEndPoint EndPoint, int Interface), CacheEntry> addresses)
    {
        if (link.Cache.Find(name, DnsType.Srv) is not { } set)
            return null;
        CacheEntry newest = set.Newest!;
        if (TryAdd(link, newest, addresses))
            return newest;
        foreach (CacheEntry entry in set.Entries)
        {
            if (TryAdd(link, entry, addresses))
                return entry;
        }

        return null;
    }

    // Only what was heard on this link: elsewhere the same address may be somebody else's.
    private static bool TryAdd(QuerierLink link, CacheEntry server, Dictionary<(IPEndPoint EndPoint, int Interface), CacheEntry> addresses)
    {
        ServiceData service = (ServiceData)server.Record.Data;
        bool isAny = false;
        foreach (DnsType type in (ReadOnlySpan<DnsType>)[DnsType.A, DnsType.Aaaa])
        {
            foreach (CacheEntry entry in link.Cache.Find(service.Target, type)?.Entries ?? [])
            {
                IPAddress address = ((AddressData)entry.Record.Data).Address;
                if (!IsOfAHost(address))
                    continue;
                isAny = true;
                (IPEndPoint, int) key = (new IPEndPoint(address.OnInterface(link.State.Key.InterfaceIndex), service.Port), link.State.Key.InterfaceIndex);
                if (!addresses.TryGetValue(key, out CacheEntry? other) || (entry.IsOwnAddress && !other.IsOwnAddress))
                    addresses[key] = entry;
            }
        }

        return isAny;
    }

    // Loopback would be this host, whoever says it.
    private static bool IsOfAHost(IPAddress address)
    {
        if (IPAddress.IsLoopback(address) || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any))
            return false;
        return address.AddressFamily == AddressFamily.InterNetworkV6
            ? !address.IsIPv6Multicast && !address.IsIPv4MappedToIPv6
            : address.GetAddressBytes()[0] is > 0 and < 224;
    }

    // The same addresses always stand in the same order, so that an order is no change.
    private sealed class AddressOrder : IComparer<ServiceAddress>
    {
        public static readonly AddressOrder Instance = new();

        public int Compare(ServiceAddress x, ServiceAddress y)
        {
            int order = x.InterfaceIndex.CompareTo(y.InterfaceIndex);
            if (order == 0)
                order = x.EndPoint.AddressFamily.CompareTo(y.EndPoint.AddressFamily);
            if (order == 0)
                order = x.EndPoint.Address.GetAddressBytes().AsSpan().SequenceCompareTo(y.EndPoint.Address.GetAddressBytes());
            return order != 0 ? order : x.EndPoint.Port.CompareTo(y.EndPoint.Port);
        }
    }
}
