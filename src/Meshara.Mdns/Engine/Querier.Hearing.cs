using System.Net;
using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Engine;

/// <content>What is heard, and what follows from it.</content>
internal sealed partial class Querier
{
    /// <summary>Takes a response. One that came to this host alone must have been asked for, and is cut down to that, by the caller.</summary>
    public void HandleResponse(LinkState state, DnsMessage message, in PacketInfo info, TimeSpan now)
    {
        if (Find(state) is not { } link)
            return;

        // Pointers first, for they make servers and texts wanted, and those addresses.
        for (int pass = 0; pass < 3; pass++)
        {
            foreach (DnsRecord record in message.Answers)
                Take(link, record, pass, info, now);
            foreach (DnsRecord record in message.Additionals)
                Take(link, record, pass, info, now);
            Apply(link, now);
        }
    }

    /// <summary>Takes a query of somebody else.</summary>
    public void HandleQuery(LinkState state, DnsMessage message, in PacketInfo info, TimeSpan now)
    {
        // Nothing follows from one whose known answers have not all come, that others do not hear or answer by unicast, or that may be our own.
        bool counts = info.ToMulticast && info.From.Port == MdnsPort.Number && !message.IsTruncated && message.Questions.Length > 0;
        IPAddress from = info.From.Address;
        if (!counts || Find(state) is not { } link || link.State.IsDead || _links.Exists(l => l.State.IsOwn(from)))
            return;
        foreach (DnsQuestion question in message.Questions)
        {
            if (question.UnicastResponse)
                continue;
            SetKey set = new(question.Name, question.Type);
            link.Cache.Observe(set, message, from, now);
            if (link.Plan.CanSpare(set, now) && KnowsNoMore(link, set, message, now))
                link.Plan.Spare(set, now);
        }
    }

    // RFC 6762 section 7.3: an answer that he knows and we do not would not be given.
    private bool KnowsNoMore(QuerierLink link, SetKey set, DnsMessage message, TimeSpan now)
    {
        foreach (DnsRecord known in message.Answers)
        {
            bool isAsked = known.Type == set.Type && known.Name.Equals(set.Name);
            if (isAsked && link.Cache.Find(known.Name, known.Data)?.IsKnownAnswer(now) != true && own?.Invoke(link.State, set).Any(known.SameAs) != true)
                return false;
        }

        return true;
    }

    private static int PassOf(DnsType type) => type switch
    {
        DnsType.Ptr => 0,
        DnsType.Srv or DnsType.Txt => 1,
        DnsType.A or DnsType.Aaaa or DnsType.Nsec => 2,
        _ => -1,
    };

    private void Take(QuerierLink link, DnsRecord record, int pass, in PacketInfo info, TimeSpan now)
    {
        if (PassOf(record.Type) == pass && (IsWanted(link, record) || IsKnown(link, record)))
            link.Cache.Put(record, info.From.Address, now);
    }

    // What is remembered must not contradict what was said since, though nobody wants it now.
    private static bool IsKnown(QuerierLink link, DnsRecord record) =>
        record.Type == DnsType.Ptr ? link.Cache.Find(record.Name, record.Data) is not null : link.Cache.Find(record.Name, record.Type) is not null;

    private bool IsWanted(QuerierLink link, DnsRecord record) => record.Data switch
    {
        PointerData pointer => _names.TryGetValue(record.Name, out BrowsedName? browsed) && browsed.MayPointTo(pointer.Target),
        ServiceData or TextData => link.Pointed.ContainsKey(record.Name),
        AddressData => link.Hosts.ContainsKey(record.Name),
        NextSecureData => link.Hosts.ContainsKey(record.Name),
        _ => false,
    };

    // RFC 6762 section 5.2: only what somebody browses for is kept fresh; and no pointer that leads nowhere.
    private bool IsNeeded(QuerierLink link, CacheEntry entry) => entry.Record.Data switch
    {
        PointerData pointer => _names.TryGetValue(entry.Record.Name, out BrowsedName? browsed) && (browsed.IsTypes || link.Cache.Find(pointer.Target, DnsType.Srv) is not null),
        ServiceData or TextData => link.Pointed.ContainsKey(entry.Record.Name),
        AddressData => link.NeedsHost(entry.Record.Name),
        _ => false,
    };

    private void Apply(QuerierLink link, TimeSpan now)
    {
        foreach (CacheChange change in link.Cache.Changes)
            Apply(link, change, now);
        link.Cache.Changes.Clear();
    }

    private void Apply(QuerierLink link, CacheChange change, TimeSpan now)
    {
        CacheEntry entry = change.Entry;

        // Section 5.2: each record is asked for until it is heard; one of its set does not stand for another that grows old.
        if (change.Event != CacheEvent.Added && link.Plan.IsRefreshDue(entry.Set.Key) && !entry.Set.Entries.Exists(static e => e is { Stage: > 0, IsLeaving: false }))
            link.Plan.Refreshed(entry.Set.Key);
        switch (entry.Record.Data)
        {
            case PointerData pointer when _names.TryGetValue(entry.Record.Name, out BrowsedName? browsed) && browsed.MayPointTo(pointer.Target):
                ApplyPointer(link, browsed, change, now);
                break;
            case ServiceData service when change.Event == CacheEvent.Added:
                link.AddServer(service.Target, entry.Record.Name);
                TouchPointed(link, entry.Record.Name, now);
                break;
            case ServiceData service when change.Event == CacheEvent.Removed:
                link.RemoveServer(service.Target, entry.Record.Name);
                SettleHost(link, service.Target);
                TouchPointed(link, entry.Record.Name, now);
                break;
            case ServiceData or TextData when change.Event != CacheEvent.Renewed || entry.Set.Entries.Count > 1:
                TouchPointed(link, entry.Record.Name, now);
                break;
            case AddressData or NextSecureData when change.Event != CacheEvent.Renewed && link.Hosts.TryGetValue(entry.Record.Name, out Dictionary<DnsName, int>? instances):
                foreach (DnsName instance in instances.Keys)
                    TouchPointed(link, instance, now);
                break;
        }
    }

    private void ApplyPointer(QuerierLink link, BrowsedName browsed, CacheChange change, TimeSpan now)
    {
        DnsName target = ((PointerData)change.Entry.Record.Data).Target;
        switch (change.Event)
        {
            case CacheEvent.Added:
                Point(link, browsed, change.Entry, now);
                break;
            case CacheEvent.Removed:
                Unpoint(link, browsed, change.Entry, now);
                break;
            default:
                if (link.Pointed.TryGetValue(target, out PointedName? pointed))
                {
                    pointed.Weight = change.Entry.Share.Count;
                    link.Check(target, isAfresh: true);
                }

                break;
        }
    }

    private void Point(QuerierLink link, BrowsedName browsed, CacheEntry entry, TimeSpan now)
    {
        DnsName target = ((PointerData)entry.Record.Data).Target;
        Touch(target, now);
        if (browsed.IsTypes)
            return;
        if (!link.Pointed.TryGetValue(target, out PointedName? pointed))
            link.Pointed.Add(target, pointed = new PointedName());
        pointed.Count++;
        pointed.Weight = entry.Share.Count;
        link.Check(target);
    }

    private void Unpoint(QuerierLink link, BrowsedName browsed, CacheEntry entry, TimeSpan now)
    {
        DnsName target = ((PointerData)entry.Record.Data).Target;
        Touch(target, now);
        if (browsed.IsTypes || !link.Pointed.TryGetValue(target, out PointedName? pointed) || --pointed.Count > 0)
            return;
        link.Pointed.Remove(target);
        link.Plan.Settle(new SetKey(target, DnsType.Srv));
        link.Plan.Settle(new SetKey(target, DnsType.Txt));
        foreach (CacheEntry server in link.Cache.Find(target, DnsType.Srv)?.Entries ?? [])
            SettleHost(link, ((ServiceData)server.Record.Data).Target);
    }

    private void TouchPointed(QuerierLink link, DnsName name, TimeSpan now)
    {
        if (!link.Pointed.ContainsKey(name))
            return;
        Touch(name, now);
        link.Check(name);
    }

    private static void SettleHost(QuerierLink link, DnsName host)
    {
        if (link.NeedsHost(host))
            return;
        link.Plan.Settle(new SetKey(host, DnsType.A));
        link.Plan.Settle(new SetKey(host, DnsType.Aaaa));
    }

    // Asks for what a pointer lacks to become a service.
    private static void CheckMissing(QuerierLink link, TimeSpan now)
    {
        foreach ((DnsName name, bool isAfresh) in link.Unchecked)
        {
            if (!link.Pointed.TryGetValue(name, out PointedName? pointed))
                continue;
            RecordSet? servers = link.Cache.Find(name, DnsType.Srv);
            Check(link, new SetKey(name, DnsType.Srv), servers is not null, QuestionPlan.Tries, pointed.Weight, isAfresh, now);
            Check(link, new SetKey(name, DnsType.Txt), link.Cache.Find(name, DnsType.Txt) is not null, QuestionPlan.Tries, pointed.Weight, isAfresh, now);
            if (servers?.Newest?.Record.Data is ServiceData service && service.Target.IsSubdomainOf(DnsName.Local))
                CheckHost(link, service.Target, pointed.Weight, isAfresh, now);
        }

        link.Unchecked.Clear();
    }

    private static void CheckHost(QuerierLink link, DnsName host, int weight, bool isAfresh, TimeSpan now)
    {
        bool hasA = link.Cache.Find(host, DnsType.A) is not null;
        bool hasAaaa = link.Cache.Find(host, DnsType.Aaaa) is not null;
        int tries = hasA || hasAaaa ? QuestionPlan.TriesOptional : QuestionPlan.Tries;

        // RFC 6762 section 6.1: an NSEC record says what there is not.
        NextSecureData? types = tries == QuestionPlan.TriesOptional ? link.Cache.Find(host, DnsType.Nsec)?.Newest?.Record.Data as NextSecureData : null;
        Check(link, new SetKey(host, DnsType.A), hasA || types?.Has(DnsType.A) == false, tries, weight, isAfresh, now);
        Check(link, new SetKey(host, DnsType.Aaaa), hasAaaa || types?.Has(DnsType.Aaaa) == false, tries, weight, isAfresh, now);
    }

    private static void Check(QuerierLink link, SetKey set, bool isThere, int tries, int weight, bool isAfresh, TimeSpan now)
    {
        if (isThere)
            link.Plan.Settle(set);
        else
            link.Plan.AskMissing(set, tries, weight, isAfresh, now);
    }
}
