using System.Diagnostics.CodeAnalysis;
using System.Net;
using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Engine;

/// <summary>Where the parts of the engine put what is to be done; remembers for two seconds what was sent, so that echoes are known and unicast answers are taken only where they were asked for.</summary>
internal sealed class Outbox
{
    /// <summary>RFC 6762 section 6: a unicast response counts within 2 s of the question.</summary>
    internal static readonly TimeSpan Memory = TimeSpan.FromSeconds(2);

    /// <summary>Most packets, and most questions, that are remembered.</summary>
    private const int MaxRemembered = 4096;

    private readonly Queue<EngineAction> _actions = new();
    private readonly Queue<SentPacket> _sent = new();
    private readonly Dictionary<(int Hash, int Length), List<SentPacket>> _byContent = [];
    private readonly Queue<Asked> _asked = new();

    /// <summary>How many packets are remembered.</summary>
    internal int Remembered => _sent.Count;

    /// <summary>Adds something to do.</summary>
    public void Emit(EngineAction action) => _actions.Enqueue(action);

    /// <summary>Takes the next thing to do.</summary>
    public bool TryTake([NotNullWhen(true)] out EngineAction? action) => _actions.TryDequeue(out action);

    /// <summary>Sends a packet, which is copied. The budget is the caller's to ask; on a dead link nothing is sent.</summary>
    /// <param name="link">Where.</param>
    /// <param name="destination">To whom; null: to the group.</param>
    /// <param name="packet">What.</param>
    /// <param name="now">The time.</param>
    public void Send(LinkState link, IPEndPoint? destination, ReadOnlyMemory<byte> packet, TimeSpan now)
    {
        if (link.IsDead)
            return;
        byte[] copy = packet.ToArray();
        Forget(now);
        if (destination is null)
            Remember(new SentPacket(KeyOf(copy), now));
        RememberQuestions(link.Key, copy, now);
        Emit(new EngineAction.Send(link.Key, destination, copy));
    }

    /// <summary>Whether a packet that was heard is one of ours that came back. Each comes back at most once on each link; the same bytes once more are another program's.</summary>
    public bool IsEcho(LinkState link, IPEndPoint from, ReadOnlySpan<byte> packet, bool isOwnAddress, TimeSpan now)
    {
        Forget(now);
        if (!isOwnAddress || from.Port != MdnsPort.Number || !_byContent.TryGetValue(KeyOf(packet), out List<SentPacket>? same))
            return false;
        foreach (SentPacket sent in same)
        {
            if (!sent.HeardOn.Contains(link.Key))
            {
                sent.HeardOn.Add(link.Key);
                link.LoopbackHeard++;
                return true;
            }
        }

        return false;
    }

    /// <summary>What may be taken of a response that came to this host alone: RFC 6762 section 6 wants a question with the QU bit in the last two seconds. Null: nothing.</summary>
    /// <remarks>Of records with other names than those asked for the cache-flush bit is ignored, and a goodbye counts from the group only: nobody else hears this packet, so nobody can contradict it.</remarks>
    public DnsMessage? OnlyAsked(LinkState link, DnsMessage message, TimeSpan now)
    {
        Forget(now);
        DnsRecord[] answers = [.. message.Answers.Where(r => r.Ttl > 0 && IsAsked(link.Key, r))];
        if (answers.Length == 0)
            return null;
        DnsRecord[] others = [.. message.Answers.Concat(message.Additionals).Where(r => r.Ttl > 0 && !answers.Contains(r)).Select(r => IsAskedName(link.Key, r.Name) ? r : r.With(cacheFlush: false))];
        return new DnsMessage { Id = message.Id, Flags = message.Flags, Answers = answers, Additionals = others };
    }

    private static (int Hash, int Length) KeyOf(ReadOnlySpan<byte> packet)
    {
        HashCode hash = default;
        hash.AddBytes(packet);
        return (hash.ToHashCode(), packet.Length);
    }

    // NSEC answers any type (RFC 6762 section 6.1).
    private bool IsAsked(LinkKey link, DnsRecord record) =>
        _asked.Any(a => a.Link == link && a.Question.Name.Equals(record.Name) && (a.Question.Type == record.Type || a.Question.Type == DnsType.Any || record.Type == DnsType.Nsec));

    private bool IsAskedName(LinkKey link, DnsName name) => _asked.Any(a => a.Link == link && a.Question.Name.Equals(name));

    private void RememberQuestions(LinkKey link, ReadOnlySpan<byte> packet, TimeSpan now)
    {
        if (!DnsReader.TryRead(packet, out DnsMessage? message) || message.IsResponse)
            return;
        foreach (DnsQuestion question in message.Questions)
        {
            if (question.UnicastResponse && _asked.Count < MaxRemembered)
                _asked.Enqueue(new Asked(link, question, now));
        }
    }

    private void Remember(SentPacket sent)
    {
        if (_sent.Count >= MaxRemembered)
            Drop(_sent.Dequeue());
        _sent.Enqueue(sent);
        if (!_byContent.TryGetValue(sent.Key, out List<SentPacket>? same))
            _byContent.Add(sent.Key, same = []);
        same.Add(sent);
    }

    private void Forget(TimeSpan now)
    {
        while (_sent.TryPeek(out SentPacket? oldest) && now - oldest.At > Memory)
            Drop(_sent.Dequeue());
        while (_asked.TryPeek(out Asked asked) && now - asked.At > Memory)
            _asked.Dequeue();
    }

    private void Drop(SentPacket sent)
    {
        List<SentPacket> same = _byContent[sent.Key];
        same.Remove(sent);
        if (same.Count == 0)
            _byContent.Remove(sent.Key);
    }

    private sealed class SentPacket((int Hash, int Length) key, TimeSpan at)
    {
        public (int Hash, int Length) Key { get; } = key;

        public TimeSpan At { get; } = at;

        public List<LinkKey> HeardOn { get; } = [];
    }

    private readonly record struct Asked(LinkKey Link, DnsQuestion Question, TimeSpan At);
}

/// <summary>The port of multicast DNS (RFC 6762 section 3).</summary>
internal static class MdnsPort
{
    public const int Number = 5353;
}
