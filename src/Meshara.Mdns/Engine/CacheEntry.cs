using System.Net;
using System.Runtime.InteropServices;
using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Engine;

/// <summary>A name and a type: what a question asks for, and what one cache-flush bit speaks of.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct SetKey(DnsName Name, DnsType Type)
{
    public override string ToString() => $"{Name} {Type}";
}

/// <summary>The bounds of one link's cache.</summary>
/// <param name="Records">Most records.</param>
internal sealed record CacheLimits(int Records)
{
    /// <summary>Most records of one name and type; of addresses, servers and texts nobody has more.</summary>
    public int PerSet { get; init; } = 64;

    /// <summary>Most pointers of one name: a type has one for each of its services.</summary>
    public int PerType { get; init; } = Math.Max(64, Records / 4);

    /// <summary>Most records that one sender brought.</summary>
    public int PerSource { get; init; } = Math.Max(32, Records / 8);

    /// <summary>A sender with no more than these loses none to one who has more, nor to one who came later.</summary>
    public int Guaranteed { get; init; } = 12;

    /// <summary>Most IPv6 addresses told apart: anybody can make up as many as he likes. All further ones count as one sender, who may bring half of <see cref="Records"/>.</summary>
    public int IPv6Sources { get; init; } = 64;

    public int Of(DnsType type) => type == DnsType.Ptr ? PerType : PerSet;
}

/// <summary>One record that somebody said.</summary>
internal sealed class CacheEntry : HeapItem
{
    /// <summary>RFC 6762 section 10 knows no longer life than 75 minutes; nobody can fill the cache for longer.</summary>
    public static readonly TimeSpan LongestLife = TimeSpan.FromMinutes(75);

    private TxtRecord? _txt;

    private CacheEntry(DnsRecord record, RecordSet set, SourceShare share, IPAddress from, TimeSpan now)
    {
        (Record, Set, Share, From, AddedAt) = (record, set, share, from, now);
        Node = new LinkedListNode<CacheEntry>(this);
    }

    /// <summary>As it came last.</summary>
    public DnsRecord Record { get; internal set; }

    /// <summary>All of its name and type.</summary>
    public RecordSet Set { get; }

    /// <summary>Whose bounds it counts against.</summary>
    public SourceShare Share { get; internal set; }

    /// <summary>Who said it last; but an address that its host told itself stays his, whoever repeats it.</summary>
    public IPAddress From { get; private set; }

    /// <summary>Its place among the records of its sender.</summary>
    public LinkedListNode<CacheEntry> Node { get; }

    /// <summary>Its place in <see cref="RecordSet.Entries"/>.</summary>
    public int Index { get; internal set; }

    /// <summary>A text, read; it is asked for more often than it changes.</summary>
    public TxtRecord? Txt => _txt ??= (Record.Data as TextData)?.ToTxtRecord();

    /// <summary>When it was first heard.</summary>
    public TimeSpan AddedAt { get; }

    /// <summary>When it was last heard.</summary>
    public TimeSpan ReceivedAt { get; internal set; }

    /// <summary>When it goes.</summary>
    public TimeSpan ExpiresAt { get; internal set; }

    /// <summary>How long it lives from <see cref="ReceivedAt"/>.</summary>
    public TimeSpan Life { get; internal set; }

    /// <summary>It has a second left: its owner said goodbye (RFC 6762 section 10.1), or others took its place (section 10.2).</summary>
    public bool IsLeaving { get; internal set; }

    /// <summary>There is reason to doubt it: it goes soon unless it is heard again (RFC 6762 sections 10.3 and 10.4).</summary>
    public bool IsSuspect { get; internal set; }

    /// <summary>When to ask for it next; null: no more.</summary>
    public TimeSpan? RefreshAt { get; internal set; }

    /// <summary>How often it was asked for since it was heard.</summary>
    public int Stage { get; internal set; }

    /// <summary>The random part of when it is asked for, 0 to 1; the same for all records of one packet, so that they are asked for in one.</summary>
    public double Jitter { get; internal set; }

    /// <summary>Who last asked and got no answer (RFC 6762 section 10.5); null: nobody since it was heard.</summary>
    public IPAddress? MissedBy { get; internal set; }

    /// <summary>When that was.</summary>
    public TimeSpan MissedAt { get; internal set; }

    /// <summary>When it goes for that; null: it does not.</summary>
    public TimeSpan? FailsAt { get; internal set; }

    /// <summary>When something is due for it.</summary>
    public TimeSpan Due
    {
        get
        {
            TimeSpan due = FailsAt is { } fails && fails < ExpiresAt ? fails : ExpiresAt;
            return RefreshAt is { } refresh && refresh < due ? refresh : due;
        }
    }

    /// <summary>Whether it may stand in a list of known answers: more than half its life is left (RFC 6762 section 7.1).</summary>
    public bool IsKnownAnswer(TimeSpan now) => !IsLeaving && !IsSuspect && (ReceivedAt + Life - now) * 2 > Life;

    /// <summary>The record as a known answer: what is left of its life, and never the cache-flush bit (RFC 6762 sections 7.1 and 10.2).</summary>
    public DnsRecord ToKnownAnswer(TimeSpan now) => Record.With((uint)Math.Max(1, Record.Ttl - (now - ReceivedAt).TotalSeconds)).With(cacheFlush: false);

    /// <summary>Whether an address was told by its own host.</summary>
    public bool IsOwnAddress => Record.Data is AddressData data && data.Address.Equals(From.WithoutScope());

    internal static CacheEntry Create(DnsRecord record, RecordSet set, SourceShare share, IPAddress from, TimeSpan now) => new(record, set, share, from, now);

    internal void SaidBy(IPAddress from) => From = IsOwnAddress ? From : from;
}

/// <summary>The records of one name and type.</summary>
internal sealed class RecordSet(SetKey key)
{
    public SetKey Key { get; } = key;

    /// <summary>In no order.</summary>
    public List<CacheEntry> Entries { get; } = [];

    /// <summary>When others last made its records leave: twice at one moment is once.</summary>
    internal TimeSpan? FlushedAt { get; set; }

    /// <summary>When a query of others for it was last taken into account.</summary>
    internal TimeSpan? ObservedAt { get; set; }

    /// <summary>The one heard last: of two that contradict each other, what holds now. Null: there is none.</summary>
    public CacheEntry? Newest
    {
        get
        {
            CacheEntry? newest = null;
            foreach (CacheEntry entry in Entries)
            {
                if (newest is null || entry.ReceivedAt > newest.ReceivedAt || (entry.ReceivedAt == newest.ReceivedAt && entry.AddedAt > newest.AddedAt))
                    newest = entry;
            }

            return newest;
        }
    }

    internal void Add(CacheEntry entry)
    {
        entry.Index = Entries.Count;
        Entries.Add(entry);
    }

    internal void Remove(CacheEntry entry)
    {
        CacheEntry last = Entries[^1];
        Entries[entry.Index] = last;
        last.Index = entry.Index;
        Entries.RemoveAt(Entries.Count - 1);
    }
}

/// <summary>What one sender brought. First in the heap is who loses a record when there is no room.</summary>
/// <param name="source">His address; null: all that are not told apart.</param>
/// <param name="number">The how manieth sender he is.</param>
internal sealed class SourceShare(IPAddress? source, long number) : HeapItem
{
    public IPAddress? Source { get; } = source;

    public long Number { get; } = number;

    /// <summary>His records that were heard a second time.</summary>
    public LinkedList<CacheEntry> Proven { get; } = new();

    /// <summary>His other records, the newest last.</summary>
    public LinkedList<CacheEntry> Fresh { get; } = new();

    public int Count => Proven.Count + Fresh.Count;

    /// <summary>Several senders that are not told apart.</summary>
    public bool IsCrowd => Source is null;

    /// <summary>The record that goes when one must: the newest; in a crowd the oldest, else newcomers would push out themselves.</summary>
    public CacheEntry Loser => (Fresh.Count == 0 ? Proven.Last! : IsCrowd ? Fresh.First! : Fresh.Last!).Value;

    /// <summary>Whether this one loses a record before the other does.</summary>
    public bool LosesBefore(SourceShare other) => Key != other.Key ? Key < other.Key : Order < other.Order;
}
