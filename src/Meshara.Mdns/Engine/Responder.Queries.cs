using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Engine;

internal sealed partial class Responder
{
    // RFC 6762 section 6: where others may answer too, 20 to 120 ms.
    private static readonly TimeSpan LeastJitter = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan MostJitter = TimeSpan.FromMilliseconds(120);

    // RFC 6762 section 7.2: where more known answers follow, 400 to 500 ms.
    private static readonly TimeSpan LeastTruncated = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan MostTruncated = TimeSpan.FromMilliseconds(500);

    private readonly Dictionary<OwnSet, Route> _routes = [];
    private readonly Dictionary<DnsRecord, uint> _known = new(SameRecord.Comparer);

    /// <summary>How an answer goes.</summary>
    [Flags]
    private enum Route
    {
        None = 0,
        Multicast = 1,
        Unicast = 2,

        /// <summary>It is ours alone, and probed for.</summary>
        Defence = 4,
    }

    /// <summary>Somebody asked, or probes.</summary>
    public void HandleQuery(LinkState state, DnsMessage message, in PacketInfo info, TimeSpan now)
    {
        if (state.IsDead || _links.Find(l => l.State.Key == state.Key) is not { } link || link.Zone.All.Count == 0 || info.From.Port == 0)
            return;
        HashSet<DnsName>? lost = message.Authorities.Length > 0 ? HandleProbe(link, message, info, now) : null;
        ReadKnown(message);
        if (info.From.Port != MdnsPort.Number)
        {
            AnswerLegacy(link, message, info, now);
            return;
        }

        bool isOnLink = state.IsOnLink(info.From.Address);
        if (!info.ToMulticast && !isOnLink && !state.IsOwn(info.From.Address))
            return;

        // Section 7.2: the parts that follow have no question.
        if (info.ToMulticast && message.Answers.Length > 0)
            link.Queue.Strike(info.From, IsKnown, message.IsTruncated ? now + Between(LeastTruncated, MostTruncated) : null);
        _routes.Clear();
        bool isOursAlone = true;

        // Section 8.2: a probe proposes records of the name it asks for; what else stands there makes none of it.
        HashSet<DnsName> probed = [.. message.Authorities.Select(static record => record.Name)];
        foreach (DnsQuestion question in message.Questions)
        {
            if (lost?.Contains(question.Name) == true)
                continue;
            isOursAlone &= FindAnswers(link, question, RouteOf(state, question, info, isOnLink), probed.Contains(question.Name), now);
        }

        foreach (OwnSet known in _routes.Keys.Where(IsKnown).ToArray())
            _routes.Remove(known);
        if (_routes.Count > 0)
            Answer(link, message, info, isOursAlone, now);
    }

    // Section 7.1: known with at least half of its lifetime left.
    private bool IsKnown(OwnSet set)
    {
        foreach (DnsRecord record in set.Records)
        {
            if (!_known.TryGetValue(record, out uint ttl) || ttl < record.Ttl / 2)
                return false;
        }

        return true;
    }

    private void ReadKnown(DnsMessage message)
    {
        _known.Clear();
        foreach (DnsRecord record in message.Answers)
            _known[record] = Math.Max(record.Ttl, _known.GetValueOrDefault(record));
    }

    // Section 5.4: QU asks for a unicast answer; section 5.5: so does a question sent to this host alone. Another program of this host cannot be reached that way for
    // sure (section 15.1), and nobody outside the link is answered at all (section 11).
    private static Route RouteOf(LinkState state, in DnsQuestion question, in PacketInfo info, bool isOnLink) =>
        (question.UnicastResponse || !info.ToMulticast) && isOnLink && !state.IsOwn(info.From.Address) ? Route.Unicast : Route.Multicast;

    // Whether only we can answer, and do.
    private bool FindAnswers(ResponderLink link, in DnsQuestion question, Route wanted, bool isProbe, TimeSpan now)
    {
        bool isFound = false;
        bool isUnique = true;
        foreach (OwnSet set in link.Zone.Of(question.Name))
        {
            if ((question.Type == DnsType.Any || question.Type == set.Type) && set.IsReady)
            {
                isFound = true;
                isUnique &= set.IsUnique;
                AddRoute(set, wanted, isProbe, now);
            }
        }

        // Section 6.1: there is the name, and this type of it there is not.
        if (!isFound && link.Zone.DenialOf(question.Name) is { IsReady: true } denial)
        {
            isFound = true;
            AddRoute(denial, wanted, isProbe, now);
        }

        return isFound && isUnique;
    }

    // Section 5.4: what the group has not heard for a quarter of its lifetime goes to the group, so that caches stay fresh. A probe is answered to the prober in any case.
    private void AddRoute(OwnSet set, Route wanted, bool isProbe, TimeSpan now)
    {
        Route route = wanted;
        bool isDefence = isProbe && set.IsUnique;
        if (wanted == Route.Unicast && !(set.LastMulticast > now - (set.Ttl / 4)))
            route = isDefence ? Route.Unicast | Route.Multicast : Route.Multicast;
        if (isDefence)
            route |= Route.Defence;
        _routes[set] = _routes.GetValueOrDefault(set) | route;
    }

    private void Answer(ResponderLink link, DnsMessage message, in PacketInfo info, bool isOursAlone, TimeSpan now)
    {
        foreach (OwnSet set in Routed(Route.Multicast | Route.Defence))
            link.Queue.AddMulticast(set, now, now, isDefence: true);
        OwnSet[] defended = Routed(Route.Unicast | Route.Defence);
        if (defended.Length > 0)
            link.Queue.AddUnicast(info.From, defended, now, withAdditionals: false);

        OwnSet[] multicast = Routed(Route.Multicast);
        OwnSet[] unicast = Routed(Route.Unicast);
        (TimeSpan earliest, TimeSpan due) = (now, now);
        if (message.IsTruncated && info.ToMulticast && multicast.Length + unicast.Length > 0)
        {
            earliest = due = now + Between(LeastTruncated, MostTruncated);
            if (link.Queue.TryAddTruncated(info.From, multicast, unicast, now, due))
                return;
        }
        else if (!isOursAlone)
        {
            (earliest, due) = (now + LeastJitter, now + Between(LeastJitter, MostJitter));
        }

        foreach (OwnSet set in multicast)
            link.Queue.AddMulticast(set, earliest, due);
        if (unicast.Length > 0)
            link.Queue.AddUnicast(info.From, unicast, due, withAdditionals: true);
    }

    // What goes that way, and is probed for, or is not.
    private OwnSet[] Routed(Route route) => [.. _routes.Where(r => r.Value.HasFlag(route) && (r.Value & Route.Defence) == (route & Route.Defence)).Select(static r => r.Key)];

    // Section 6.7: whoever does not ask from port 5353 knows ordinary DNS only. Only hosts of the link (section 11).
    private void AnswerLegacy(ResponderLink link, DnsMessage message, in PacketInfo info, TimeSpan now)
    {
        if (!link.State.IsOnLink(info.From.Address) && !link.State.IsOwn(info.From.Address))
            return;
        _routes.Clear();
        bool isOursAlone = true;
        List<DnsQuestion> questions = [];
        foreach (DnsQuestion question in message.Questions)
        {
            int before = _routes.Count;
            isOursAlone &= FindAnswers(link, question, Route.Multicast, isProbe: false, now);
            if (_routes.Count > before)
                questions.Add(question);
        }

        OwnSet[] sets = [.. _routes.Keys.Where(s => !IsKnown(s))];
        if (sets.Length > 0)
            link.Queue.AddLegacy(info.From, message.Id, questions, sets, isOursAlone ? now : now + Between(LeastJitter, MostJitter), toUnicast: !info.ToMulticast);
    }

    private TimeSpan Between(TimeSpan least, TimeSpan most) => least + ((most - least) * random.NextDouble());
}
