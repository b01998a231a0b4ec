namespace Meshara.Mdns.Wire;

/// <summary>A record of class IN. Immutable.</summary>
/// <param name="name">Whose it is.</param>
/// <param name="ttl">Seconds it may be kept; 0: it is gone (RFC 6762 section 10.1).</param>
/// <param name="data">What it says.</param>
/// <param name="cacheFlush">Its sender has all records of this name and type, and this is one of them (RFC 6762 section 10.2).</param>
internal sealed class DnsRecord(DnsName name, uint ttl, RecordData data, bool cacheFlush = false)
{
    /// <summary>Whose it is.</summary>
    public DnsName Name { get; } = name;

    /// <summary>Its type, which is that of its data.</summary>
    public DnsType Type => Data.Type;

    /// <summary>The cache-flush bit.</summary>
    public bool CacheFlush { get; } = cacheFlush;

    /// <summary>Seconds.</summary>
    public uint Ttl { get; } = ttl;

    /// <summary>What it says.</summary>
    public RecordData Data { get; } = data;

    /// <summary>The same name, type and data: what is compared for known answers (RFC 6762 section 7.1). Lifetime and cache-flush bit do not count.</summary>
    public bool SameAs(DnsRecord other) => Name.Equals(other.Name) && Data.Equals(other.Data);

    /// <summary>The same record with another lifetime.</summary>
    public DnsRecord With(uint ttl) => ttl == Ttl ? this : new DnsRecord(Name, ttl, Data, CacheFlush);

    /// <summary>The same record with or without the cache-flush bit.</summary>
    public DnsRecord With(bool cacheFlush) => cacheFlush == CacheFlush ? this : new DnsRecord(Name, Ttl, Data, cacheFlush);

    /// <summary>RFC 6762 section 8.2: class (here always IN), then type, then the bytes of the uncompressed data, the greater being later.</summary>
    public int CompareRaw(DnsRecord other) => Data.CompareRaw(other.Data);

    /// <summary>RFC 6762 section 8.2.1: sorts both sets and compares record by record; the set that runs out first is the earlier. Greater than 0: <paramref name="ours"/> wins.</summary>
    public static int Compare(IEnumerable<DnsRecord> ours, IEnumerable<DnsRecord> theirs)
    {
        DnsRecord[] left = [.. ours];
        DnsRecord[] right = [.. theirs];
        Array.Sort(left, static (a, b) => a.CompareRaw(b));
        Array.Sort(right, static (a, b) => a.CompareRaw(b));
        for (int i = 0; i < Math.Min(left.Length, right.Length); i++)
        {
            int order = left[i].CompareRaw(right[i]);
            if (order != 0)
                return order;
        }

        return left.Length.CompareTo(right.Length);
    }

    public override string ToString() => $"{Name} {Ttl} {(CacheFlush ? "flush " : "")}{Type} {Data}";
}
