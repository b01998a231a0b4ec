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

    /// <summary>Sends the questions, as many packets as it takes. Each is followed by what is known of its answers.</summary>
    public void Send(LinkState link, RecordCache cache, IReadOnlyList<DueQuestion> questions, TimeSpan now)
    {
        for (int next = 0; next < questions.Count;)
        {
            int first = next;
            _writer.Clear();
            while (next < questions.Count && TryAdd(link, questions[next]))
                next++;
            if (next == first)
                throw new InvalidOperationException($"The question {questions[next].Set} does not fit an empty packet.");
            _ = link.Budget.TryTakeOwn(now);
            AddKnown(link, cache, questions.Skip(first).Take(next - first), now);
            Finish(link, DnsFlags.None, now);
        }
    }

    // Section 5.4: QU for the first question only; section 15.1: not where another program may get the answer.
    private bool TryAdd(LinkState link, DueQuestion question) =>
        _writer.TryAdd(new DnsQuestion(question.Set.Name, question.Set.Type, question.IsFirst && !link.PortShared));

    private void AddKnown(LinkState link, RecordCache cache, IEnumerable<DueQuestion> questions, TimeSpan now)
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
