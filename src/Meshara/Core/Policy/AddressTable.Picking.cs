namespace Meshara.Core.Policy;

// What is dialled next, and what came of it.
internal sealed partial class AddressTable
{
    private const int MostDraws = 64, MostRegularDraws = 16;
    private const double LeastChance = 0.05;
    private static readonly TimeSpan RegularAfter = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Freshness = TimeSpan.FromDays(7);

    /// <summary>The next address to dial, which is then being dialled; null: none is ready and usable, look again at <see cref="NextDue"/>.</summary>
    /// <remarks>
    /// A coin chooses the table, then each group of sources (or of proven addresses) is as likely as any other: an attacker's share of the picks is
    /// its share of the groups, however many entries it has. What is drawn is taken by its chance, halved for each outbound link in its address group;
    /// after 64 draws whatever comes: a peer too near is better than none. Regulars come first: each draw of a stranger is a chance for an attacker, and
    /// its links never end, while honest peers come and go; to whom this node was linked before, it can be linked again without a draw.
    /// </remarks>
    public AddressEntry? Pick(PickView view, TimeSpan now) => DrawRegular(view, now) ?? Draw(view, now, unprovenOnly: false);

    /// <summary>An address whose state is worth knowing: a proven one whose slot is contested, else an unproven one. It is then being dialled.</summary>
    public AddressEntry? PickForFeeler(PickView view, TimeSpan now)
    {
        _contests.RemoveAll(c => c.Until <= now);
        AddressEntry? contested = _contests.Find(c => !c.Old.IsDialling && c.Old.NotBefore <= now && view.IsUsable(c.Old))?.Old;
        return contested is null ? Draw(view, now, unprovenOnly: true) : Take(contested, now);
    }

    /// <summary>Takes one entry to dial it, whatever its backoff says (anchors); null: not in the table, or somebody is being dialled there.</summary>
    public AddressEntry? TryTake(PeerAddress address, TimeSpan now) =>
        _entries.TryGetValue(address, out AddressEntry? entry) && !entry.Spot.Entries.Exists(e => e.IsDialling) ? Take(entry, now) : null;

    /// <summary>READY, or the answer to a probe.</summary>
    /// <param name="address">What was dialled.</param>
    /// <param name="id">Who answered.</param>
    /// <param name="now">The time.</param>
    /// <param name="linked">It took us as a peer; a probe says nothing of its places.</param>
    public void Succeeded(PeerAddress address, NodeId id, TimeSpan now, bool linked = true)
    {
        if (!_entries.TryGetValue(address, out AddressEntry? entry))
        {
            return;
        }

        _lastGood = now;
        Good(entry, now);
        if (linked)
        {
            EntriesOf(id).ForEach(e => e.RefusedInRow = 0);
            entry.RefusedInRow = 0;
        }

        if (address.Id is not null)
        {
            Promote(entry, now);
            return;
        }

        // The name in the configuration stays; who answered there is an address of its own, kept over restarts.
        entry.AnsweredBy = id;
        PeerAddress answered = address with { Id = id };
        if (!_entries.TryGetValue(answered, out AddressEntry? own))
        {
            own = New(answered, entry.Source, entry.SourceGroup, now);
            own.LastSuccess = own.LastTried = now;
            if (!Reinsert(own, proven: true, now))
            {
                return;
            }
        }

        Good(own, now);
        Promote(own, now);
    }

    /// <summary>This node gave the dial up for its own reasons; nobody is to blame.</summary>
    /// <param name="address">What was dialled.</param>
    /// <param name="wait">Not again before that time has passed.</param>
    /// <param name="now">The time.</param>
    public void Dropped(PeerAddress address, TimeSpan wait, TimeSpan now)
    {
        if (_entries.TryGetValue(address, out AddressEntry? entry))
        {
            Wait(entry, now + wait);
        }
    }

    /// <summary>A link that a dial of this address had made is gone.</summary>
    /// <param name="address">What was dialled.</param>
    /// <param name="lived">How long it lived: when shorter than <see cref="Stable"/> the backoff goes on growing.</param>
    /// <param name="now">The time.</param>
    public void LinkEnded(PeerAddress address, TimeSpan lived, TimeSpan now)
    {
        if (!_entries.TryGetValue(address, out AddressEntry? entry) || entry.IsDialling)
        {
            return;
        }

        if (lived >= RegularAfter)
        {
            MakeRegular(entry);
        }

        bool stable = lived >= Stable;
        AddressSpot spot = entry.Spot;
        spot.Attempts = stable ? 0 : spot.Attempts + 1;
        double random = _random.NextDouble();
        spot.Until = now + (stable ? Backoff.AfterLoss(random) : Backoff.Delay(spot.Attempts - 1, LongestOf(spot), null, random));
        Wait(entry, spot.Until);
        Hold(spot, now);
    }

    /// <summary>No entry of this id is dialled before <paramref name="until"/>, at most 1 h from now (GOODBYE evicted on a live link: <see cref="AfterEviction"/>).</summary>
    public void Postpone(NodeId id, TimeSpan until, TimeSpan now)
    {
        foreach (AddressEntry entry in EntriesOf(id))
        {
            entry.NotBefore = Max(entry.NotBefore, Min(until, now + MaxRetryAfter));
            if (!entry.IsDialling)
            {
                Wait(entry, Max(_waiting.Of(entry.Number) ?? now, entry.NotBefore));
            }
        }
    }

    /// <summary>Entries of this id that were not usable may be again: its link or dial ended, it is no longer static or banned.</summary>
    public void Wake(NodeId id, TimeSpan now)
    {
        foreach (AddressEntry entry in EntriesOf(id).Where(e => e.IsParked))
        {
            ReadyOrWait(entry, now);
        }
    }

    /// <summary>The network changed or the operator asks: what waits for its backoff is ready at once, what others asked for holds.</summary>
    public void ResetBackoff(TimeSpan now)
    {
        foreach (AddressSpot spot in _spots.Values)
        {
            spot.Attempts = 0;
            spot.Until = TimeSpan.Zero;
        }

        foreach (AddressEntry entry in _entries.Values.Where(e => !e.IsDialling).OrderBy(e => e.Number))
        {
            if (entry.ReadyIndex < 0)
            {
                ReadyOrWait(entry, now);
            }
        }
    }

    /// <summary>From <see cref="LeastChance"/> to 1: how gladly an entry is taken, its group aside.</summary>
    internal static double ChanceOf(AddressEntry entry, double standing, TimeSpan now)
    {
        // 0.66 is addrman's.
        double chance = Math.Pow(0.66, Math.Min(entry.Failures, 8)) * Math.Pow(0.5, Math.Min(entry.RefusedInRow, 8)) * Math.Clamp(standing, 0, 1);
        if (entry.LastSuccess is { } success && now > success)
        {
            chance *= Math.Pow(0.5, (now - success) / Freshness);
        }

        return Math.Clamp(chance, LeastChance, 1);
    }

    private AddressEntry? DrawRegular(PickView view, TimeSpan now)
    {
        WakeDue(now);
        for (int draws = 0; draws < MostRegularDraws && _regulars.Count > 0; draws++)
        {
            AddressEntry entry = _regulars[_random.Next(_regulars.Count)];
            if (entry.ReadyIndex >= 0 && view.IsUsable(entry) && _random.NextDouble() < ChanceOf(entry, view.Standing(entry), now) * Math.Pow(0.5, view.GroupUse(entry.Group)))
                return Take(entry, now);
        }

        return null;
    }

    private AddressEntry? Draw(PickView view, TimeSpan now, bool unprovenOnly)
    {
        WakeDue(now);
        AddressEntry? last = null;
        for (int draws = 0; draws < MostDraws && NextTable(unprovenOnly) is { } table;)
        {
            AddressEntry entry = table.Draw(_random);
            if (!view.IsUsable(entry))
            {
                // Not counted as a draw: each can be put aside once a minute.
                Park(entry, now);
                continue;
            }

            last = entry;
            draws++;
            double chance = ChanceOf(entry, view.Standing(entry), now) * Math.Pow(0.5, view.GroupUse(entry.Group));
            if (_random.NextDouble() < chance)
            {
                break;
            }
        }

        return last is null ? null : Take(last, now);
    }

    private ReadyLists? NextTable(bool unprovenOnly)
    {
        if (unprovenOnly || _readyProven.Count == 0)
        {
            return _readyUnproven.Count == 0 ? null : _readyUnproven;
        }

        return _readyUnproven.Count == 0 || _random.Next(2) == 0 ? _readyProven : _readyUnproven;
    }

    private AddressEntry Take(AddressEntry entry, TimeSpan now)
    {
        entry.LastTried = now;
        Wait(entry, now + LostDial, respectNotBefore: false);
        entry.IsDialling = true;
        return entry;
    }

    private void Park(AddressEntry entry, TimeSpan now)
    {
        Wait(entry, now + Parked);
        entry.IsParked = true;
    }

    private void Good(AddressEntry entry, TimeSpan now)
    {
        Uncount(entry);
        entry.LastSuccess = entry.LastSeen = now;
        entry.Failures = entry.FailedDials = entry.WrongKeys = 0;
        Count(entry);

        // Its link is there, or it was only tested; the backoff ends with a link that lives.
        entry.Spot.HasRefused = false;
        entry.Spot.Until = Max(entry.Spot.Until, now + Stable);
        Wait(entry, entry.Spot.Until);
        Hold(entry.Spot, now);
    }

    private void WakeDue(TimeSpan now)
    {
        while (_waiting.TryTake(now, out long number))
        {
            // A dial whose verdict never came held nobody up, but others may have been dialled there meanwhile, or its id been put off.
            ReadyOrWait(_byNumber[number], now);
        }
    }

    private void ReadyOrWait(AddressEntry entry, TimeSpan now)
    {
        TimeSpan due = Max(entry.NotBefore, entry.Spot.Until);
        if (due > now)
        {
            Wait(entry, due);
            return;
        }

        MakeReady(entry);
    }

    private void MakeReady(AddressEntry entry)
    {
        _waiting.Clear(entry.Number);
        entry.IsDialling = entry.IsParked = false;
        (entry.IsProven ? _readyProven : _readyUnproven).Add(entry);
    }

    private void Wait(AddressEntry entry, TimeSpan due, bool respectNotBefore = true)
    {
        TakeFromReady(entry);
        entry.IsDialling = entry.IsParked = false;
        _waiting.Set(entry.Number, respectNotBefore ? Max(due, Max(entry.NotBefore, entry.Spot.Until)) : due);
    }

    private bool TakeFromReady(AddressEntry entry)
    {
        if (entry.ReadyIndex < 0)
        {
            return false;
        }

        (entry.IsProven ? _readyProven : _readyUnproven).Remove(entry);
        return true;
    }

    private List<AddressEntry> EntriesOf(NodeId id) => [.. Of(id), .. _fixed.Where(e => e.AnsweredBy == id)];

    /// <summary>For tests: what does not agree; null: all does.</summary>
    internal string? FindInconsistency()
    {
        foreach (AddressEntry entry in _entries.Values)
        {
            bool waits = _waiting.Of(entry.Number) is not null;
            string? wrong =
                waits == (entry.ReadyIndex >= 0) ? "is ready and waits, or neither"
                : entry is { IsDialling: true, IsParked: true } || (!waits && (entry.IsDialling || entry.IsParked)) ? "is in two states"
                : entry.Slot < 0 != (entry is { IsFixed: true, IsProven: false }) ? "has no slot, or one too many"
                : entry.Slot >= 0 && (entry.IsProven ? _proven : _unproven)[entry.Slot] != entry ? "is not in its slot"
                : _byNumber.GetValueOrDefault(entry.Number) != entry ? "is not found by its number"
                : entry.Address.Id is { } id && !_byId[id].Contains(entry) ? "is not found by its id"
                : entry.IsRegular != _regulars.Contains(entry) || entry is { IsRegular: true, IsProven: false } ? "is a regular in one place only"
                : entry is { IsProven: true, LastSuccess: null } ? "is proven by nothing"
                : entry.IsFixed != _fixed.Contains(entry) ? "is fixed in one place only"
                : !entry.Spot.Entries.Contains(entry) || _spots.GetValueOrDefault(entry.Address.HostAndPort) != entry.Spot ? "is not found by its host and port"
                : null;
            if (wrong is not null)
                return $"{entry.Address} {wrong}";
        }

        IEnumerable<AddressEntry> counted = _entries.Values.Where(e => e is { IsProven: false, IsFixed: false });
        return _byNumber.Count != _entries.Count ? "numbers without entries"
            : _unproven.Count(e => e is not null) != counted.Count() || _proven.Count(e => e is not null) != _provenCount ? "slots without entries"
            : _byId.Values.Any(list => list.Count is 0 or > MaxPerId + MaxFixed) ? "too many for one id"
            : _unprovenAt.Values.Any(list => list.Count is 0 or > MaxPerAddress) ? "too many at one address"
            : _unprovenAt.Values.Sum(list => list.Count) != counted.Count(e => e is { IsCounted: true, LastSuccess: null }) ? "addresses are miscounted"
            : _knownSpots != _spots.Values.Count(p => p.Entries.Count > 0) || _provenSpots != _spots.Values.Count(p => p.Entries.Exists(e => e.IsProven)) ? "hosts and ports are miscounted"
            : _spots.Count - _knownSpots > MostEmptySpots ? "too many of whom nobody is known"
            : _bySource.Values.Sum() != counted.Count() ? "sources are miscounted"
            : _contests.Exists(c => !c.Old.IsProven || c.New.IsProven || !_entries.ContainsKey(c.Old.Address) || !_entries.ContainsKey(c.New.Address)) ? "a contest of the dead"
            : _readyProven.FindInconsistency() ?? _readyUnproven.FindInconsistency();
    }
}
