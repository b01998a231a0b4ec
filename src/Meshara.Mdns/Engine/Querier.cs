using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Engine;

/// <summary>Finds services: asks, remembers what is said, and tells those who browse what came, changed and went.</summary>
/// <remarks>
/// RFC 6762 sections 5, 7 and 10, RFC 6763 sections 4 to 7. What nobody browses for is not remembered. A pointer makes an instance wanted on the link that heard it,
/// its SRV record a host; so a packet is read in that order, whatever its own. What is known of an instance on all links is one service.
/// What this engine publishes itself it does not hear, and tells nobody of.
/// </remarks>
/// <param name="config">Bounds.</param>
/// <param name="random">Pauses.</param>
/// <param name="outbox">Where packets and news go.</param>
/// <param name="own">What this engine publishes of a name and type on a link; null: nothing.</param>
internal sealed partial class Querier(EngineConfig config, Random random, Outbox outbox, Func<LinkState, SetKey, IEnumerable<DnsRecord>>? own = null)
{
    private readonly List<QuerierLink> _links = [];
    private readonly Dictionary<DnsName, BrowsedName> _names = [];
    private readonly Dictionary<BrowseId, Browser> _browsers = [];
    private readonly Dictionary<DnsName, FoundInstance> _instances = [];
    private readonly IndexedHeap<FoundInstance> _changed = new();
    private readonly QueryWriter _writer = new(outbox, own);
    private TimeSpan _polledAt;

    /// <summary>For tests and counters: the links.</summary>
    public IReadOnlyList<QuerierLink> Links => _links;

    /// <summary>Names that pointers lead to.</summary>
    public int Instances => _instances.Count;

    /// <summary>Everything that is kept because somebody said it: for tests of its bounds.</summary>
    public int Remembered => _instances.Count + _links.Sum(static l => l.Cache.Count + l.Plan.Count + l.Pointed.Count + l.Hosts.Count + l.Unchecked.Count);

    /// <summary>When <see cref="Poll"/> has something to do next; null: never, as things are.</summary>
    public TimeSpan? NextDeadline
    {
        get
        {
            TimeSpan? next = _changed.First is { } first ? TimeSpan.FromTicks(first.Key) : null;
            foreach (QuerierLink link in _links)
            {
                if (link.Unchecked.Count > 0)
                    return _polledAt;
                next = QuestionPlan.Earlier(next, link.Cache.NextDeadline);
                if (!link.State.IsDead && link.Plan.NextDue(_polledAt) is { } due)
                    next = QuestionPlan.Earlier(next, due > _polledAt ? due : link.State.Budget.NextOwn(_polledAt));
            }

            return next;
        }
    }

    /// <summary>A link is there: what is browsed is asked for on it.</summary>
    public void AddLink(LinkState state, TimeSpan now)
    {
        QuerierLink link = new(state, config, random);
        _links.Add(link);
        _links.Sort(static (a, b) => (a.State.Key.InterfaceIndex, a.State.Key.IPv6).CompareTo((b.State.Key.InterfaceIndex, b.State.Key.IPv6)));
        foreach (BrowsedName browsed in _names.Values)
            link.Plan.Browse(browsed.Question, browsed.Longest, now);
    }

    /// <summary>A link is gone, and with it what was known there only.</summary>
    public void RemoveLink(LinkState state, TimeSpan now)
    {
        if (Find(state) is not { } link)
            return;
        _links.Remove(link);
        foreach (CacheEntry entry in link.Cache.Entries)
        {
            if (entry.Record.Data is PointerData pointer)
                Touch(pointer.Target, now);
        }
    }

    /// <summary>A link's addresses changed, or it can send again: everything is asked for afresh (RFC 6762 section 10.3).</summary>
    public void RestartLink(LinkState state, TimeSpan now) => Find(state)?.Plan.Restart(now);

    /// <summary>The host has slept, or this is another network: everything is asked for afresh, and what is not heard within ten seconds goes (RFC 6762 section 10.3).</summary>
    public void DoubtLink(LinkState state, TimeSpan now)
    {
        if (Find(state) is not { } link)
            return;
        link.Plan.Restart(now);

        // A second's time, in which the answers to the first query may bring all of it.
        foreach (CacheEntry entry in link.Cache.Entries)
            link.Cache.Doubt(entry, now + RecordCache.Grace, now);
    }

    /// <summary>Somebody begins to browse; he is told what is known already.</summary>
    /// <param name="id">Who; nobody else has this id.</param>
    /// <param name="type">The type, as <c>_ipp._tcp.local</c>.</param>
    /// <param name="subtype">The narrower kind (RFC 6763 section 7.1); null: all.</param>
    /// <param name="schedule">How often he asks.</param>
    /// <param name="now">The time.</param>
    public void Browse(BrowseId id, DnsName type, string? subtype, BrowseSchedule schedule, TimeSpan now)
    {
        DnsName name = subtype is null ? type : type.Child("_sub").Child(subtype);
        bool isNew = !_names.TryGetValue(name, out BrowsedName? browsed);
        if (browsed is null)
            _names.Add(name, browsed = new BrowsedName(name, type));
        Browser browser = new(id, browsed, schedule.RequeryInterval ?? QuestionPlan.LongestPause);
        _browsers.Add(id, browser);
        browsed.Browsers.Add(browser);
        foreach (QuerierLink link in _links)
        {
            link.Plan.Browse(browsed.Question, browsed.Longest, now);
            foreach (CacheEntry entry in PointersOf(link, browsed))
            {
                if (isNew)
                    Point(link, browsed, entry, now);
                Touch(((PointerData)entry.Record.Data).Target, now);
            }
        }
    }

    /// <summary>Somebody browses no more, and is told nothing more.</summary>
    public void StopBrowse(BrowseId id, TimeSpan now)
    {
        if (!_browsers.Remove(id, out Browser? browser))
            return;
        BrowsedName browsed = browser.What;
        browsed.Browsers.Remove(browser);
        if (browsed.Browsers.Count > 0)
        {
            foreach (QuerierLink link in _links)
                link.Plan.Change(browsed.Question, browsed.Longest);
            return;
        }

        _names.Remove(browsed.Question.Name);
        foreach (QuerierLink link in _links)
        {
            link.Plan.Stop(browsed.Question);
            foreach (CacheEntry entry in PointersOf(link, browsed))
                Unpoint(link, browsed, entry, now);
        }
    }

    /// <summary>Asks once more, out of turn, for what somebody browses.</summary>
    public void Requery(BrowseId id, TimeSpan now)
    {
        if (!_browsers.TryGetValue(id, out Browser? browser))
            return;
        foreach (QuerierLink link in _links)
            link.Plan.AskAgain(browser.What.Question, now);
    }

    /// <summary>Does what is due: forgets, tells, asks.</summary>
    public void Poll(TimeSpan now)
    {
        _polledAt = now;
        foreach (QuerierLink link in _links)
        {
            while (link.Cache.TryTakeDue(now, out CacheEntry entry, out bool isGone))
            {
                if (!isGone && IsNeeded(link, entry))
                    link.Plan.Refresh(entry.Set.Key, entry.Share.Count, now);
            }

            Apply(link, now);
            CheckMissing(link, now);
        }

        while (_changed.First is { } first && first.Key <= now.Ticks)
        {
            _changed.Remove(first);
            Tell(first, now);
        }

        foreach (QuerierLink link in _links)
            Ask(link, now);
    }

    private static IEnumerable<CacheEntry> PointersOf(QuerierLink link, BrowsedName browsed) =>
        link.Cache.Find(browsed.Question.Name, DnsType.Ptr)?.Entries.Where(e => browsed.MayPointTo(((PointerData)e.Record.Data).Target)) ?? [];

    private QuerierLink? Find(LinkState state) => _links.Find(l => l.State == state);

    private void Ask(QuerierLink link, TimeSpan now)
    {
        while (!link.State.IsDead && link.Plan.NextDue(now) <= now && _writer.TrySend(link.State, link.Cache, link.Plan, now))
        {
            // Packet by packet, for as long as there is something to ask and the link may send.
        }
    }

    // Has an instance looked at: at once, unless somebody was told of it just now.
    private void Touch(DnsName name, TimeSpan now)
    {
        if (!_instances.TryGetValue(name, out FoundInstance? instance))
            _instances.Add(name, instance = new FoundInstance(name));
        if (instance.Place >= 0)
            return;
        TimeSpan at = instance.ToldAt + FoundInstance.ShortestPause ?? now;
        _changed.Set(instance, Math.Max(at.Ticks, now.Ticks));
    }

    private void Tell(FoundInstance instance, TimeSpan now)
    {
        bool isPointedTo = false;
        foreach (BrowsedName browsed in _names.Values)
        {
            bool isHere = _links.Exists(l => l.Cache.Find(browsed.Question.Name, instance.Pointer) is not null) && browsed.MayPointTo(instance.Name);
            isPointedTo |= isHere;
            ServiceInstance? seen = !isHere ? null
                : browsed.IsTypes ? InstanceView.OfType(instance.Name, browsed.ServiceType)
                : InstanceView.Find(instance.Name, browsed.ServiceType, _links);
            foreach (Browser browser in browsed.Browsers)
                Show(browser, instance, seen, now);
        }

        if (!isPointedTo)
            _instances.Remove(instance.Name);
    }

    private void Show(Browser browser, FoundInstance instance, ServiceInstance? seen, TimeSpan now)
    {
        browser.Shown.TryGetValue(instance.Name, out ServiceInstance? shown);
        if (seen is null ? shown is null : shown is not null && InstanceView.Same(shown, seen))
            return;
        instance.ToldAt = now;
        ServiceChangeKind kind = seen is null ? ServiceChangeKind.Removed : shown is null ? ServiceChangeKind.Added : ServiceChangeKind.Updated;
        if (seen is null)
            browser.Shown.Remove(instance.Name);
        else
            browser.Shown[instance.Name] = seen;
        outbox.Emit(new EngineAction.Changed(browser.Id, new ServiceChange(kind, seen ?? shown!)));
    }
}
