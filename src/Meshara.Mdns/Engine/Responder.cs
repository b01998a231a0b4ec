using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Engine;

/// <summary>Publishes: proves names, announces, answers, defends and says goodbye, on every link (RFC 6762 sections 6 to 10, RFC 6763).</summary>
/// <remarks>Names are one on all links (RFC 6762 section 14 speaks of links, a person sees one service); probes, answers and their times are a link's own.</remarks>
internal sealed partial class Responder(Random random, Outbox outbox)
{
    /// <summary>RFC 6762 section 8.4: ten updates a minute.</summary>
    private const int MostUpdates = 10;

    private readonly ResponsePacker _packer = new();
    private readonly Prober _prober = new(outbox);
    private readonly FormerRecords _former = new();
    private readonly Dictionary<PublicationId, Publication> _publications = [];
    private readonly List<OwnName> _names = [];
    private readonly List<ResponderLink> _links = [];

    /// <summary>When <see cref="Advance"/> has to be called at the latest; null: not at all.</summary>
    public TimeSpan? NextDeadline
    {
        get
        {
            TimeSpan? next = null;
            foreach (ResponderLink link in _links)
            {
                if (link.State.IsDead)
                    continue;
                foreach (TimeSpan? at in (ReadOnlySpan<TimeSpan?>)[Prober.NextDeadline(link), link.Announcer.NextDeadline, link.Queue.NextDeadline])
                {
                    if (at is not null && !(at >= next))
                        next = at;
                }
            }

            return next;
        }
    }

    /// <summary>How much waits to be sent, and how much is remembered: for tests of its bounds.</summary>
    internal int Remembered => _former.Count + _conflicts.Count + _links.Sum(l => l.Queue.Count);

    /// <summary>The label of a host that needs none of its own choice: <c>mdns-</c> and ten hexadecimal digits.</summary>
    public static string DrawHost(Random random) => $"mdns-{random.NextInt64(1L << 40):x10}";

    /// <summary>Begins to publish. <see cref="EngineAction.Published"/> tells when its names are proven on the first link.</summary>
    public void Publish(PublicationId id, ServiceProfile profile, string defaultHost, TimeSpan now)
    {
        DnsName type = DnsName.Parse(profile.ServiceType + ".local");
        OwnName instance = new(profile.InstanceName, type, isHost: false) { Users = 1 };
        MakeOwn(instance);
        _names.Add(instance);
        OwnName host = HostOf(profile, defaultHost);
        host.Users++;
        _publications.Add(id, new Publication(id, profile, instance, host));
        foreach (ResponderLink link in _links)
            ClaimAll(link, now);
        Rebuild(now);
    }

    /// <summary>Changes what a service says of itself. With another instance, type or host name, or other networks, it is withdrawn, and published anew.</summary>
    public void Update(PublicationId id, ServiceProfile profile, string defaultHost, TimeSpan now)
    {
        if (!_publications.TryGetValue(id, out Publication? publication))
            return;
        ServiceProfile old = publication.Profile;
        if (old.InstanceName != profile.InstanceName || !string.Equals(old.ServiceType, profile.ServiceType, StringComparison.OrdinalIgnoreCase) || old.HostName != profile.HostName
            || !old.Networks.SequenceEqual(profile.Networks))
        {
            Unpublish(id, now);
            Publish(id, profile, defaultHost, now);
            return;
        }

        publication.Profile = profile;
        Rebuild(now);
        TimeSpan at = UpdateAt(publication, now);
        foreach (ResponderLink link in _links.Where(l => l.IsReady(publication)))
            link.Announcer.Start(publication, at);
    }

    /// <summary>Withdraws a service: says goodbye for what was said of it (RFC 6762 section 10.1), and nothing of it any more.</summary>
    public void Unpublish(PublicationId id, TimeSpan now)
    {
        if (!_publications.Remove(id, out Publication? publication))
            return;
        Release(publication.Instance);
        Release(publication.Host);
        foreach (ResponderLink link in _links)
            link.Announcer.Stop(publication);
        Rebuild(now);
        foreach (ResponderLink link in _links)
            RemoveUnused(link);
    }

    /// <summary>Withdraws everything.</summary>
    public void Shutdown(TimeSpan now)
    {
        foreach (Publication publication in _publications.Values)
        {
            foreach (ResponderLink link in _links)
                link.Announcer.Stop(publication);
        }

        _publications.Clear();
        _names.Clear();
        Rebuild(now);
        foreach (ResponderLink link in _links)
        {
            RemoveUnused(link);
            link.Queue.Clear();
        }
    }

    /// <summary>An interface has appeared: everything is proven and announced there.</summary>
    public void AddLink(LinkState state, TimeSpan now)
    {
        ResponderLink link = new(state, _packer, outbox);
        _links.Add(link);
        ClaimAll(link, now);
        Rebuild(link, now);
    }

    /// <summary>The addresses of an interface have changed: they are announced (RFC 6762 section 8.4); where all are new, it is a new network.</summary>
    public void ChangeLink(LinkState state, bool isNewNetwork, TimeSpan now)
    {
        if (_links.Find(l => l.State.Key == state.Key) is not { } link)
            return;
        if (isNewNetwork)
        {
            LinkUp(state, now);
            return;
        }

        ClaimAll(link, now);
        Rebuild(link, now);
        RemoveUnused(link);
        foreach (Publication publication in _publications.Values.Where(link.IsReady))
            link.Announcer.Start(publication, now);
    }

    /// <summary>The machine woke, or the link works again: nothing is taken for granted (RFC 6762 section 8, first paragraph).</summary>
    public void LinkUp(LinkState state, TimeSpan now)
    {
        if (_links.Find(l => l.State.Key == state.Key) is not { } link)
            return;
        link.Announcer.Clear();
        link.Queue.Clear();
        ClaimAll(link, now);
        TimeSpan first = now + (Prober.MostFirstDelay * random.NextDouble());
        foreach (NameClaim claim in link.Claims)
            claim.Restart(claim.Owner.IsSlow ? first + SlowPause : first);
        Rebuild(link, now);
        RemoveUnused(link);
    }

    /// <summary>Sending failed: what waits there is dropped, it begins anew when it is up.</summary>
    public void LinkDead(LinkState state)
    {
        if (_links.Find(l => l.State.Key == state.Key) is { } link)
            link.Queue.Clear();
    }

    /// <summary>An interface is gone; nothing can be said there any more.</summary>
    public void RemoveLink(LinkState state) => _links.RemoveAll(l => l.State.Key == state.Key);

    /// <summary>Our own records of a name and type on a link, those that others may have too left out: nobody need tell us.</summary>
    public IEnumerable<DnsRecord> Own(LinkState state, SetKey set) =>
        _links.Find(l => l.State == state)?.Zone.Of(set.Name).Where(s => s.Type == set.Type && s.IsReady && !s.IsMeta).SelectMany(static s => s.Records) ?? [];

    /// <summary>Does what is due.</summary>
    public void Advance(TimeSpan now)
    {
        foreach (ResponderLink link in _links)
        {
            if (link.State.IsDead)
                continue;
            IReadOnlyList<NameClaim> proven = _prober.Advance(link, now);
            if (proven.Count > 0)
                AnnounceProven(link, proven, now);
            link.Announcer.Advance(link.Zone, now);
            link.Queue.Advance(now);
        }
    }

    // RFC 6762 section 8.3: at once when the last probe has had its 250 ms.
    private void AnnounceProven(ResponderLink link, IReadOnlyList<NameClaim> proven, TimeSpan now)
    {
        foreach (Publication publication in _publications.Values)
        {
            if (!link.IsReady(publication) || !proven.Any(c => c.Owner == publication.Instance || c.Owner == publication.Host))
                continue;
            link.Announcer.Start(publication, now);
            if (publication.IsReported)
                continue;
            publication.IsReported = true;
            outbox.Emit(new EngineAction.Published(publication.Id, new ServicePublished(publication.Instance.Label, publication.Host.Name.ToString())));
        }
    }

    private static TimeSpan UpdateAt(Publication publication, TimeSpan now)
    {
        while (publication.Updates.TryPeek(out TimeSpan oldest) && now - oldest >= TimeSpan.FromMinutes(1))
            publication.Updates.Dequeue();
        if (publication.Updates.Count >= MostUpdates)
            return publication.Updates.Peek() + TimeSpan.FromMinutes(1);
        publication.Updates.Enqueue(now);
        return now;
    }

    // A name of the program's own stands for the addresses of one set of networks: a second set gets a name drawn anew, which is no conflict's "-2".
    private OwnName HostOf(ServiceProfile profile, string defaultHost)
    {
        if (profile.HostName is null && _publications.Values.FirstOrDefault(p => p.Profile.HostName is null && p.Profile.Networks.SequenceEqual(profile.Networks)) is { } alike)
            return alike.Host;
        string label = profile.HostName ?? (FindHost(defaultHost) is null ? defaultHost : DrawHost(random));
        if (FindHost(label) is { } known)
            return known;
        OwnName host = new(label, DnsName.Local, isHost: true);
        MakeOwn(host);
        _names.Add(host);
        return host;
    }

    private OwnName? FindHost(string label) => _names.Find(n => n.IsHost && string.Equals(n.BaseLabel, label, StringComparison.OrdinalIgnoreCase));

    // Two services of one program may not have one name either.
    private void MakeOwn(OwnName name)
    {
        while (_names.Exists(n => n != name && n.Name.Equals(name.Name)))
            name.Change(random);
    }

    private void Release(OwnName name)
    {
        if (--name.Users == 0)
            _names.Remove(name);
    }

    private void ClaimAll(ResponderLink link, TimeSpan now)
    {
        foreach (OwnName name in NamesOn(link))
        {
            if (!link.Has(name))
                link.Add(name, link.FirstProbe(random, now));
        }
    }

    private void RemoveUnused(ResponderLink link)
    {
        HashSet<OwnName> used = NamesOn(link);
        foreach (NameClaim claim in link.Claims.Where(c => !used.Contains(c.Owner)).ToArray())
            link.Remove(claim.Owner);
    }

    // A probe tells the name too: none where nothing is told of the service.
    private HashSet<OwnName> NamesOn(ResponderLink link) =>
        [.. _publications.Values.Where(p => p.IsOn(link.State.Interface.Addresses)).SelectMany(static p => new[] { p.Instance, p.Host })];

    private void Rebuild(TimeSpan now, int? silentOn = null)
    {
        foreach (ResponderLink link in _links)
            Rebuild(link, now, isSilent: link.State.Key.InterfaceIndex == silentOn);
    }

    // Goodbye is said for what was announced and is gone; not where other data has taken its place, which the cache-flush bit tells (RFC 6762 section 10.2).
    private void Rebuild(ResponderLink link, TimeSpan now, bool isSilent = false)
    {
        IReadOnlyList<OwnSet> gone = link.Replace(LinkZone.Of(_publications.Values, link.Claim, link.State.Interface.Addresses));
        List<DnsRecord> records = [];
        foreach (OwnSet set in gone)
        {
            foreach (DnsRecord record in set.Records)
                _former.Add(record, now);
            if (set.LastMulticast is null || set.IsMeta || set.Type == DnsType.Nsec || (set.IsUnique && link.Zone.Of(set.Name).Any(s => s.Type == set.Type)))
                continue;
            records.AddRange(set.Records);
        }

        if (isSilent || link.State.IsDead || records.Count == 0)
            return;
        foreach (ReadOnlyMemory<byte> packet in _packer.Goodbyes(records))
        {
            if (!link.State.Budget.TryTakeOwn(now))
                return;
            outbox.Send(link.State, destination: null, packet, now);
        }
    }
}
