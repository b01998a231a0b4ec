namespace Meshara.Core.Policy;

// Who has which slot, and who gives way to whom.
internal sealed partial class AddressTable
{
    private const int MostContests = 16, GoneAfter = 8;
    private static readonly TimeSpan NeverTriedFor = TimeSpan.FromDays(1), NotSeenFor = TimeSpan.FromDays(30), DeadFor = TimeSpan.FromDays(7);
    private static readonly TimeSpan ContestFor = TimeSpan.FromMinutes(40), SureFor = TimeSpan.FromHours(4);

    private readonly List<Contest> _contests = [];

    private bool TryInsert(AddressEntry entry, TimeSpan now)
    {
        if (PlaceFor(entry.Address, entry.SourceGroup, entry.IsFixed, now) is not { } first || !MakeRoom(entry, now))
        {
            return false;
        }

        // Who made room may have left a better slot, or made its source smaller, so that nobody gives way to this one any more: then it has what it was promised.
        PutUnproven(entry, PlaceFor(entry.Address, entry.SourceGroup, entry.IsFixed, now) ?? first);
        Register(entry);
        ReadyOrWait(entry, now);
        return true;
    }

    // One that was in the table before.
    private bool Reinsert(AddressEntry entry, bool proven, TimeSpan now)
    {
        int slot = proven ? FreeOf(_proven, _slots.Proven(entry.Address, entry.Group)) : -1;
        if (slot < 0 || _proven[slot] is not null || !MakeRoom(entry, now))
        {
            return TryInsert(entry, now);
        }

        PutProven(entry, slot);
        Register(entry);
        ReadyOrWait(entry, now);
        return true;
    }

    // Where among the unproven it may be: -1 for those that take no slot, null where nobody makes room.
    private int? PlaceFor(PeerAddress address, AddressKey source, bool isFixed, TimeSpan now, AddressEntry? self = null)
    {
        if (isFixed)
        {
            return -1;
        }

        int slot = FreeOf(_unproven, _slots.Unproven(address, source), self);
        return _unproven[slot] is not { } old || old == self || GivesWay(old, source, now) ? slot : null;
    }

    // Its own slot, or another of its bucket while one is free: a few dozen nodes on one network must not lose each other to chance. A full bucket is fought for slot by slot.
    private static int FreeOf(AddressEntry?[] table, int slot, AddressEntry? self = null)
    {
        bool IsFree(int s) => table[s] is not { } holder || holder == self;
        int bucket = slot - (slot % AddressSlots.BucketSize);
        for (int i = 0; i < AddressSlots.BucketSize; i++)
        {
            int other = bucket + ((slot + i) % AddressSlots.BucketSize);
            if (IsFree(other))
                return other;
        }

        return slot;
    }

    private void Register(AddressEntry entry)
    {
        _entries.Add(entry.Address, entry);
        _byNumber.Add(entry.Number, entry);
        if (entry.Address.Id is { } id)
        {
            ListOf(_byId, id).Add(entry);
        }

        if (entry.IsFixed)
        {
            _fixed.Add(entry);
        }

        Settle(entry);
        Count(entry);
    }

    private void Drop(AddressEntry entry)
    {
        TakeFromReady(entry);
        _waiting.Clear(entry.Number);
        Uncount(entry);
        Unplace(entry);
        _entries.Remove(entry.Address);
        _byNumber.Remove(entry.Number);
        _fixed.Remove(entry);
        Leave(entry);
        _contests.RemoveAll(c => c.Old == entry || c.New == entry);
        if (entry.Address.Id is { } id)
        {
            RemoveFrom(_byId, id, entry);
        }
    }

    private void PutUnproven(AddressEntry entry, int slot)
    {
        entry.Slot = slot;
        if (slot < 0)
        {
            return;
        }

        if (_unproven[slot] is { } old)
        {
            Drop(old);
        }

        _unproven[slot] = entry;
    }

    private void PutProven(AddressEntry entry, int slot)
    {
        entry.Slot = slot;
        entry.IsProven = true;
        _proven[slot] = entry;
        _provenCount++;
        _provenSpots += entry.Spot.Proven++ == 0 ? 1 : 0;
    }

    private void Unplace(AddressEntry entry)
    {
        if (entry.Slot >= 0)
        {
            (entry.IsProven ? _proven : _unproven)[entry.Slot] = null;
        }

        if (entry.IsRegular)
        {
            _regulars.Remove(entry);
            entry.IsRegular = false;
        }

        if (entry.IsProven)
        {
            _provenCount--;
            _provenSpots -= --entry.Spot.Proven == 0 ? 1 : 0;
        }

        entry.Slot = -1;
        entry.IsProven = false;
    }

    // What the bounds for a source and for an address count: unproven entries that no configuration names.
    private void Count(AddressEntry entry)
    {
        if (entry.IsProven || entry.IsFixed)
        {
            return;
        }

        _bySource[entry.SourceGroup] = CountOf(entry.SourceGroup) + 1;
        if (entry is { IsCounted: true, LastSuccess: null })
        {
            ListOf(_unprovenAt, entry.AddressKey).Add(entry);
        }
    }

    private void Uncount(AddressEntry entry)
    {
        if (entry.IsProven || entry.IsFixed)
        {
            return;
        }

        int left = CountOf(entry.SourceGroup) - 1;
        if (left > 0)
        {
            _bySource[entry.SourceGroup] = left;
        }
        else
        {
            _bySource.Remove(entry.SourceGroup);
        }

        if (entry is { IsCounted: true, LastSuccess: null })
        {
            RemoveFrom(_unprovenAt, entry.AddressKey, entry);
        }
    }

    // An unproven entry in the slot that another wants. No proven one is ever in such a slot.
    private bool GivesWay(AddressEntry old, AddressKey newcomer, TimeSpan now) =>
        !old.IsDialling
        && (IsWorthless(old, now)
            || (old.LastTried is null && (now - old.FirstSeen > NeverTriedFor || CountOf(old.SourceGroup) > CountOf(newcomer))));

    private bool IsWorthless(AddressEntry entry, TimeSpan now) =>
        entry is { LastSuccess: null, Failures: >= 3 }
        || IsDead(entry, now)

        // After a long sleep everything is old: that says nothing before something has answered.
        || (_lastGood is not null && now - entry.LastSeen > NotSeenFor);

    private static bool IsDead(AddressEntry entry, TimeSpan now) =>
        entry.Failures >= 10 && (entry.LastSuccess is not { } success || now - success > DeadFor);

    // At most 8 addresses for an id, at most 4 unproven entries for an address.
    private bool MakeRoom(AddressEntry entry, TimeSpan now)
    {
        AddressEntry? first = null;
        if (entry.Address.Id is { } id && _byId.TryGetValue(id, out List<AddressEntry>? ofId) && ofId.Count >= MaxPerId)
        {
            first = Worst(ofId, entry, now);
            if (first is null)
                return false;
        }

        AddressEntry? second = null;
        if (entry is { IsCounted: true, IsFixed: false, LastSuccess: null }
            && _unprovenAt.TryGetValue(entry.AddressKey, out List<AddressEntry>? there) && there.Count >= MaxPerAddress
            && (first is null || !there.Contains(first)))
        {
            second = Worst(there, entry, now);
            if (second is null)
                return false;
        }

        foreach (AddressEntry victim in new[] { first, second }.OfType<AddressEntry>().Distinct())
        {
            Drop(victim);
        }

        return true;
    }

    // Hearsay gives way to the word of the peer itself and of the operator; among equals a source that has more there than the newcomer's does.
    private AddressEntry? Worst(List<AddressEntry> entries, AddressEntry newcomer, TimeSpan now)
    {
        List<AddressEntry> movable = [.. entries.Where(e => e is { IsProven: false, IsFixed: false, IsDialling: false, LastSuccess: null })];
        if (IsFirstHand(newcomer.Source) || newcomer.LastSuccess is not null)
        {
            return movable.OrderBy(e => IsFirstHand(e.Source)).ThenByDescending(e => e.Failures).ThenBy(e => e.LastSeen).ThenBy(e => e.Number).FirstOrDefault();
        }

        int Share(AddressKey source) => entries.Count(e => e.SourceGroup == source);
        int own = Share(newcomer.SourceGroup);
        return movable.Where(e => IsWorthless(e, now)).OrderByDescending(e => e.Failures).ThenBy(e => e.Number).FirstOrDefault()
            ?? movable.Where(e => !IsFirstHand(e.Source) && e.LastTried is null && Share(e.SourceGroup) > own + 1)
                .OrderByDescending(e => Share(e.SourceGroup)).ThenBy(e => e.Number).FirstOrDefault();
    }

    private static bool IsFirstHand(AddressSource source) => source is not (AddressSource.PeerExchange or AddressSource.LocalMdns);

    // The operator or the peer itself names what was hearsay: it counts as theirs from now on.
    private void Rehome(AddressEntry entry, AddressSource source, AddressKey sourceGroup, TimeSpan now)
    {
        bool toFixed = source == AddressSource.Bootstrap && !entry.IsFixed && _fixed.Count < MaxFixed;
        if (entry.IsProven || entry.IsFixed || !(toFixed || (IsFirstHand(source) && !IsFirstHand(entry.Source))))
        {
            return;
        }

        if (PlaceFor(entry.Address, sourceGroup, toFixed, now, entry) is not { } slot)
        {
            return;
        }

        bool ready = TakeFromReady(entry);
        Uncount(entry);
        Unplace(entry);
        PutUnproven(entry, slot);
        entry.Source = source;
        entry.SourceGroup = sourceGroup;
        if (toFixed)
        {
            entry.IsFixed = true;
            _fixed.Add(entry);
        }

        Count(entry);
        if (ready)
        {
            MakeReady(entry);
        }
    }

    // It was reached. Its slot among the proven may be taken: then the old one is tested before it has to go.
    private void Promote(AddressEntry entry, TimeSpan now)
    {
        if (entry.IsProven)
        {
            _contests.RemoveAll(c => c.Old == entry);
            return;
        }

        int slot = FreeOf(_proven, _slots.Proven(entry.Address, entry.Group));
        if (_proven[slot] is { } old)
        {
            if (!IsDead(old, now) || old.IsDialling)
            {
                Contend(old, entry, now);
                return;
            }

            Demote(old, now);

            // Its coming down may have pushed the other out.
            if (_entries.GetValueOrDefault(entry.Address) != entry)
            {
                return;
            }
        }

        MoveToProven(entry, slot);
    }

    private void Contend(AddressEntry old, AddressEntry entry, TimeSpan now)
    {
        _contests.RemoveAll(c => c.Until <= now);
        bool sure = old.LastSuccess is { } success && now - success <= SureFor;
        if (!sure && _contests.Count < MostContests && !_contests.Exists(c => c.Old == old))
        {
            _contests.Add(new Contest(old, entry, now + ContestFor));
        }
    }

    // A proven address did not answer: whoever waits for its slot gets it.
    private void SettleLost(AddressEntry old, TimeSpan now)
    {
        int index = _contests.FindIndex(c => c.Old == old && c.Until > now);
        if (index < 0)
        {
            return;
        }

        AddressEntry entry = _contests[index].New;
        _contests.RemoveAt(index);
        int slot = old.Slot;
        Demote(old, now);

        // Its coming down may have pushed the other out.
        if (_entries.GetValueOrDefault(entry.Address) == entry && !entry.IsProven)
        {
            MoveToProven(entry, slot);
        }
    }

    private void MoveToProven(AddressEntry entry, int slot)
    {
        _contests.RemoveAll(c => c.New == entry);
        bool ready = TakeFromReady(entry);
        Uncount(entry);
        Unplace(entry);
        PutProven(entry, slot);
        if (ready)
        {
            MakeReady(entry);
        }
    }

    private void MakeRegular(AddressEntry entry)
    {
        if (!entry.IsProven || entry.IsRegular)
        {
            return;
        }

        if (_regulars.Count >= MaxRegulars)
        {
            // Whoever has not come back for long makes room.
            AddressEntry? gone = _regulars.Where(r => r.Failures >= GoneAfter).MaxBy(r => r.Failures);
            if (gone is null)
                return;

            _regulars.Remove(gone);
            gone.IsRegular = false;
        }

        _regulars.Add(entry);
        entry.IsRegular = true;
    }

    // Who they were is not stored. Whoever floods a node came later than those that it has known longest, and has few groups.
    private void RestoreRegulars(TimeSpan now)
    {
        IEnumerable<AddressEntry> longest = _entries.Values
            .Where(e => e is { IsProven: true, Failures: 0, LastSuccess: { } success } && now - success < NeverTriedFor)
            .GroupBy(e => e.Group)
            .Select(g => g.OrderBy(e => e.FirstSeen).ThenBy(e => e.Number).First())
            .OrderBy(e => e.FirstSeen).ThenBy(e => e.Number);
        foreach (AddressEntry entry in longest.Take(MaxRegulars).ToArray())
        {
            MakeRegular(entry);
        }
    }

    private void Demote(AddressEntry entry, TimeSpan now)
    {
        _contests.RemoveAll(c => c.Old == entry);
        if (PlaceFor(entry.Address, entry.SourceGroup, entry.IsFixed, now) is not { } slot)
        {
            Drop(entry);
            return;
        }

        bool ready = TakeFromReady(entry);
        Unplace(entry);
        PutUnproven(entry, slot);
        Count(entry);
        if (ready)
        {
            MakeReady(entry);
        }
    }

    private static List<AddressEntry> ListOf<T>(Dictionary<T, List<AddressEntry>> lists, T key)
        where T : notnull
    {
        if (!lists.TryGetValue(key, out List<AddressEntry>? list))
        {
            lists[key] = list = [];
        }

        return list;
    }

    private static void RemoveFrom<T>(Dictionary<T, List<AddressEntry>> lists, T key, AddressEntry entry)
        where T : notnull
    {
        List<AddressEntry> list = lists[key];
        list.Remove(entry);
        if (list.Count == 0)
        {
            lists.Remove(key);
        }
    }

    private sealed record Contest(AddressEntry Old, AddressEntry New, TimeSpan Until);
}
