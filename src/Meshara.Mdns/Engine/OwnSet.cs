using System.Diagnostics.CodeAnalysis;
using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Engine;

/// <summary>Records of ours on one link that are answered together: all of a name and type that is ours alone, or a single one of a name that is shared.</summary>
/// <remarks>Of a name that is ours alone always all are sent: a part of them with the cache-flush bit would remove the rest everywhere (RFC 6762 section 10.2).</remarks>
internal sealed class OwnSet(DnsRecord[] records, bool isUnique)
{
    private readonly List<(NameClaim Instance, NameClaim Host)> _claims = [];

    /// <summary>The records, with their full lifetime and, where they are ours alone, the cache-flush bit.</summary>
    public DnsRecord[] Records { get; } = records;

    public DnsName Name => Records[0].Name;

    public DnsType Type => Records[0].Type;

    public TimeSpan Ttl => TimeSpan.FromSeconds(Records[0].Ttl);

    /// <summary>Whether they are ours alone (RFC 6762 section 2).</summary>
    public bool IsUnique { get; } = isUnique;

    /// <summary>A pointer from the list of all types (RFC 6763 section 9). Others may have the same one, so nobody says goodbye for it.</summary>
    public bool IsMeta { get; init; }

    /// <summary>What goes along with it (RFC 6763 section 12).</summary>
    public List<OwnSet> Additionals { get; } = [];

    /// <summary>When it was last sent to the group.</summary>
    public TimeSpan? LastMulticast { get; set; }

    /// <summary>When it was, or will be, last repeated because somebody said that it is about to end, or something else.</summary>
    public TimeSpan? LastRescue { get; set; }

    /// <summary>Whether questions may be answered with it: the names in it are proven (RFC 6762 section 8.1).</summary>
    public bool IsReady
    {
        get
        {
            foreach ((NameClaim instance, NameClaim host) in _claims)
            {
                if (instance.IsHeld && host.IsHeld)
                    return true;
            }

            return false;
        }
    }

    /// <summary>Adds names on which it rests; of several pairs one is enough.</summary>
    public void RestsOn(NameClaim instance, NameClaim host) => _claims.Add((instance, host));

    public bool SameAs(OwnSet other)
    {
        if (IsUnique != other.IsUnique || Records.Length != other.Records.Length)
            return false;
        for (int i = 0; i < Records.Length; i++)
        {
            if (!Records[i].SameAs(other.Records[i]))
                return false;
        }

        return true;
    }
}

/// <summary>Records are the same by name and data (RFC 6762 section 7.1).</summary>
internal sealed class SameRecord : IEqualityComparer<DnsRecord>
{
    public static SameRecord Comparer { get; } = new();

    public bool Equals(DnsRecord? x, DnsRecord? y) => ReferenceEquals(x, y) || (x is not null && y is not null && x.SameAs(y));

    public int GetHashCode([DisallowNull] DnsRecord obj) => HashCode.Combine(obj.Name, obj.Data);
}
