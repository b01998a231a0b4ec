using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Engine;

/// <summary>One who browses.</summary>
/// <param name="id">Who.</param>
/// <param name="what">What he looks for.</param>
/// <param name="longest">His longest pause between two queries.</param>
internal sealed class Browser(BrowseId id, BrowsedName what, TimeSpan longest)
{
    public BrowseId Id { get; } = id;

    public BrowsedName What { get; } = what;

    public TimeSpan Longest { get; } = longest;

    /// <summary>What he was told, by instance name.</summary>
    public Dictionary<DnsName, ServiceInstance> Shown { get; } = [];
}

/// <summary>A name whose pointers are asked for: a service type, a subtype, or the list of all types.</summary>
/// <param name="name">What is asked for.</param>
/// <param name="type">The type of the services: what their names end with (RFC 6763 section 4.1).</param>
internal sealed class BrowsedName(DnsName name, DnsName type)
{
    /// <summary>RFC 6763 section 9.</summary>
    private static readonly DnsName AllTypes = DnsName.Parse(ServiceTypes.All + ".local");

    public SetKey Question { get; } = new(name, DnsType.Ptr);

    public DnsName Type { get; } = type;

    /// <summary>As <see cref="ServiceInstance.ServiceType"/> says it.</summary>
    public string ServiceType { get; } = string.Join('.', type.Labels.Take(2));

    /// <summary>Its pointers name types, which have nothing that could be resolved.</summary>
    public bool IsTypes { get; } = name.Equals(AllTypes);

    public List<Browser> Browsers { get; } = [];

    /// <summary>The shortest of their longest pauses.</summary>
    public TimeSpan Longest => Browsers.Min(static b => b.Longest);

    /// <summary>Whether a pointer to this name makes sense: one label and the type; or a type.</summary>
    public bool MayPointTo(DnsName target)
    {
        DnsName above = IsTypes ? DnsName.Local : Type;
        int extra = target.Wire.Length - above.Wire.Length;
        return extra > 0 && extra == Labels(target, IsTypes ? 2 : 1) && target.IsSubdomainOf(above);
    }

    // Bytes of the first so many labels.
    private static int Labels(DnsName name, int count)
    {
        int at = 0;
        for (int i = 0; i < count && name.Wire[at] != 0; i++)
            at += 1 + name.Wire[at];
        return at;
    }
}

/// <summary>A name that pointers lead to. Its place in the heap is when to look what has become of it.</summary>
internal sealed class FoundInstance(DnsName name) : HeapItem
{
    /// <summary>Nobody is told of it more often than this: what happens meanwhile is told as one.</summary>
    public static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(100);

    public DnsName Name { get; } = name;

    /// <summary>What a pointer to it says.</summary>
    public PointerData Pointer { get; } = new(name);

    /// <summary>When somebody was last told of it.</summary>
    public TimeSpan? ToldAt { get; set; }
}

/// <summary>A link as the querier sees it.</summary>
internal sealed class QuerierLink(LinkState state, EngineConfig config, Random random)
{
    public LinkState State { get; } = state;

    public RecordCache Cache { get; } = new(new CacheLimits(config.CacheLimit), random);

    public QuestionPlan Plan { get; } = new(random, config.PacketsPerSecond);

    /// <summary>Instances to resolve here.</summary>
    public Dictionary<DnsName, PointedName> Pointed { get; } = [];

    /// <summary>Hosts, and the instances whose servers they are.</summary>
    public Dictionary<DnsName, Dictionary<DnsName, int>> Hosts { get; } = [];

    /// <summary>Instances to look at for what is missing; true: their pointer was heard again.</summary>
    public Dictionary<DnsName, bool> Unchecked { get; } = [];

    /// <summary>Whether anybody who browses needs the addresses of this host.</summary>
    public bool NeedsHost(DnsName host)
    {
        if (!Hosts.TryGetValue(host, out Dictionary<DnsName, int>? names))
            return false;
        foreach (DnsName name in names.Keys)
        {
            if (Pointed.ContainsKey(name))
                return true;
        }

        return false;
    }

    public void AddServer(DnsName host, DnsName instance)
    {
        if (!Hosts.TryGetValue(host, out Dictionary<DnsName, int>? names))
            Hosts.Add(host, names = []);
        names[instance] = names.GetValueOrDefault(instance) + 1;
    }

    public void RemoveServer(DnsName host, DnsName instance)
    {
        Dictionary<DnsName, int> names = Hosts[host];
        if (--names[instance] > 0)
            return;
        names.Remove(instance);
        if (names.Count == 0)
            Hosts.Remove(host);
    }

    /// <summary>Has an instance looked at.</summary>
    public void Check(DnsName instance, bool isAfresh = false) => Unchecked[instance] = isAfresh || Unchecked.GetValueOrDefault(instance);
}

/// <summary>How many pointers lead to an instance here.</summary>
internal sealed class PointedName
{
    public int Count { get; set; }

    /// <summary>How many records the sender of the newest of them had.</summary>
    public int Weight { get; set; }
}
