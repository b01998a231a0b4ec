using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Engine;

/// <summary>What happened to a record.</summary>
internal enum CacheEvent
{
    /// <summary>It is new.</summary>
    Added,

    /// <summary>It was heard again.</summary>
    Renewed,

    /// <summary>It is an address, was heard again, and for the first time of its own host.</summary>
    Vouched,

    /// <summary>Its time was up, or it made place.</summary>
    Removed,
}

/// <summary>Something that happened to a record, in the order in which it did.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct CacheChange(CacheEvent Event, CacheEntry Entry);

/// <summary>What one link's neighbours have said, for as long as it holds (RFC 6762 section 10).</summary>
/// <remarks>
/// Bounded in all, by name and type, and by sender (<see cref="CacheLimits"/>). When there is no room, the sender with most records loses his newest;
/// where nobody has more than is guaranteed, the sender who came last does. So one forger fills his own share and nothing else,
/// and many of them push out each other, not who was there before; and a newcomer is never turned away for an old flood.
/// </remarks>
internal sealed class RecordCache(CacheLimits limits, Random random)
{
    /// <summary>RFC 6762 sections 10.1 and 10.2: what is to go has a second, in which it can be said again.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    /// <summary>RFC 6762 sections 10.4 and 10.5: how long a record in doubt may stay unheard.</summary>
    public static readonly TimeSpan DoubtTime = TimeSpan.FromSeconds(10);

    // Answers lost hours apart prove nothing.
    private static readonly TimeSpan MissedTogether = TimeSpan.FromSeconds(60);

    private const int Sample = 64;

    // The key of the share of all who are not told apart.
    private static readonly IPAddress Others = IPAddress.IPv6None;

    private readonly Dictionary<(DnsName Name, RecordData Data), CacheEntry> _entries = [];
    private readonly Dictionary<SetKey, RecordSet> _sets = [];
    private readonly Dictionary<IPAddress, SourceShare> _shares = [];
    private readonly IndexedHeap<CacheEntry> _deadlines = new();
    private readonly IndexedHeap<SourceShare> _largest = new();
    private readonly List<CacheChange> _changes = [];
    private long _lastShare;
    private int _ipv6Sources;
    private (TimeSpan At, double Value) _jitter = (TimeSpan.MinValue, 0);

    /// <summary>Records in it.</summary>
    public int Count => _entries.Count;

    /// <summary>Senders whose records are in it.</summary>
    public int Sources => _shares.Count;

    /// <summary>Names and types in it.</summary>
    public int Sets => _sets.Count;

    /// <summary>Records that found no place.</summary>
    public long Refused { get; private set; }

    /// <summary>When <see cref="TryTakeDue"/> has something next.</summary>
    public TimeSpan? NextDeadline => _deadlines.First is { } first ? TimeSpan.FromTicks(first.Key) : null;

    /// <summary>The records of a name and type; null: none.</summary>
    public RecordSet? Find(DnsName name, DnsType type) => _sets.GetValueOrDefault(new SetKey(name, type));

    /// <summary>A record that says this; null: none.</summary>
    public CacheEntry? Find(DnsName name, RecordData data) => _entries.GetValueOrDefault((name, data));

    /// <summary>All records, in no order.</summary>
    public IEnumerable<CacheEntry> Entries => _entries.Values;

    /// <summary>What changed since it was last asked; the list is the cache's until it is cleared.</summary>
    public List<CacheChange> Changes => _changes;

    /// <summary>Takes a record of a response.</summary>
    public void Put(DnsRecord record, IPAddress source, TimeSpan now)
    {
        CacheEntry? entry = Find(record.Name, record.Data);
        if (record.Ttl == 0)
        {
            // Section 10.1: a goodbye is a life of one second.
            if (entry is not null)
                Leave(entry, now);
            return;
        }

        RecordSet? set = Find(record.Name, record.Type);
        if (record.CacheFlush && record.Type != DnsType.Ptr && set is not null)
            Flush(set, now);
        entry ??= Add(record, source, now);
        if (entry is not null)
            Renew(entry, record, source, now);
    }

    /// <summary>The next record for which something is due: its end, or that it be asked for.</summary>
    /// <param name="now">The time.</param>
    /// <param name="entry">The record.</param>
    /// <param name="isGone">It has ended and is no longer here; else it is to be asked for, if anybody wants it.</param>
    public bool TryTakeDue(TimeSpan now, out CacheEntry entry, out bool isGone)
    {
        (entry, isGone) = (null!, false);
        if (_deadlines.First is not { } first || first.Due > now)
            return false;
        entry = first;
        isGone = first.ExpiresAt <= now || first.FailsAt <= now;
        if (isGone)
            Remove(first);
        else
            Advance(first, now);
        return true;
    }

    /// <summary>A question for these was sent: who is due within the next second need not be asked for again.</summary>
    public void MarkAsked(SetKey key, TimeSpan now)
    {
        if (!_sets.TryGetValue(key, out RecordSet? set))
            return;
        foreach (CacheEntry entry in set.Entries)
        {
            if (entry.RefreshAt < now + Grace)
                Advance(entry, now + Grace);
        }
    }

    /// <summary>Doubts a record: it is asked for at <paramref name="askAt"/>, 1 s and 3 s later, and goes 10 s from now unless it is heard (RFC 6762 sections 10.3 and 10.4).</summary>
    public void Doubt(CacheEntry entry, TimeSpan askAt, TimeSpan now)
    {
        if (entry.IsSuspect || entry.IsLeaving)
            return;
        entry.IsSuspect = true;
        entry.ExpiresAt = Earlier(entry.ExpiresAt, now + DoubtTime);
        entry.Stage = 0;
        entry.RefreshAt = askAt;
        Schedule(entry);
    }

    /// <summary>Somebody else asked everybody (RFC 6762 section 10.5): a record that he does not know already should be heard now. Two such silences, then ten seconds, and it goes.</summary>
    public void Observe(SetKey key, DnsMessage query, IPAddress from, TimeSpan now)
    {
        // Once a second: a record multicast less than a second ago is not said again (section 6).
        if (!_sets.TryGetValue(key, out RecordSet? set) || set.ObservedAt > now - Grace)
            return;
        set.ObservedAt = now;
        HashSet<RecordData> known = [.. query.Answers.Where(a => a.Type == key.Type && a.Name.Equals(key.Name)).Select(static a => a.Data)];
        foreach (CacheEntry entry in set.Entries)
        {
            // Nobody answers himself.
            if (entry.ReceivedAt <= now - Grace && entry.FailsAt is null && !entry.From.Equals(from) && !known.Contains(entry.Record.Data))
                Miss(entry, from, now);
        }
    }

    /// <summary>For tests: what does not agree; null: all does.</summary>
    public string? FindInconsistency()
    {
        if (Count > limits.Records || _deadlines.Count != Count || _largest.Count != _shares.Count)
            return $"{Count} records, {_deadlines.Count} deadlines, {_shares.Count} shares of which {_largest.Count} are ranked";
        if (_entries.Values.Any(static e => e.Key != e.Due.Ticks))
            return "a deadline is out of date";
        if (_sets.Values.Sum(static s => s.Entries.Count) != Count || _shares.Values.Sum(static s => s.Count) != Count)
            return "the sets or the shares miscount";
        if (_shares.Values.Count(static s => s.Source?.AddressFamily == AddressFamily.InterNetworkV6) != _ipv6Sources || _ipv6Sources > limits.IPv6Sources)
            return $"{_ipv6Sources} IPv6 senders are told apart";
        foreach (RecordSet set in _sets.Values)
        {
            if (set.Entries.Count == 0 || set.Entries.Count > limits.Of(set.Key.Type))
                return $"{set.Key} has {set.Entries.Count} records";
            if (set.Entries.Where((e, i) => e.Index != i || e.Set != set).Any())
                return $"{set.Key} has a record out of place";
        }

        return _shares.Values.FirstOrDefault(s => s.Count == 0 || s.Count > MostOf(s) || s.Key != Rank(s)) is { } share
            ? $"{share.Source} has {share.Count} records and the rank {share.Key}"
            : null;
    }

    private static TimeSpan Earlier(TimeSpan a, TimeSpan b) => a < b ? a : b;

    // Section 10.2: what was not heard within the last second has one left.
    private void Flush(RecordSet set, TimeSpan now)
    {
        if (set.FlushedAt == now)
            return;
        set.FlushedAt = now;
        foreach (CacheEntry entry in set.Entries)
        {
            if (entry.ReceivedAt < now - Grace)
                Leave(entry, now);
        }
    }

    private void Leave(CacheEntry entry, TimeSpan now)
    {
        entry.IsLeaving = true;
        entry.ExpiresAt = Earlier(entry.ExpiresAt, now + Grace);
        entry.RefreshAt = null;
        Schedule(entry);
    }

    private void Miss(CacheEntry entry, IPAddress from, TimeSpan now)
    {
        bool isFirst = entry.MissedBy is null || entry.MissedAt + MissedTogether < now;

        // One who asks twice within two seconds may have been denied the second answer for the sake of the first.
        if (!isFirst && from.Equals(entry.MissedBy) && now < entry.MissedAt + (2 * Grace))
            return;
        (entry.MissedBy, entry.MissedAt) = (from, now);
        if (isFirst)
            return;
        entry.FailsAt = now + DoubtTime;
        Schedule(entry);
    }

    private void Renew(CacheEntry entry, DnsRecord record, IPAddress source, TimeSpan now)
    {
        bool wasOwn = entry.IsOwnAddress;
        if (_jitter.At != now)
            _jitter = (now, random.NextDouble());
        entry.Record = record;
        entry.SaidBy(source);
        if (entry.AddedAt != now)
            _changes.Add(new CacheChange(entry.IsOwnAddress && !wasOwn ? CacheEvent.Vouched : CacheEvent.Renewed, entry));
        entry.ReceivedAt = now;
        entry.Life = Earlier(TimeSpan.FromSeconds(record.Ttl), CacheEntry.LongestLife);
        entry.ExpiresAt = now + entry.Life;
        (entry.IsLeaving, entry.IsSuspect, entry.Stage, entry.MissedBy, entry.FailsAt) = (false, false, 0, null, null);
        entry.Jitter = _jitter.Value;
        entry.RefreshAt = RefreshTime(entry);
        Schedule(entry);
        Confirm(entry, source, now);
    }

    // Section 5.2: at 80, 85, 90 and 95 % of its life, each plus up to 2 %.
    private static TimeSpan? RefreshTime(CacheEntry entry) =>
        entry.Stage < 4 ? entry.ReceivedAt + (entry.Life * (0.80 + (0.05 * entry.Stage) + (0.02 * entry.Jitter))) : null;

    private void Advance(CacheEntry entry, TimeSpan now)
    {
        do
        {
            entry.Stage++;
            if (entry.IsSuspect)
                entry.RefreshAt = entry.Stage < 3 ? entry.RefreshAt + TimeSpan.FromSeconds(entry.Stage) : null;
            else
                entry.RefreshAt = RefreshTime(entry);
        }
        while (entry.RefreshAt <= now);
        Schedule(entry);
    }

    private void Schedule(CacheEntry entry) => _deadlines.Set(entry, entry.Due.Ticks);

    private CacheEntry? Add(DnsRecord record, IPAddress source, TimeSpan now)
    {
        if (!HasPlace(record, FindShare(source)))
        {
            Refused++;
            return null;
        }

        // Only now: making place may have taken the last record of this sender, or of this set.
        SourceShare share = FindShare(source) ?? NewShare(source);
        SetKey key = new(record.Name, record.Type);
        if (!_sets.TryGetValue(key, out RecordSet? set))
            _sets.Add(key, set = new RecordSet(key));
        CacheEntry entry = CacheEntry.Create(record, set, share, source, now);
        _entries.Add((record.Name, record.Data), entry);
        set.Add(entry);
        share.Fresh.AddLast(entry.Node);
        Order(share);
        _changes.Add(new CacheChange(CacheEvent.Added, entry));
        return entry;
    }

    private SourceShare? FindShare(IPAddress source) =>
        _shares.TryGetValue(source, out SourceShare? share) || !IsOneOfMany(source) ? share : _shares.GetValueOrDefault(Others);

    private SourceShare NewShare(IPAddress source)
    {
        bool isOneOfMany = IsOneOfMany(source);
        SourceShare share = new(isOneOfMany ? null : source, ++_lastShare);
        _shares.Add(isOneOfMany ? Others : source, share);
        if (!isOneOfMany && source.AddressFamily == AddressFamily.InterNetworkV6)
            _ipv6Sources++;
        return share;
    }

    private bool IsOneOfMany(IPAddress source) => source.AddressFamily == AddressFamily.InterNetworkV6 && _ipv6Sources >= limits.IPv6Sources;

    private bool HasPlace(DnsRecord record, SourceShare? share)
    {
        if (share is not null && share.Count >= MostOf(share))
        {
            if (!share.IsCrowd)
                return false;
            Remove(share.Loser);
        }

        RecordSet? set = Find(record.Name, record.Type);
        if (set is not null && set.Entries.Count >= limits.Of(record.Type) && !MakePlace(set, share))
            return false;
        return Count < limits.Records || MakePlace(share);
    }

    // Of the records of one name: who would lose one anyway does, unless he is who comes.
    private bool MakePlace(RecordSet set, SourceShare? share)
    {
        // Of many, as many drawn at random: that all of these are of those who should stay is as good as impossible.
        bool isLarge = set.Entries.Count > Sample;
        CacheEntry worst = set.Entries[0];
        for (int i = 0; i < Math.Min(Sample, set.Entries.Count); i++)
        {
            CacheEntry entry = set.Entries[isLarge ? random.Next(set.Entries.Count) : i];
            bool isWorse = entry.Share == worst.Share
                ? entry.Share.IsCrowd == (entry.AddedAt < worst.AddedAt)
                : entry.Share.LosesBefore(worst.Share);
            worst = isWorse ? entry : worst;
        }

        if (share is not null && (share == worst.Share ? !share.IsCrowd : share.LosesBefore(worst.Share)))
            return false;
        Remove(worst);
        return true;
    }

    private bool MakePlace(SourceShare? share)
    {
        SourceShare first = _largest.First!;
        if (first == share && !share.IsCrowd)
        {
            // Who came last, and has no more than is guaranteed, must not lose to himself: then the one before him does.
            if (share.Count >= limits.Guaranteed || _largest.Second is not { } second)
                return false;
            first = second;
        }

        Remove(first.Loser);
        return true;
    }

    private int MostOf(SourceShare share) => share.IsCrowd ? limits.Records / 2 : limits.PerSource;

    // What several say counts against who has least: nobody gets hold of another's record by repeating it.
    private void Confirm(CacheEntry entry, IPAddress source, TimeSpan now)
    {
        SourceShare old = entry.Share;
        SourceShare? share = FindShare(source) is { } other && Rank(other) > Rank(old) && other.Count < MostOf(other) ? other : null;
        if (share is null && entry.AddedAt >= now - Grace)
            return;
        entry.Node.List!.Remove(entry.Node);
        (share ?? old).Proven.AddLast(entry.Node);
        if (share is null)
            return;
        entry.Share = share;
        Order(share);
        AfterLoss(old);
    }

    private void Order(SourceShare share) => _largest.Set(share, Rank(share), -share.Number);

    // The more beyond what is guaranteed, the sooner it loses one.
    private long Rank(SourceShare share) => -Math.Max(share.Count, limits.Guaranteed);

    private void AfterLoss(SourceShare share)
    {
        if (share.Count > 0)
        {
            Order(share);
            return;
        }

        _largest.Remove(share);
        _shares.Remove(share.Source ?? Others);
        if (share.Source?.AddressFamily == AddressFamily.InterNetworkV6)
            _ipv6Sources--;
    }

    private void Remove(CacheEntry entry)
    {
        _entries.Remove((entry.Record.Name, entry.Record.Data));
        _deadlines.Remove(entry);
        entry.Node.List!.Remove(entry.Node);
        AfterLoss(entry.Share);
        entry.Set.Remove(entry);
        if (entry.Set.Entries.Count == 0)
            _sets.Remove(entry.Set.Key);
        _changes.Add(new CacheChange(CacheEvent.Removed, entry));
    }
}
