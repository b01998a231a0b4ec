namespace Meshara.Core.Policy;

// What became of dials, and what a machine has to bear of them.
internal sealed partial class LanTable
{
    /// <summary>What one machine bears where nothing is proven: dials at once, of them those that others named, and ports in <see cref="PortsFor"/>, likewise.</summary>
    public const int MaxAtOnce = 2, MaxNamedAtOnce = 1, MaxPorts = 4, MaxNamedPorts = 2;

    /// <summary>How long a port counts.</summary>
    public static readonly TimeSpan PortsFor = TimeSpan.FromMinutes(10);

    // Ids of one machine that are remembered as proven.
    private const int MaxProven = 16;

    private static readonly TimeSpan First = TimeSpan.FromSeconds(1), Stable = TimeSpan.FromSeconds(10);

    /// <summary>The right key answered. The dial goes on; what is refused after that, <see cref="Refused"/> says.</summary>
    public void Proven(LanEntry entry)
    {
        Unburden(entry);
        LanHost host = entry.Host;
        host.Ports.RemoveAll(p => p.Port == entry.Key.Port);
        if (!host.Proven.Contains(entry.Key.Id))
        {
            host.Proven.Add(entry.Key.Id);
            if (host.Proven.Count > MaxProven)
            {
                host.Proven.RemoveAt(0);
            }
        }

        (host.VouchedFailures, host.VouchedUntil) = (0, TimeSpan.Zero);
        (host.NamedFailures, host.NamedUntil) = (0, TimeSpan.Zero);
        entry.Failures = 0;
        entry.NotBefore = TimeSpan.Zero;
        entry.Source.Failures = 0;
    }

    /// <summary>A link, or what a probe wanted to know.</summary>
    public void Succeeded(LanEntry entry)
    {
        Proven(entry);
        Release(entry);
        entry.Owner.Refusals = 0;
    }

    /// <summary>The right key answered and refused: the id waits, wherever it is.</summary>
    /// <param name="entry">What was dialled.</param>
    /// <param name="asked">For how long at least, as it asked.</param>
    /// <param name="longest">The longest wait that the operator wants for one he named, whatever it asks; null: he did not name it.</param>
    /// <param name="now">The time.</param>
    /// <returns>How long.</returns>
    public TimeSpan Refused(LanEntry entry, TimeSpan? asked, TimeSpan? longest, TimeSpan now)
    {
        Proven(entry);
        Release(entry);
        TimeSpan least = asked is { } wait && wait > First ? wait : First;
        TimeSpan most = longest ?? (LongestBackoff > AddressTable.AfterEviction ? LongestBackoff : AddressTable.AfterEviction);
        TimeSpan bound = longest ?? AddressTable.MaxRetryAfter;
        TimeSpan until = Backoff.WhenFull(entry.Owner.Refusals++, least < bound ? least : bound, most, random.NextDouble());
        Hold(entry.Key.Id, now + until);
        return until;
    }

    /// <summary>Nobody was there, or another key: only the address waits, and with it the machine for others that are not proven there.</summary>
    public void Failed(LanEntry entry, TimeSpan now)
    {
        LanLoad load = entry.Load;
        Release(entry);
        TimeSpan wait = Backoff.Delay(++entry.Failures, LongestBackoff, First, random.NextDouble());
        entry.NotBefore = now + wait;
        entry.Owner.NextDial = now;
        entry.Source.Failures++;
        LanHost host = entry.Host;
        if (load == LanLoad.Vouched)
        {
            host.VouchedUntil = now + Backoff.Doubled(First, host.VouchedFailures++, LongestBackoff);
        }
        else if (load == LanLoad.Named)
        {
            host.NamedUntil = now + Backoff.Doubled(First, host.NamedFailures++, LongestBackoff);
        }
    }

    /// <summary>This node gave the dial up by itself: nothing speaks against the address.</summary>
    public void Dropped(LanEntry entry, TimeSpan wait, TimeSpan now)
    {
        Release(entry);
        entry.NotBefore = now + wait;
    }

    /// <summary>An id is not dialled before then, wherever it is announced.</summary>
    public void Hold(NodeId id, TimeSpan until)
    {
        if ((_held.Of(id) ?? TimeSpan.MinValue) < until)
        {
            _held.Set(id, until);
        }
    }

    /// <summary>Nothing speaks against dialling this id any more: the operator named it.</summary>
    public void Unhold(NodeId id)
    {
        _held.Remove(id);
        foreach (LanEntry entry in _ids.GetValueOrDefault(id)?.Entries ?? [])
        {
            entry.NotBefore = TimeSpan.Zero;
            entry.Owner.Refusals = 0;
        }
    }

    /// <summary>A link of this id has ended: its addresses wait, a new one does not.</summary>
    /// <param name="id">Whose.</param>
    /// <param name="wait">For how long, if it had lived; at most <see cref="AddressTable.MaxRetryAfter"/>.</param>
    /// <param name="lived">How long it had.</param>
    /// <param name="longest">The longest wait that the operator wants for one he named; null: he did not name it.</param>
    /// <param name="now">The time.</param>
    public void Lost(NodeId id, TimeSpan wait, TimeSpan lived, TimeSpan? longest, TimeSpan now)
    {
        if (!_ids.TryGetValue(id, out LanId? owner))
        {
            return;
        }

        // Links that end as soon as they begin must not be made at the pace of those that live.
        owner.ShortLinks = lived >= Stable ? 0 : owner.ShortLinks + 1;
        wait = wait < AddressTable.MaxRetryAfter ? wait : AddressTable.MaxRetryAfter;
        TimeSpan until = now + (owner.ShortLinks == 0 ? wait : Backoff.Delay(owner.ShortLinks, longest ?? LongestBackoff, wait, random.NextDouble()));
        foreach (LanEntry entry in owner.Entries)
        {
            entry.NotBefore = entry.NotBefore > until ? entry.NotBefore : until;
        }
    }

    /// <summary>The network has changed: what failed may answer now.</summary>
    public void ResetBackoff()
    {
        foreach (LanEntry entry in _entries.Values)
        {
            entry.NotBefore = TimeSpan.Zero;
            entry.Failures = 0;
        }

        foreach (LanHost host in _hosts.Values)
        {
            host.VouchedUntil = host.NamedUntil = TimeSpan.Zero;
        }
    }

    // This machine by its own word, and whoever has proven its key there, bear no more than they want.
    private bool IsExempt(LanEntry entry) =>
        entry.Host.Proven.Contains(entry.Key.Id) || (entry.IsVouched && LanRules.IsThisMachine(entry.Key.Address, entry.Key.Interface, _interfaces));

    // Null: not before a dial has ended.
    private static TimeSpan? HostAllowsAt(LanEntry entry, TimeSpan now)
    {
        LanHost host = entry.Host;
        if (host.Vouched + host.Named >= MaxAtOnce || (!entry.IsVouched && host.Named >= MaxNamedAtOnce))
        {
            return null;
        }

        TimeSpan due = entry.IsVouched ? host.VouchedUntil : host.NamedUntil;
        due = due > now ? due : now;
        host.Ports.RemoveAll(p => p.At + PortsFor <= now);
        if (host.Ports.Exists(p => p.Port == entry.Key.Port))
        {
            return due;
        }

        if (host.Ports.Count >= MaxPorts)
        {
            return host.Ports.Min(static p => p.At) + PortsFor;
        }

        return !entry.IsVouched && host.Ports.Count(static p => p.Named) >= MaxNamedPorts
            ? host.Ports.Where(static p => p.Named).Min(static p => p.At) + PortsFor
            : due;
    }

    private static void Burden(LanEntry entry, TimeSpan now)
    {
        LanHost host = entry.Host;
        entry.Load = entry.IsVouched ? LanLoad.Vouched : LanLoad.Named;
        (host.Vouched, host.Named) = entry.IsVouched ? (host.Vouched + 1, host.Named) : (host.Vouched, host.Named + 1);

        if (!host.Ports.Exists(p => p.Port == entry.Key.Port))
        {
            host.Ports.Add((entry.Key.Port, now, !entry.IsVouched));
        }
    }

    private static void Unburden(LanEntry entry)
    {
        LanHost host = entry.Host;
        host.Vouched -= entry.Load == LanLoad.Vouched ? 1 : 0;
        host.Named -= entry.Load == LanLoad.Named ? 1 : 0;
        entry.Load = LanLoad.None;
    }

    private static void Release(LanEntry entry)
    {
        Unburden(entry);
        entry.IsDialling = false;
    }

    private bool ForgetHosts(TimeSpan now)
    {
        foreach (KeyValuePair<LanHostKey, LanHost> old in _hosts.Where(h => h.Value is { Entries: 0, Vouched: 0, Named: 0 }).OrderBy(h => h.Value.Turn).Take(MaxHosts / 4).ToArray())
        {
            old.Value.Ports.RemoveAll(p => p.At + PortsFor <= now);
            if (old.Value.Ports.Count == 0)
            {
                _hosts.Remove(old.Key);
            }
        }

        return _hosts.Count < MaxHosts;
    }
}
