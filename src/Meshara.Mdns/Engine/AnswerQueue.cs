using System.Net;
using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Engine;

/// <summary>The answers that wait on one link: for others to answer too, for more known answers, for the second since a record was last said.</summary>
/// <remarks>Bounded: multicast answers by the number of our own records, unicast ones and senders of many packets by caps of their own.</remarks>
internal sealed class AnswerQueue(LinkState link, ResponsePacker packer, Outbox outbox)
{
    /// <summary>RFC 6762 section 6: a record is not sent to the group again within a second,</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);

    /// <summary>except where a probe has to be answered.</summary>
    public static readonly TimeSpan ProbeLimit = TimeSpan.FromMilliseconds(250);

    /// <summary>Most answers that wait to be sent to somebody alone.</summary>
    public const int MaxUnicast = 64;

    /// <summary>Most senders of truncated questions that are waited for (RFC 6762 section 7.2).</summary>
    public const int MaxTruncated = 16;

    /// <summary>However many parts come, the answer waits no longer.</summary>
    private static readonly TimeSpan MostWaiting = TimeSpan.FromSeconds(2);

    private readonly Dictionary<OwnSet, Waiting> _multicast = [];
    private readonly Dictionary<OwnSet, TimeSpan> _repeats = [];
    private readonly List<Unicast> _unicast = [];
    private readonly List<Truncated> _truncated = [];
    private readonly List<OwnSet> _due = [];
    private readonly Dictionary<OwnSet, Waiting> _taken = [];

    /// <summary>How much waits.</summary>
    public int Count => _multicast.Count + _repeats.Count + _unicast.Count + _truncated.Count;

    /// <summary>Whether another answer to somebody alone can wait.</summary>
    public bool HasRoomForUnicast => _unicast.Count < MaxUnicast;

    /// <summary>When something is due.</summary>
    public TimeSpan? NextDeadline
    {
        get
        {
            TimeSpan? next = null;
            foreach ((OwnSet set, Waiting waiting) in _multicast)
                next = Earlier(next, Later(waiting.Due, AllowedAt(set, waiting)));
            foreach (TimeSpan at in _repeats.Values)
                next = Earlier(next, at);
            foreach (Unicast unicast in _unicast)
                next = Earlier(next, unicast.Due);
            foreach (Truncated truncated in _truncated)
                next = Earlier(next, truncated.Due);
            return next;
        }
    }

    /// <summary>Will send this to the group.</summary>
    /// <param name="set">What.</param>
    /// <param name="earliest">Not before, even where another packet goes anyway.</param>
    /// <param name="due">At the latest, as far as the limits allow.</param>
    /// <param name="isDefence">It answers a probe, or saves a record that somebody declared gone: the shorter limit, and nothing goes along that was not asked for besides.</param>
    public void AddMulticast(OwnSet set, TimeSpan earliest, TimeSpan due, bool isDefence = false)
    {
        if (_multicast.TryGetValue(set, out Waiting? waiting))
        {
            waiting.Earliest = waiting.Earliest < earliest ? waiting.Earliest : earliest;
            waiting.Due = waiting.Due < due ? waiting.Due : due;
            waiting.IsDefence |= isDefence;
            waiting.IsAsked |= !isDefence;
            return;
        }

        _multicast.Add(set, new Waiting { Earliest = earliest, Due = due, IsDefence = isDefence, IsAsked = !isDefence });
    }

    /// <summary>Will defend it once more then; a later time counts.</summary>
    public void Repeat(OwnSet set, TimeSpan at) => _repeats[set] = at;

    /// <summary>Defends it no more: somebody else may have the name. What was asked for goes on waiting.</summary>
    public void Yield(OwnSet set)
    {
        _repeats.Remove(set);
        if (_multicast.TryGetValue(set, out Waiting? waiting) && !waiting.IsAsked)
            _multicast.Remove(set);
        else if (waiting is not null)
            waiting.IsDefence = false;
    }

    /// <summary>Will send these to somebody alone; joined with what waits for him already.</summary>
    public void AddUnicast(IPEndPoint to, IEnumerable<OwnSet> sets, TimeSpan due, bool withAdditionals)
    {
        Unicast? same = _unicast.Find(u => u.Questions is null && u.WithAdditionals == withAdditionals && u.To.Equals(to));
        if (same is null)
        {
            if (!HasRoomForUnicast)
                return;
            _unicast.Add(same = new Unicast(to) { Due = due, WithAdditionals = withAdditionals });
        }

        same.Due = same.Due < due ? same.Due : due;
        same.Sets.AddRange(sets.Where(s => !same.Sets.Contains(s)));
    }

    /// <summary>Will answer a resolver of the old kind.</summary>
    public void AddLegacy(IPEndPoint to, ushort id, IReadOnlyList<DnsQuestion> questions, IEnumerable<OwnSet> sets, TimeSpan due, bool toUnicast)
    {
        if (!HasRoomForUnicast)
            return;
        Unicast unicast = new(to) { Due = due, Id = id, Questions = questions, ToUnicast = toUnicast };
        unicast.Sets.AddRange(sets);
        _unicast.Add(unicast);
    }

    /// <summary>Will answer a question whose known answers come in further packets; false: too many such wait.</summary>
    public bool TryAddTruncated(IPEndPoint from, IEnumerable<OwnSet> multicast, IEnumerable<OwnSet> unicast, TimeSpan now, TimeSpan due)
    {
        Truncated? same = _truncated.Find(t => t.From.Equals(from));
        if (same is null)
        {
            if (_truncated.Count >= MaxTruncated)
                return false;
            _truncated.Add(same = new Truncated(from, now));
        }

        same.Due = Waited(same, due);
        same.Multicast.AddRange(multicast.Where(s => !same.Multicast.Contains(s)));
        same.Unicast.AddRange(unicast.Where(s => !same.Unicast.Contains(s)));
        return true;
    }

    /// <summary>More known answers of somebody whose truncated question waits (RFC 6762 section 7.2): they strike what waits for him, and nothing that others wait for.</summary>
    /// <param name="from">Who.</param>
    /// <param name="isKnown">Whether he has a set already.</param>
    /// <param name="due">Where still more follow: when to answer then.</param>
    public void Strike(IPEndPoint from, Predicate<OwnSet> isKnown, TimeSpan? due)
    {
        if (_truncated.Find(t => t.From.Equals(from)) is not { } truncated)
            return;
        truncated.Multicast.RemoveAll(isKnown);
        truncated.Unicast.RemoveAll(isKnown);
        if (due is { } later)
            truncated.Due = Waited(truncated, later);
    }

    /// <summary>Somebody else has just said the same (RFC 6762 section 7.4).</summary>
    public void Said(OwnSet set) => _multicast.Remove(set);

    /// <summary>The sets of this link are others now: what is still there goes on waiting, the rest is not said any more.</summary>
    public void Replace(Func<OwnSet, OwnSet?> replacement)
    {
        KeyValuePair<OwnSet, Waiting>[] all = [.. _multicast];
        _multicast.Clear();
        foreach ((OwnSet old, Waiting waiting) in all)
        {
            if (replacement(old) is { } set)
                _multicast[set] = waiting;
        }

        KeyValuePair<OwnSet, TimeSpan>[] repeats = [.. _repeats];
        _repeats.Clear();
        foreach ((OwnSet old, TimeSpan at) in repeats)
        {
            if (replacement(old) is { } set)
                _repeats[set] = at;
        }

        _unicast.RemoveAll(u => !Replace(u.Sets, replacement));
        _truncated.RemoveAll(t => !(Replace(t.Multicast, replacement) | Replace(t.Unicast, replacement)));
    }

    /// <summary>Sends what is due.</summary>
    public void Advance(TimeSpan now)
    {
        EndTruncated(now);
        foreach (OwnSet set in _repeats.Where(r => r.Value <= now).Select(static r => r.Key).ToArray())
        {
            _repeats.Remove(set);
            AddMulticast(set, now, now, isDefence: true);
        }

        SendMulticast(now);
        for (int i = 0; i < _unicast.Count;)
        {
            Unicast unicast = _unicast[i];
            if (unicast.Due > now)
            {
                i++;
                continue;
            }

            _unicast.RemoveAt(i);
            unicast.Sets.RemoveAll(s => !s.IsReady);
            if (unicast.Sets.Count > 0)
                Send(unicast, now);
        }
    }

    /// <summary>Nothing waits any more.</summary>
    public void Clear()
    {
        _multicast.Clear();
        _repeats.Clear();
        _unicast.Clear();
        _truncated.Clear();
    }

    private static bool Replace(List<OwnSet> sets, Func<OwnSet, OwnSet?> replacement)
    {
        OwnSet[] replaced = [.. sets.Select(replacement).OfType<OwnSet>()];
        sets.Clear();
        sets.AddRange(replaced);
        return sets.Count > 0;
    }

    private static TimeSpan Waited(Truncated truncated, TimeSpan due) => due < truncated.Since + MostWaiting ? due : truncated.Since + MostWaiting;

    private static TimeSpan Later(TimeSpan a, TimeSpan b) => a > b ? a : b;

    private static TimeSpan? Earlier(TimeSpan? a, TimeSpan b) => a is { } at && at < b ? at : b;

    // An answer and all that goes along with it are one: it goes when all of it may (RFC 6762 section 6; RFC 6763 section 12). But no later than a second after it was due, however often
    // somebody has the rest said: whoever waits for it has heard that by then, and it is left out.
    private static TimeSpan AllowedAt(OwnSet set, Waiting waiting)
    {
        TimeSpan own = set.LastMulticast is { } last ? last + (waiting.IsDefence ? ProbeLimit : Limit) : TimeSpan.Zero;
        if (waiting.IsDefence)
            return own;
        TimeSpan all = own;
        foreach (OwnSet additional in set.Additionals)
        {
            if (additional.LastMulticast is { } at && additional.IsReady)
                all = Later(all, at + Limit);
        }

        TimeSpan latest = Later(own, waiting.Due + Limit);
        return all < latest ? all : latest;
    }

    private void EndTruncated(TimeSpan now)
    {
        foreach (Truncated truncated in _truncated.Where(t => t.Due <= now).ToArray())
        {
            _truncated.Remove(truncated);
            foreach (OwnSet set in truncated.Multicast)
                AddMulticast(set, now, now);
            if (truncated.Unicast.Count > 0)
                AddUnicast(truncated.From, truncated.Unicast, now, withAdditionals: true);
        }
    }

    private void SendMulticast(TimeSpan now)
    {
        bool isDue = false;
        foreach ((OwnSet set, Waiting waiting) in _multicast)
            isDue |= Later(waiting.Due, AllowedAt(set, waiting)) <= now;
        if (!isDue)
            return;

        // RFC 6762 section 6.4: what may go goes along, if it has waited its 20 ms.
        SendMulticast(isAsked: false, now);
        SendMulticast(isAsked: true, now);
    }

    private void SendMulticast(bool isAsked, TimeSpan now)
    {
        _due.Clear();
        foreach ((OwnSet set, Waiting waiting) in _multicast)
        {
            if (waiting.IsAsked == isAsked && waiting.Earliest <= now && AllowedAt(set, waiting) <= now)
                _due.Add(set);
        }

        _taken.Clear();
        foreach (OwnSet set in _due)
        {
            _multicast.Remove(set, out Waiting? waiting);
            _taken.Add(set, waiting!);
        }

        _due.RemoveAll(s => !s.IsReady);
        while (_due.Count > 0)
        {
            if (!link.Budget.TryTakeAnswer(now))
            {
                // It waits as it was, until the link may send.
                TimeSpan next = link.Budget.NextAnswer(now);
                foreach (OwnSet set in _due)
                {
                    _multicast.Add(set, _taken[set]);
                    (_taken[set].Earliest, _taken[set].Due) = (next, next);
                }

                return;
            }

            ResponsePacker.Packed packed = packer.Next(_due, withAdditionals: isAsked, saidAfter: now - Limit, saidBefore: now);
            foreach (OwnSet set in packed.Answers.Concat(packed.Additionals))
                set.LastMulticast = now;
            outbox.Send(link, destination: null, packed.Bytes, now);
        }
    }

    private void Send(Unicast unicast, TimeSpan now)
    {
        if (unicast.Questions is { } questions)
        {
            if (link.Budget.TryTakeUnicast(unicast.To.Address, now))
                outbox.Send(link, unicast.To, packer.Legacy(unicast.Id, questions, unicast.Sets, unicast.ToUnicast), now);
            return;
        }

        while (unicast.Sets.Count > 0 && link.Budget.TryTakeUnicast(unicast.To.Address, now))
            outbox.Send(link, unicast.To, packer.Next(unicast.Sets, unicast.WithAdditionals).Bytes, now);
    }

    private sealed class Waiting
    {
        public TimeSpan Earliest { get; set; }

        public TimeSpan Due { get; set; }

        public bool IsDefence { get; set; }

        /// <summary>Somebody asked for it; what goes along with it goes along.</summary>
        public bool IsAsked { get; set; }
    }

    private sealed class Unicast(IPEndPoint to)
    {
        public IPEndPoint To { get; } = to;

        public TimeSpan Due { get; set; }

        public ushort Id { get; init; }

        public IReadOnlyList<DnsQuestion>? Questions { get; init; }

        public bool ToUnicast { get; init; }

        public bool WithAdditionals { get; init; }

        public List<OwnSet> Sets { get; } = [];
    }

    private sealed class Truncated(IPEndPoint from, TimeSpan since)
    {
        public IPEndPoint From { get; } = from;

        public TimeSpan Since { get; } = since;

        public TimeSpan Due { get; set; }

        public List<OwnSet> Multicast { get; } = [];

        public List<OwnSet> Unicast { get; } = [];
    }
}
