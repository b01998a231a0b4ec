namespace Meshara.Core.Policy;

// A host and port that does not answer, or not as it should: whoever is believed there waits. Nobody is to blame but the address.
internal sealed partial class AddressTable
{
    /// <summary>Addresses that lead to nobody any more and are remembered for their backoff: who names them again and again gains nothing.</summary>
    public const int MostEmptySpots = 1024;

    // Of an address where its key was once: somebody on the way may answer for a while.
    private const int MostWrongKeys = 3;

    /// <summary>The least that counts as asked for by a peer that is full: what the wire protocol advises.</summary>
    private static readonly TimeSpan LeastWhenFull = TimeSpan.FromSeconds(60);

    /// <summary>The right key answered and refused.</summary>
    /// <param name="address">What was dialled.</param>
    /// <param name="retryAfter">What it asked for, at most 1 h of it counts.</param>
    /// <param name="now">The time.</param>
    public void Alive(PeerAddress address, TimeSpan? retryAfter, TimeSpan now)
    {
        if (!_entries.TryGetValue(address, out AddressEntry? entry))
        {
            return;
        }

        Answered(entry, now);
        TimeSpan until = now + Min(MaxRetryAfter, retryAfter ?? TimeSpan.Zero);
        foreach (AddressEntry same in entry.Spot.Entries.Where(e => e == entry || e.Id is null || e.Id == entry.Id))
        {
            same.NotBefore = Max(same.NotBefore, until);
        }

        entry.Spot.HasRefused = true;
        entry.Spot.Until = now + Backoff.Delay(entry.RefusedInRow++, LongestBackoff, null, _random.NextDouble());
        Wait(entry, entry.Spot.Until);
        Hold(entry.Spot, now);
    }

    /// <summary>The right key answered and has no place: none of its addresses is dialled before the time that is returned, from now.</summary>
    /// <remarks>What it asked for, at least 60 s, doubled for each refusal in a row up to five minutes: doors that stay shut are not to be knocked at. And up
    /// to half of that more, so that those who were refused together do not come back together.</remarks>
    /// <param name="address">What was dialled.</param>
    /// <param name="id">Who refused.</param>
    /// <param name="retryAfter">What it asked for, at most 1 h of it counts.</param>
    /// <param name="now">The time.</param>
    public TimeSpan Full(PeerAddress address, NodeId id, TimeSpan? retryAfter, TimeSpan now)
    {
        List<AddressEntry> entries = EntriesOf(id);
        if (_entries.TryGetValue(address, out AddressEntry? dialled))
        {
            Answered(dialled, now);
            entries = [.. entries.Union(dialled.Spot.Entries.Where(e => e == dialled || e.Id is null))];
        }

        int before = entries.Select(e => e.RefusedInRow).DefaultIfEmpty().Max();
        TimeSpan wait = Backoff.WhenFull(before, Max(LeastWhenFull, Min(MaxRetryAfter, retryAfter ?? TimeSpan.Zero)), Max(AfterEviction, LongestBackoff), _random.NextDouble());
        foreach (AddressEntry entry in entries)
        {
            entry.RefusedInRow = before + 1;
            entry.NotBefore = Max(entry.NotBefore, now + wait);
            if (entry == dialled || !entry.IsDialling)
            {
                Wait(entry, now + wait);
            }
        }

        return wait;
    }

    /// <summary>No connection, or no TLS: nobody is there, whoever was expected.</summary>
    /// <param name="address">What was dialled.</param>
    /// <param name="online">This node has a live link to anybody, so its own network is not the reason.</param>
    /// <param name="now">The time.</param>
    public void Failed(PeerAddress address, bool online, TimeSpan now)
    {
        if (!_entries.TryGetValue(address, out AddressEntry? entry))
        {
            return;
        }

        AddressSpot spot = entry.Spot;
        TimeSpan tried = entry.LastTried ?? now;
        spot.HasRefused = false;
        spot.Until = now + Backoff.Delay(spot.Attempts++, LongestOf(spot), null, _random.NextDouble());
        Wait(entry, spot.Until);
        Hold(spot, now);
        foreach (AddressEntry there in spot.Entries.ToArray())
        {
            there.LastTried = tried;
            CountFailure(there, online, now);
        }
    }

    /// <summary>Another key answered. An address where its own never did leads elsewhere and is forgotten; one where it did, after the third time in a row.</summary>
    /// <param name="address">What was dialled.</param>
    /// <param name="now">The time.</param>
    public void WrongKey(PeerAddress address, TimeSpan now)
    {
        if (!_entries.TryGetValue(address, out AddressEntry? entry))
        {
            return;
        }

        AddressSpot spot = entry.Spot;
        spot.HasRefused = false;
        spot.Until = now + Backoff.Delay(spot.Attempts++, LongestOf(spot), null, _random.NextDouble());
        entry.WrongKeys++;
        if (!entry.IsFixed && (entry.LastSuccess is null || entry.WrongKeys >= MostWrongKeys))
        {
            Drop(entry);
        }
        else
        {
            Wait(entry, Max(spot.Until, now + Backoff.Slow(LongestOf(spot), _random.NextDouble())));
            CountFailure(entry, online: true, now);
        }

        Hold(spot, now);
    }

    /// <summary>Whether this node has no peer at all: then what the configuration names is dialled again after <see cref="MaxAlone"/> at the latest, unless the peer there refused.</summary>
    public void SetAlone(bool isAlone, TimeSpan now)
    {
        if (_isAlone == isAlone)
        {
            return;
        }

        _isAlone = isAlone;
        foreach (AddressEntry entry in isAlone ? _fixed : [])
        {
            if (entry is { IsDialling: false, IsParked: false, Spot.HasRefused: false } && _waiting.Of(entry.Number) > now + MaxAlone)
            {
                TimeSpan due = now + (Min(MaxAlone, LongestBackoff) * _random.NextDouble());
                entry.Spot.Until = Min(entry.Spot.Until, due);
                Wait(entry, due);
            }
        }
    }

    /// <summary>It was dialled for the operator.</summary>
    public void Tried(PeerAddress address, TimeSpan now)
    {
        if (_entries.TryGetValue(address, out AddressEntry? entry))
        {
            entry.LastTried = now;
        }
    }

    private TimeSpan LongestOf(AddressSpot spot) => _isAlone && spot.Entries.Exists(static e => e.IsFixed) ? Min(MaxAlone, LongestBackoff) : LongestBackoff;

    private void Answered(AddressEntry entry, TimeSpan now)
    {
        _lastGood = now;
        _contests.RemoveAll(c => c.Old == entry);
        entry.Failures = entry.FailedDials = entry.WrongKeys = 0;
        entry.LastSeen = now;
    }

    private void CountFailure(AddressEntry entry, bool online, TimeSpan now)
    {
        entry.FailedDials++;

        // As addrman does: without any success meanwhile, a second failure proves nothing more than the first.
        if (online || (_lastGood is { } good && good > (entry.LastCounted ?? TimeSpan.MinValue)))
        {
            entry.Failures++;
            entry.LastCounted = now;
        }

        if (online && entry.IsProven)
        {
            SettleLost(entry, now);
        }
    }

    // Whoever is believed there and would be dialled sooner waits too; who was put aside for a dial there need not wait longer.
    private void Hold(AddressSpot spot, TimeSpan now)
    {
        foreach (AddressEntry entry in spot.Entries)
        {
            if (entry.IsParked)
            {
                ReadyOrWait(entry, now);
            }
            else if (!entry.IsDialling && (_waiting.Of(entry.Number) ?? TimeSpan.MinValue) < spot.Until && spot.Until > now)
            {
                Wait(entry, spot.Until);
            }
        }
    }

    // The configuration names it, at the start: what was left of a backoff is no reason to wait.
    private void Hurry(AddressEntry entry, TimeSpan now)
    {
        AddressSpot spot = entry.Spot;
        spot.Until = now + Backoff.AfterStart(spot.Until - now, _random.NextDouble());
        if (entry is { IsDialling: false, ReadyIndex: < 0 })
        {
            ReadyOrWait(entry, now);
        }

        Hold(spot, now);
    }

    private void Settle(AddressEntry entry)
    {
        AddressSpot spot = entry.Spot;
        _spots[spot.Name] = spot;
        _knownSpots += spot.Entries.Count == 0 ? 1 : 0;
        spot.Entries.Add(entry);
    }

    private void Leave(AddressEntry entry)
    {
        AddressSpot spot = entry.Spot;
        spot.Entries.Remove(entry);
        if (spot.Entries.Count > 0)
        {
            return;
        }

        _knownSpots--;
        if (spot.Attempts == 0)
        {
            _spots.Remove(spot.Name);
            return;
        }

        _emptySpots.Enqueue(spot);
        if (_emptySpots.Count > MostEmptySpots && _emptySpots.Dequeue() is { Entries.Count: 0 } oldest && _spots.GetValueOrDefault(oldest.Name) == oldest)
        {
            _spots.Remove(oldest.Name);
        }
    }
}
