using System.Net;
using System.Net.Sockets;
using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Engine;

/// <summary>All records of ours on one link, by name and by content. Made anew whenever something changes.</summary>
internal sealed class LinkZone
{
    /// <summary>RFC 6762 section 10: records that name a host live 120 s, since a host may move.</summary>
    public const uint HostTtl = 120;

    /// <summary>RFC 6762 section 10: other records live 75 minutes.</summary>
    public const uint OtherTtl = 4500;

    /// <summary>Most addresses of a family that are told, so that everything about a service fits into one packet.</summary>
    public const int MaxAddresses = 8;

    /// <summary>A TXT record of more bytes stays out of probes, so that a probe always fits into one packet. Both sides of a tie must see the same.</summary>
    private const int MaxProbedText = 800;

    private static readonly DnsName MetaName = DnsName.Parse(ServiceTypes.All + ".local");

    private readonly Dictionary<DnsName, List<OwnSet>> _byName = [];
    private readonly Dictionary<DnsName, OwnSet> _denials = [];
    private readonly Dictionary<DnsRecord, OwnSet> _byRecord = new(SameRecord.Comparer);
    private readonly Dictionary<Publication, List<OwnSet>> _byPublication = [];
    private readonly List<OwnSet> _all = [];

    public static LinkZone Empty { get; } = new();

    /// <summary>Every set.</summary>
    public IReadOnlyList<OwnSet> All => _all;

    /// <summary>Makes the records of publications on a link with these addresses, of those that may be told there.</summary>
    public static LinkZone Of(IEnumerable<Publication> publications, Func<OwnName, NameClaim> claimOf, IReadOnlyList<IPAddress> addresses)
    {
        LinkZone zone = new();
        Publication[] here = [.. publications.Where(p => p.IsOn(addresses))];
        foreach (Publication publication in here)
        {
            IPAddress[] told = Told([.. here.Where(p => p.Host == publication.Host)], addresses);
            zone.Add(publication, claimOf(publication.Instance), claimOf(publication.Host), told);
        }

        return zone;
    }

    // Where there are more than may be told, each service of the host in its turn: none is left with another's addresses only.
    private static IPAddress[] Told(Publication[] ofHost, IReadOnlyList<IPAddress> addresses)
    {
        HashSet<IPAddress> told = [];
        foreach (IGrouping<AddressFamily, IPAddress> family in addresses.GroupBy(static a => a.AddressFamily))
        {
            int room = MaxAddresses;
            Queue<IPAddress>[] waiting = [.. ofHost.Select(p => new Queue<IPAddress>(family.Where(p.Tells)))];
            for (int turn = 0; room > 0 && waiting.Any(static w => w.Count > 0); turn++)
            {
                Queue<IPAddress> own = waiting[turn % waiting.Length];
                while (own.TryDequeue(out IPAddress? next))
                {
                    if (told.Add(next))
                    {
                        room--;
                        break;
                    }
                }
            }
        }

        return [.. addresses.Where(told.Contains)];
    }

    /// <summary>The sets of a name, the denial not among them.</summary>
    public IReadOnlyList<OwnSet> Of(DnsName name) => _byName.TryGetValue(name, out List<OwnSet>? sets) ? sets : [];

    /// <summary>What says which types a name of ours has; null: the name is not ours alone.</summary>
    public OwnSet? DenialOf(DnsName name) => _denials.GetValueOrDefault(name);

    /// <summary>The set in which there is this record; null: it is not ours.</summary>
    public OwnSet? Find(DnsRecord record) => _byRecord.GetValueOrDefault(record);

    /// <summary>What is announced for a publication.</summary>
    public IReadOnlyList<OwnSet> Of(Publication publication) => _byPublication.TryGetValue(publication, out List<OwnSet>? sets) ? sets : [];

    /// <summary>What a probe for this name proposes (RFC 6762 section 8.2): without cache-flush bit.</summary>
    public DnsRecord[] Proposed(DnsName name) =>
        [.. Of(name).Where(s => s.IsUnique).SelectMany(s => s.Records).Where(r => r.Data is not TextData { Size: > MaxProbedText }).Select(r => r.With(cacheFlush: false))];

    /// <summary>The same set in this zone; null: there is none.</summary>
    public OwnSet? Same(OwnSet other) => Find(other.Records[0]) is { } set && set.SameAs(other) ? set : null;

    private void Add(Publication publication, NameClaim instance, NameClaim host, IReadOnlyList<IPAddress> addresses)
    {
        ServiceProfile profile = publication.Profile;
        DnsName name = publication.Instance.Name;
        DnsName hostName = publication.Host.Name;
        DnsName type = publication.Instance.Parent;
        List<OwnSet> hostSets = HostSets(hostName, host, addresses);
        ServiceData service = new((ushort)profile.Priority, (ushort)profile.Weight, (ushort)profile.Port, hostName);
        OwnSet srv = Add(new OwnSet([new DnsRecord(name, HostTtl, service, cacheFlush: true)], isUnique: true), instance, host);
        OwnSet txt = Add(new OwnSet([new DnsRecord(name, OtherTtl, new TextData(profile.Txt), cacheFlush: true)], isUnique: true), instance, host);
        Deny(name, [DnsType.Txt, DnsType.Srv], instance, host);

        // RFC 6763 section 12.2.
        srv.Additionals.AddRange(hostSets);
        List<OwnSet> sets = [];
        _byPublication[publication] = sets;
        if (profile.Port == 0)
        {
            // RFC 6763 section 8: it holds the name, and nobody is led to it.
            sets.AddRange([srv, txt, .. hostSets.Where(s => s.Type != DnsType.Nsec)]);
            return;
        }

        foreach (DnsName pointer in profile.Subtypes.Distinct(StringComparer.OrdinalIgnoreCase).Select(s => type.Child("_sub").Child(s)).Prepend(type))
        {
            // RFC 6763 section 12.1.
            OwnSet ptr = Add(new OwnSet([new DnsRecord(pointer, OtherTtl, new PointerData(name))], isUnique: false), instance, host);
            ptr.Additionals.AddRange([srv, txt, .. hostSets]);
            sets.Add(ptr);
        }

        sets.Add(Meta(type, instance, host));
        sets.AddRange([srv, txt, .. hostSets.Where(s => s.Type != DnsType.Nsec)]);
    }

    // RFC 6763 section 9.
    private OwnSet Meta(DnsName type, NameClaim instance, NameClaim host)
    {
        DnsRecord record = new(MetaName, OtherTtl, new PointerData(type));
        OwnSet? meta = Find(record);
        if (meta is null)
            return Add(new OwnSet([record], isUnique: false) { IsMeta = true }, instance, host);
        meta.RestsOn(instance, host);
        return meta;
    }

    // RFC 6762 section 6.2: the addresses of both families, and of this interface only. Where one family is missing, that is said too (section 6.1).
    private List<OwnSet> HostSets(DnsName name, NameClaim host, IReadOnlyList<IPAddress> addresses)
    {
        if (DenialOf(name) is { } known)
            return [.. Of(name), .. Of(name).Count == 1 ? [known] : Array.Empty<OwnSet>()];
        List<OwnSet> sets = [];
        foreach (AddressFamily family in (ReadOnlySpan<AddressFamily>)[AddressFamily.InterNetwork, AddressFamily.InterNetworkV6])
        {
            DnsRecord[] records = [.. addresses.Where(a => a.AddressFamily == family).Select(a => new DnsRecord(name, HostTtl, new AddressData(a), cacheFlush: true)).Distinct(SameRecord.Comparer)];
            if (records.Length > 0)
                sets.Add(Add(new OwnSet(records, isUnique: true), host, host));
        }

        if (sets.Count == 0)
            return sets;
        OwnSet denial = Deny(name, [.. sets.Select(s => s.Type)], host, host);
        OwnSet other = sets.Count == 2 ? sets[1] : denial;
        sets[0].Additionals.Add(other);
        other.Additionals.Add(sets[0]);
        if (sets.Count == 1)
            sets.Add(denial);
        return sets;
    }

    // RFC 6762 section 6.1: the lifetime is that of the record which is not there.
    private OwnSet Deny(DnsName name, DnsType[] types, NameClaim instance, NameClaim host)
    {
        OwnSet set = new([new DnsRecord(name, HostTtl, new NextSecureData(name, types), cacheFlush: true)], isUnique: true);
        set.RestsOn(instance, host);
        _denials[name] = set;
        _byRecord[set.Records[0]] = set;
        _all.Add(set);
        return set;
    }

    private OwnSet Add(OwnSet set, NameClaim instance, NameClaim host)
    {
        set.RestsOn(instance, host);
        if (!_byName.TryGetValue(set.Name, out List<OwnSet>? sets))
            _byName.Add(set.Name, sets = []);
        sets.Add(set);
        foreach (DnsRecord record in set.Records)
            _byRecord[record] = set;
        _all.Add(set);
        return set;
    }
}
