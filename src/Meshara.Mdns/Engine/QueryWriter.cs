using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Engine;

/// <summary>Puts questions and known answers into packets (RFC 6762 sections 5.3, 7.1 and 7.2).</summary>
/// <param name="outbox">Where they go.</param>
/// <param name="own">What this engine publishes itself: it is known too.</param>
internal sealed class QueryWriter(Outbox outbox, Func<LinkState, SetKey, IEnumerable<DnsRecord>>? own)
{
    /// <summary>Most packets of one question's known answers: who is not in them answers once more.</summary>
    public const int MostPackets = 16;

    private readonly DnsWriter _writer = new();
    private readonly List<DueQuestion> _questions = [];

    /// <summary>Sends the questions that are due, as many as fit one packet, followed by what is known of their answers, in as many packets as it takes.</summary>
    /// <returns>Whether it did; false: none is due, or the link may send no more now.</returns>
    public bool TrySend(LinkState link, RecordCache cache, QuestionPlan plan, TimeSpan now)
    {
        if (link.Budget.NextOwn(now) > now)
            return false;
        _writer.Clear();
        _questions.Clear();
        plan.TakeDue(now, question => TryAdd(link, question), _questions);
        if (_questions.Count == 0 || !link.Budget.TryTakeOwn(now))
            return false;
        foreach (DueQuestion question in _questions)
            cache.MarkAsked(question.Set, now);
        AddKnown(link, cache, _questions, now);
        Finish(link, DnsFlags.None, now);
        return true;
    }

    // Section 5.4: QU for the first question only; section 15.1: not where another program may get the answer.
    private bool TryAdd(LinkState link, DueQuestion question) =>
        _writer.TryAdd(new DnsQuestion(question.Set.Name, question.Set.Type, question.IsFirst && !link.PortShared));

    private void AddKnown(LinkState link, RecordCache cache, List<DueQuestion> questions, TimeSpan now)
    {
        int packets = 1;
        foreach (DnsRecord known in questions.SelectMany(q => Known(link, cache, q.Set, now)))
        {
            if (_writer.TryAdd(known, DnsSection.Answer))
                continue;

            // Section 7.2: TC says that more known answers follow, in packets without questions.
            if (packets == MostPackets || !link.Budget.TryTakeOwn(now))
                return;
            packets++;
            Finish(link, DnsFlags.Truncated, now);
            _writer.Clear();
            _writer.TryAdd(known, DnsSection.Answer);
        }
    }

    // Our own too: others then hear that we know as much as they do, and need not ask themselves (section 7.3).
    private IEnumerable<DnsRecord> Known(LinkState link, RecordCache cache, SetKey set, TimeSpan now)
    {
        IEnumerable<DnsRecord> ours = own?.Invoke(link, set).Select(static r => r.With(cacheFlush: false)) ?? [];
        return ours.Concat(cache.Find(set.Name, set.Type)?.Entries.Where(e => e.IsKnownAnswer(now)).Select(e => e.ToKnownAnswer(now)) ?? []);
    }

    private void Finish(LinkState link, DnsFlags flags, TimeSpan now) => outbox.Send(link, null, _writer.Finish(0, flags), now);
}
