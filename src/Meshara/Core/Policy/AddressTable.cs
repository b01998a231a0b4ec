using System.Net;

namespace Meshara.Core.Policy;

/// <summary>All addresses that this node may dial on its own account, and what it learned of static peers' before they were that: those are dialled as targets.</summary>
/// <remarks>
/// <para>After Bitcoin Core's addrman: two hash tables under a secret key, of addresses that were reached and of others. A source group reaches 32
/// of the 1024 buckets for unproven addresses, an address group 8 of the 256 for proven ones, so a flood from one source fills its share and no more.</para>
/// <para>An entry is either ready (in the list of its group) or waits in a heap: for its backoff, for the end of a dial, or because it was not
/// usable when it was drawn. Every entry that <see cref="Pick"/>, <see cref="PickForFeeler"/> or <see cref="TryTake"/> gave out comes back by
/// <see cref="Succeeded"/>, <see cref="Alive"/>, <see cref="Failed"/> or <see cref="Dropped"/>; if by none, after two minutes by itself.</para>
/// </remarks>
internal sealed partial class AddressTable
{
    /// <summary>The most addresses of one id.</summary>
    public const int MaxPerId = 8;

    /// <summary>The most unproven entries of one address that is neither trusted nor on-link.</summary>
    public const int MaxPerAddress = 4;

    /// <summary>The most entries that the configuration names and that take no slot.</summary>
    public const int MaxFixed = 256;

    /// <summary>The least wait after GOODBYE evicted and REFUSE full.</summary>
    public static readonly TimeSpan AfterEviction = TimeSpan.FromMinutes(5);

    /// <summary>The longest wait between two dials of an address, and the longest that another side can ask for.</summary>
    public static readonly TimeSpan MaxBackoff = TimeSpan.FromMinutes(5), MaxRetryAfter = TimeSpan.FromHours(1);

    /// <summary>The longest wait for what the configuration names while this node has no peer at all.</summary>
    /// <remarks>Dials of one bootstrap by each node that is alone, and nobody else to find out from that it is back: 15 s on average.</remarks>
    public static readonly TimeSpan MaxAlone = TimeSpan.FromSeconds(30);

    /// <summary>A link that lived shorter does not end a backoff.</summary>
    public static readonly TimeSpan Stable = TimeSpan.FromSeconds(10);

    // A verdict that never comes, and an entry that was not usable.
    private static readonly TimeSpan LostDial = TimeSpan.FromMinutes(2), Parked = TimeSpan.FromMinutes(1);

    private readonly Dictionary<PeerAddress, AddressEntry> _entries = [];
    private readonly Dictionary<long, AddressEntry> _byNumber = [];
    private readonly Dictionary<NodeId, List<AddressEntry>> _byId = [];
    private readonly Dictionary<AddressKey, List<AddressEntry>> _unprovenAt = [];
    private readonly Dictionary<AddressKey, int> _bySource = [];
    private readonly Dictionary<string, AddressSpot> _spots = new(StringComparer.Ordinal);
    private readonly Queue<AddressSpot> _emptySpots = new();
    private readonly List<AddressEntry> _fixed = [];
    private readonly List<AddressEntry> _regulars = [];
    private readonly AddressEntry?[] _unproven = new AddressEntry?[AddressSlots.UnprovenBuckets * AddressSlots.BucketSize];
    private readonly AddressEntry?[] _proven = new AddressEntry?[AddressSlots.ProvenBuckets * AddressSlots.BucketSize];
    private readonly ReadyLists _readyUnproven = new(static e => e.SourceGroup);
    private readonly ReadyLists _readyProven = new(static e => e.Group);
    private readonly Deadlines _waiting = new();
    private readonly AddressSlots _slots;
    private readonly Random _random;
    private readonly Func<PeerAddress, bool> _isOwn;
    private AddressGroups _groups;
    private long _lastNumber;
    private int _provenCount;
    private int _knownSpots;
    private int _provenSpots;

    // The first success since the start, and the last: only then the age of an entry, or a failure, says something about it and not about this node.
    private TimeSpan? _lastGood;
    private bool _isAlone;

    /// <summary>An empty table.</summary>
    /// <param name="key"><see cref="PeerStoreContent.TableKeySize"/> secret bytes, kept over restarts.</param>
    /// <param name="groups">See <see cref="Regroup"/>.</param>
    /// <param name="random">For the choice and the backoff.</param>
    /// <param name="isOwn">Whether an address is this node's own; null: none is.</param>
    /// <param name="regulars">How many it keeps: <see cref="ConnectionPlan.Regulars"/>.</param>
    public AddressTable(ReadOnlySpan<byte> key, AddressGroups groups, Random random, Func<PeerAddress, bool>? isOwn = null, int regulars = 0)
    {
        MaxRegulars = regulars;
        _slots = new AddressSlots(key);
        _groups = groups;
        _random = random;
        _isOwn = isOwn ?? (static _ => false);
    }

    /// <summary>The longest wait between two dials of an address, where it is not <see cref="MaxBackoff"/>.</summary>
    public TimeSpan LongestBackoff { get; set; } = MaxBackoff;

    /// <summary>How many former outbound peers it keeps: <see cref="ConnectionPlan.Regulars"/>. Those that are more go with time.</summary>
    public int MaxRegulars { get; set; }

    public AddressCounts Counts => new(_knownSpots - _provenSpots, _provenSpots, _readyUnproven.Count + _readyProven.Count);

    /// <summary>When a waiting entry becomes ready; null: none waits. While <see cref="AddressCounts.Ready"/> is not 0 a pick is worth trying now.</summary>
    public TimeSpan? NextDue => _waiting.Next;

    /// <summary>The entry of exactly this id, host and port.</summary>
    public AddressEntry? Find(PeerAddress address) => _entries.GetValueOrDefault(address);

    /// <summary>The entries of an id, for the store.</summary>
    public IReadOnlyList<AddressEntry> Of(NodeId id) => _byId.TryGetValue(id, out List<AddressEntry>? entries) ? [.. entries] : [];

    /// <summary>Whether the key of an id was ever proven at one of its addresses here.</summary>
    public bool HasProven(NodeId id) => _byId.TryGetValue(id, out List<AddressEntry>? entries) && entries.Exists(static e => e.LastSuccess is not null);

    /// <summary>Unproven entries that a source group holds.</summary>
    public int CountOf(AddressKey sourceGroup) => _bySource.GetValueOrDefault(sourceGroup);

    /// <summary>Somebody named an address.</summary>
    public AddOutcome Add(AddressCandidate candidate, TimeSpan now)
    {
        PeerAddress address = candidate.Address;
        if (!IsAllowed(candidate))
        {
            return AddOutcome.NotAllowed;
        }

        AddressKey sourceGroup = _groups.SourceGroupOf(candidate.From);
        if (_entries.TryGetValue(address, out AddressEntry? known))
        {
            known.LastSeen = Max(known.LastSeen, now);
            bool wasFixed = known.IsFixed;
            Rehome(known, candidate.Source, sourceGroup, now);
            if (known.IsFixed && !wasFixed)
            {
                Hurry(known, now);
            }

            return AddOutcome.Known;
        }

        AddressEntry entry = New(address, candidate.Source, sourceGroup, now);
        entry.IsFixed = candidate.Source == AddressSource.Bootstrap && _fixed.Count < MaxFixed;
        if (!TryInsert(entry, now))
        {
            return AddOutcome.NoRoom;
        }

        if (entry.IsFixed)
        {
            Hurry(entry, now);
        }

        return AddOutcome.Added;
    }

    /// <summary>Forgets one entry: it leads back to this node itself.</summary>
    public bool Remove(PeerAddress address)
    {
        if (!_entries.TryGetValue(address, out AddressEntry? entry))
        {
            return false;
        }

        Drop(entry);
        return true;
    }

    /// <summary>Forgets all entries of an id: the operator removed it.</summary>
    public void Remove(NodeId id)
    {
        foreach (AddressEntry entry in Of(id))
        {
            Drop(entry);
        }
    }

    /// <summary>The id has a new key; its entries go on under that.</summary>
    public void Rename(NodeId oldId, NodeId newId, TimeSpan now)
    {
        foreach (AddressEntry old in Of(oldId))
        {
            bool proven = old.IsProven, regular = old.IsRegular;
            Drop(old);
            PeerAddress address = old.Address with { Id = newId };
            if (_entries.ContainsKey(address))
            {
                continue;
            }

            AddressEntry entry = New(address, old.Source, old.SourceGroup, old.FirstSeen);
            entry.IsFixed = old.IsFixed;
            entry.LastSeen = old.LastSeen;
            entry.LastTried = old.LastTried;
            entry.LastSuccess = old.LastSuccess;
            entry.Failures = old.Failures;
            entry.FailedDials = old.FailedDials;
            entry.WrongKeys = old.WrongKeys;
            entry.NotBefore = old.NotBefore;
            if (Reinsert(entry, proven, now) && regular)
            {
                MakeRegular(entry);
            }
        }

        foreach (AddressEntry entry in _fixed.Where(e => e.AnsweredBy == oldId))
        {
            entry.AnsweredBy = newId;
        }
    }

    /// <summary>The interfaces changed. Entries are regrouped in place.</summary>
    public void Regroup(AddressGroups groups)
    {
        _groups = groups;
        foreach (AddressEntry entry in _entries.Values)
        {
            bool ready = TakeFromReady(entry);
            Uncount(entry);
            SetGroups(entry);
            Count(entry);
            if (ready)
            {
                MakeReady(entry);
            }
        }

        // What was near no longer is, and is bounded from now on.
        foreach (AddressEntry entry in _unprovenAt.Values.SelectMany(there => there.Skip(MaxPerAddress)).ToArray())
        {
            Drop(entry);
        }
    }

    /// <summary>All entries for the store, but unproven ones that the configuration names anyway.</summary>
    public IEnumerable<AddressRecord> Snapshot() => _entries.Values.Where(IsStored).OrderBy(e => e.Number).Select(RecordOf);

    /// <summary>Those of one id, as <see cref="Snapshot()"/>.</summary>
    public IEnumerable<AddressRecord> Snapshot(NodeId id) => Of(id).Where(IsStored).Select(RecordOf);

    /// <summary>What the store kept; times in the future are taken as <paramref name="now"/>. What was left of a backoff remains.</summary>
    /// <returns>How many found a place.</returns>
    public int Restore(IEnumerable<AddressRecord> records, TimeSpan now)
    {
        int restored = 0;

        // Of two that claim one slot, the one reached last has it.
        foreach (AddressRecord record in records.OrderByDescending(r => r.LastSuccess ?? TimeSpan.MinValue))
        {
            if (record.Address.Id is null || _isOwn(record.Address) || !CanBeDialled(record.Address.Host) || _entries.ContainsKey(record.Address))
            {
                continue;
            }

            AddressEntry entry = New(record.Address, record.Source, record.SourceGroup, Past.Clamp(record.FirstSeen, now));
            entry.LastSeen = Past.Clamp(record.LastSeen, now);
            entry.LastTried = record.LastTried is { } tried ? Past.Clamp(tried, now) : null;
            entry.LastSuccess = record.LastSuccess is { } success ? Past.Clamp(success, now) : null;
            entry.Failures = entry.FailedDials = Math.Clamp(record.Failures, 0, 1000);
            AddressSpot spot = entry.Spot;
            spot.Attempts = Math.Max(spot.Attempts, entry.Failures);
            if (entry is { LastTried: { } last, Failures: > 0 })
            {
                spot.Until = Max(spot.Until, last + Backoff.Ceiling(entry.Failures - 1, LongestBackoff));
            }

            restored += Reinsert(entry, entry.LastSuccess is not null, now) ? 1 : 0;
        }

        foreach (AddressSpot spot in _spots.Values.Where(s => s.Until > now))
        {
            Hold(spot, now);
        }

        RestoreRegulars(now);
        return restored;
    }

    private static bool IsStored(AddressEntry entry) => entry.Address.Id is not null && (!entry.IsFixed || entry.LastSuccess is not null);

    private static AddressRecord RecordOf(AddressEntry entry) => new(entry.Address, entry.Source, entry.SourceGroup)
    {
        FirstSeen = entry.FirstSeen,
        LastSeen = entry.LastSeen,
        LastTried = entry.LastTried,
        LastSuccess = entry.LastSuccess,
        Failures = entry.Failures,
        FailedDials = entry.FailedDials,
    };

    private bool IsAllowed(AddressCandidate candidate)
    {
        PeerAddress address = candidate.Address;
        if ((address.Id is null && candidate.Source != AddressSource.Bootstrap) || _isOwn(address))
        {
            return false;
        }

        return AddressGroups.TryParse(address.Host, out IPAddress? ip)
            ? AddressKinds.MayName(ip, candidate.From)

            // A name can be made to lead anywhere, and each costs nothing.
            : candidate.Source is AddressSource.Manual or AddressSource.Bootstrap or AddressSource.StaticFile;
    }

    private static bool CanBeDialled(string host) =>
        !AddressGroups.TryParse(host, out IPAddress? ip) || AddressKinds.ReachOf(ip) != AddressReach.Nowhere;

    private AddressEntry New(PeerAddress address, AddressSource source, AddressKey sourceGroup, TimeSpan firstSeen)
    {
        string name = address.HostAndPort;
        AddressEntry entry = new(address, ++_lastNumber, source, sourceGroup, firstSeen)
        {
            Spot = _spots.GetValueOrDefault(name) ?? new AddressSpot(name),
        };
        SetGroups(entry);
        return entry;
    }

    private void SetGroups(AddressEntry entry)
    {
        entry.Group = _groups.GroupOf(entry.Address.Host);
        bool numeric = AddressGroups.TryParse(entry.Address.Host, out IPAddress? ip);
        entry.AddressKey = numeric ? AddressGroups.KeysOf(ip!).Address : entry.Group;
        entry.IsCounted = !numeric || !(_groups.IsTrusted(ip!) || _groups.IsOnLink(ip!));
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
