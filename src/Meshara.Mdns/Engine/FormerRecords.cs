using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Engine;

/// <summary>Records that were ours until a moment ago. A reflector, or a queue of the system, may bring them back: they are no conflict (RFC 6762 section 9).</summary>
internal sealed class FormerRecords
{
    /// <summary>The lifetime of records that name a host.</summary>
    public static readonly TimeSpan Memory = TimeSpan.FromSeconds(120);

    private const int Most = 4096;

    private readonly Queue<(DnsRecord Record, TimeSpan Until)> _order = new();
    private readonly Dictionary<DnsRecord, TimeSpan> _until = new(SameRecord.Comparer);

    public int Count => _order.Count;

    public void Add(DnsRecord record, TimeSpan now)
    {
        Forget(now);
        if (_order.Count >= Most)
            Drop();
        _order.Enqueue((record, now + Memory));
        _until[record] = now + Memory;
    }

    public bool Contains(DnsRecord record, TimeSpan now)
    {
        Forget(now);
        return _until.ContainsKey(record);
    }

    private void Forget(TimeSpan now)
    {
        while (_order.TryPeek(out (DnsRecord Record, TimeSpan Until) oldest) && oldest.Until <= now)
            Drop();
    }

    private void Drop()
    {
        (DnsRecord record, TimeSpan until) = _order.Dequeue();

        // Added again since, the later one counts; added twice at once, by two links, it is gone already.
        if (_until.TryGetValue(record, out TimeSpan last) && last == until)
            _until.Remove(record);
    }
}
