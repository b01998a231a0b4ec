using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Engine;

internal sealed partial class Responder
{
    /// <summary>RFC 6762 section 8.1: after 15 conflicts in 10 s each attempt waits 5 s.</summary>
    private const int MostConflicts = 15;

    private static readonly TimeSpan ConflictWindow = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan SlowPause = TimeSpan.FromSeconds(5);

    // RFC 6762 section 8.2: who loses a tie waits a second.
    private static readonly TimeSpan TieLost = TimeSpan.FromSeconds(1);

    // A deviation from section 9, which sets no bound: a forger would keep us probing for ever.
    private static readonly TimeSpan DoubtEvery = TimeSpan.FromSeconds(10);

    // RFC 6762 sections 10.1 and 10.2: what somebody declares gone lives a second more; said again twice in it, it is in time however often he does.
    private static readonly TimeSpan DefendEvery = TimeSpan.FromMilliseconds(500);

    // Section 10.2: the cache-flush bit removes only what is more than a second old.
    private static readonly TimeSpan FlushAfter = TimeSpan.FromMilliseconds(1100);

    private readonly Queue<TimeSpan> _conflicts = new();

    // Sets looked for in the packet at hand: once each, however often it repeats their records.
    private readonly HashSet<OwnSet> _looked = [];

    /// <summary>Somebody answered, or announces.</summary>
    public void HandleResponse(LinkState state, DnsMessage message, in PacketInfo info, TimeSpan now)
    {
        if (_links.Find(l => l.State.Key == state.Key) is not { } link || link.Claims.Count == 0)
            return;
        _looked.Clear();
        foreach (DnsRecord record in message.Answers)
            HandleRecord(link, message, record, info, now);
        foreach (DnsRecord record in message.Additionals)
            HandleRecord(link, message, record, info, now);
    }

    private void HandleRecord(ResponderLink link, DnsMessage message, DnsRecord record, in PacketInfo info, TimeSpan now)
    {
        if (link.Zone.Find(record) is { } own)
        {
            if (info.ToMulticast && own.IsReady)
                HandleOwn(link, own, message, record, now);
            return;
        }

        NameClaim? claim = link.Find(record.Name);
        if ((claim is null && link.Zone.Of(record.Name).Count == 0) || IsOnAnyLink(record))
            return;
        bool isConflict = record.Ttl > 0 && claim is not null && IsConflict(link, claim, record);
        if (isConflict && !_former.Contains(record, now) && HandleConflict(link, claim!, now))
            return;
        if (info.ToMulticast && (isConflict || record.CacheFlush))
            Contradict(link, record, isConflict, now);
    }

    private void HandleOwn(ResponderLink link, OwnSet own, DnsMessage message, DnsRecord record, TimeSpan now)
    {
        // Section 7.4: it is said. Of a record that nobody else has it is not believed: a frame may be for us alone, and would silence us.
        if (own.IsMeta && record.Ttl >= own.Records[0].Ttl)
            link.Queue.Said(own);

        // Section 6.6: it is about to end, or gone, for all who hear this; section 10.2: or the rest of its set is. That is not so.
        if (record.Ttl < own.Records[0].Ttl / 2 || (record.CacheFlush && own.Records.Length > 1 && _looked.Add(own) && !(own.LastRescue >= now) && !HasAll(message, own)))
            Defend(link, own, now);
    }

    private static bool HasAll(DnsMessage message, OwnSet set) =>
        set.Records.All(own => message.Answers.Any(own.SameAs) || message.Additionals.Any(own.SameAs));

    // Somebody says of our name, or denies, what is not so, or has all others of a shared name removed: whoever heard him shall hear us too. The list of types is left to who asks for it:
    // every responder of the network has a part in it.
    private void Contradict(ResponderLink link, DnsRecord record, bool isConflict, TimeSpan now)
    {
        foreach (OwnSet set in link.Zone.Of(record.Name))
        {
            bool isMeant = (set.Type == record.Type && !set.IsMeta) || (record.Data is NextSecureData types && !types.Has(set.Type));

            // Who has lost a tie is silent: the winner would take it for a conflict.
            if (!isMeant || !set.IsReady || (set.IsUnique && link.Find(set.Name) is { TiesLost: > 0 }))
                continue;
            Defend(link, set, now);
            if (isConflict)
                link.Queue.Repeat(set, now + FlushAfter);
        }
    }

    // Where others may do the same it has its 20 to 120 ms (section 6).
    private void Defend(ResponderLink link, OwnSet set, TimeSpan now)
    {
        if (set.LastRescue > now)
            return;
        TimeSpan earliest = set.LastRescue + DefendEvery is { } next && next > now ? next : now;
        TimeSpan due = earliest;
        if (!set.IsUnique)
            (earliest, due) = (earliest + LeastJitter, earliest + Between(LeastJitter, MostJitter));
        set.LastRescue = due;
        link.Queue.AddMulticast(set, earliest, due, isDefence: true);
    }

    // Section 8.1: while probing, whatever somebody has of that name; section 9: later, another content of the same type. What a name has not is no content.
    private static bool IsConflict(ResponderLink link, NameClaim claim, DnsRecord record) =>
        record.Type != DnsType.Nsec && ((claim.IsProbing && !claim.IsHeld) || link.Zone.Of(record.Name).Any(s => s.Type == record.Type));

    // With several links on one network, or a reflector, our records of one link are heard on another.
    private bool IsOurs(DnsRecord record, TimeSpan now) => IsOnAnyLink(record) || _former.Contains(record, now);

    private bool IsOnAnyLink(DnsRecord record)
    {
        foreach (ResponderLink link in _links)
        {
            if (link.Zone.Find(record) is not null)
                return true;
        }

        return false;
    }

    // Returns whether the name is lost.
    private bool HandleConflict(ResponderLink link, NameClaim claim, TimeSpan now)
    {
        if (claim.IsProbing)
        {
            if (IsEstablished(claim.Owner) && !claim.Contradict(now))
                return false;
            CountConflict(claim, now);
            Rename(link, claim.Owner, now);
            return true;
        }

        if (now - claim.DoubtedAt < DoubtEvery)
            return false;
        CountConflict(claim, now);
        claim.Doubt(claim.Owner.IsSlow ? now + SlowPause : link.FirstProbe(random, now), now);
        return false;
    }

    // Whoever publishes was told of it, and others know it.
    private bool IsEstablished(OwnName name)
    {
        foreach (ResponderLink link in _links)
        {
            if (link.Has(name) && link.Claim(name).IsHeld)
                return true;
        }

        return false;
    }

    private void CountConflict(NameClaim claim, TimeSpan now)
    {
        while (_conflicts.TryPeek(out TimeSpan oldest) && now - oldest > ConflictWindow)
            _conflicts.Dequeue();
        if (_conflicts.Count >= MostConflicts)
            _conflicts.Dequeue();
        _conflicts.Enqueue(now);
        if (_conflicts.Count >= MostConflicts)
            claim.Owner.IsSlow = true;
    }

    // Section 8.2, for each name in the probe. Returns the names that must not be answered: the tie was lost.
    private HashSet<DnsName>? HandleProbe(ResponderLink link, DnsMessage message, in PacketInfo info, TimeSpan now)
    {
        HashSet<DnsName>? lost = null;
        HashSet<DnsName> seen = [];
        foreach (DnsQuestion question in message.Questions)
        {
            if (link.Find(question.Name) is not { IsProbing: true } claim || !info.ToMulticast || !seen.Add(question.Name))
                continue;
            DnsRecord[] theirs = [.. message.Authorities.Where(r => r.Name.Equals(question.Name))];
            if (theirs.Length == 0 || theirs.All(r => IsOurs(r, now)))
                continue;

            // Until it is proven anew, a name that is doubted is defended only by who wins.
            if (claim.IsDeferred)
            {
                (lost ??= []).Add(question.Name);
                continue;
            }

            if (DnsRecord.Compare(link.Zone.Proposed(question.Name), theirs) >= 0)
                continue;
            (lost ??= []).Add(question.Name);
            LoseTie(link, claim, now);
        }

        return lost;
    }

    private void LoseTie(ResponderLink link, NameClaim claim, TimeSpan now)
    {
        CountConflict(claim, now);
        claim.Defer(claim.Owner.IsSlow ? now + SlowPause : now + TieLost);
        foreach (OwnSet set in link.Zone.Of(claim.Owner.Name))
            link.Queue.Yield(set);
        if (claim.TiesLost >= NameClaim.MostTiesLost)
            Rename(link, claim.Owner, now);
    }

    // Section 9: another name, on every link. Where it was announced a goodbye is said, but not on the interface on which somebody has it: it would be taken for his.
    private void Rename(ResponderLink where, OwnName name, TimeSpan now)
    {
        string old = name.Label;
        ResponderLink[] links = [.. _links.Where(l => l.Has(name))];
        foreach (ResponderLink link in links)
            link.Remove(name);
        name.Change(random);
        MakeOwn(name);
        foreach (ResponderLink link in links)
            link.Add(name, name.IsSlow ? now + SlowPause : link.FirstProbe(random, now));
        Rebuild(now, silentOn: where.State.Key.InterfaceIndex);
        foreach (Publication publication in _publications.Values.Where(p => p.Instance == name || p.Host == name))
        {
            publication.IsReported = false;
            foreach (ResponderLink link in _links)
                link.Announcer.Stop(publication);
            if (!name.IsHost)
                outbox.Emit(new EngineAction.Renamed(publication.Id, new ServiceRenamed(old, name.Label)));
        }
    }
}
