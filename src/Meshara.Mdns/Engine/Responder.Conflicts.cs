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

    private readonly Queue<TimeSpan> _conflicts = new();

    /// <summary>Somebody answered, or announces.</summary>
    public void HandleResponse(LinkState state, DnsMessage message, in PacketInfo info, TimeSpan now)
    {
        if (_links.Find(l => l.State.Key == state.Key) is not { } link || link.Claims.Count == 0)
            return;
        foreach (DnsRecord record in message.Answers)
            HandleRecord(link, record, info, now);
        foreach (DnsRecord record in message.Additionals)
            HandleRecord(link, record, info, now);
    }

    private void HandleRecord(ResponderLink link, DnsRecord record, in PacketInfo info, TimeSpan now)
    {
        if (link.Zone.Find(record) is { } own)
        {
            if (info.ToMulticast && own.IsReady)
                HandleOwn(link, own, record, now);
            return;
        }

        if (record.Ttl > 0 && link.Find(record.Name) is { } claim && IsConflict(link, claim, record) && !IsOurs(record, now))
            HandleConflict(link, claim, now);
    }

    private void HandleOwn(ResponderLink link, OwnSet own, DnsRecord record, TimeSpan now)
    {
        // Section 7.4: it is said; a set of several only where all of it is, which its own question finds out.
        if (record.Ttl >= own.Records[0].Ttl && own.Records.Length == 1)
            link.Queue.Said(own);

        // Section 6.6: it is about to end, or gone, for all who hear this; that is not so.
        if (record.Ttl >= own.Records[0].Ttl / 2 || now - own.LastRescue < AnswerQueue.Limit)
            return;
        own.LastRescue = now;
        link.Queue.AddMulticast(own, now, now, isDefence: true);
    }

    // Section 8.1: while probing, whatever somebody has of that name; section 9: later, another content of the same type. What a name has not is no content.
    private static bool IsConflict(ResponderLink link, NameClaim claim, DnsRecord record) =>
        record.Type != DnsType.Nsec && ((claim.IsProbing && !claim.IsHeld) || link.Zone.Of(record.Name).Any(s => s.Type == record.Type));

    // With several links on one network, or a reflector, our records of one link are heard on another.
    private bool IsOurs(DnsRecord record, TimeSpan now)
    {
        foreach (ResponderLink link in _links)
        {
            if (link.Zone.Find(record) is not null)
                return true;
        }

        return _former.Contains(record, now);
    }

    private void HandleConflict(ResponderLink link, NameClaim claim, TimeSpan now)
    {
        if (claim.IsProbing)
        {
            CountConflict(claim, now);
            Rename(link, claim.Owner, now);
            return;
        }

        if (now - claim.DoubtedAt < DoubtEvery)
            return;
        CountConflict(claim, now);
        claim.Doubt(claim.Owner.IsSlow ? now + SlowPause : link.FirstProbe(random, now), now);
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
