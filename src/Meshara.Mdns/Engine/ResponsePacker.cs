using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Engine;

/// <summary>Puts answers, each with what goes along with it, into as few packets as hold them (RFC 6762 sections 6.4 and 17).</summary>
internal sealed class ResponsePacker
{
    /// <summary>RFC 1035 section 4.2.1: what every resolver of the old kind reads.</summary>
    private const int LegacySize = 512;

    /// <summary>RFC 6762 section 6.7: the longest lifetime told to a resolver that hears no goodbye.</summary>
    private const uint LegacyTtl = 10;

    private const DnsFlags Flags = DnsFlags.Response | DnsFlags.Authoritative;

    private readonly DnsWriter _writer = new();
    private readonly List<OwnSet> _answers = [];
    private readonly List<OwnSet> _additionals = [];

    /// <summary>A packet of some of the answers.</summary>
    /// <param name="Bytes">The packet; valid until the next one is made.</param>
    /// <param name="Answers">The answers in it.</param>
    /// <param name="Additionals">What goes along with them.</param>
    public readonly record struct Packed(ReadOnlyMemory<byte> Bytes, IReadOnlyList<OwnSet> Answers, IReadOnlyList<OwnSet> Additionals);

    /// <summary>Takes as many answers from the front of the list as fit into one packet, at least one, and removes them.</summary>
    /// <param name="waiting">Answers, the first of them first.</param>
    /// <param name="withAdditionals">Whether what goes along is sent too.</param>
    /// <param name="saidAfter">What goes along is left out where the group was told of it after this; null: nothing is left out.</param>
    /// <param name="saidBefore">But it goes along if that was no sooner than this: with the packet before.</param>
    public Packed Next(List<OwnSet> waiting, bool withAdditionals, TimeSpan? saidAfter = null, TimeSpan? saidBefore = null)
    {
        _answers.Clear();
        _additionals.Clear();
        int taken = 0;
        while (taken < waiting.Count)
        {
            int additionals = _additionals.Count;
            _answers.Add(waiting[taken]);
            if (withAdditionals)
                AddAdditionals(waiting[taken], saidAfter, saidBefore);
            if (!TryWrite())
            {
                if (taken == 0)
                    DropUntilItFits();
                else
                    TakeBack(additionals);
                break;
            }

            taken++;
        }

        waiting.RemoveRange(0, Math.Max(taken, 1));
        return new Packed(_writer.Finish(0, Flags), _answers, _additionals);
    }

    /// <summary>The answer to a resolver that knows nothing of multicast DNS: id and question of its own, short lifetimes, no cache-flush bit (RFC 6762 section 6.7). One packet; what does not fit is left out.</summary>
    /// <param name="id">The id of the question.</param>
    /// <param name="questions">The questions.</param>
    /// <param name="answers">The answers.</param>
    /// <param name="toUnicast">The question came to this host alone: nothing that was not asked for goes beyond 512 bytes, since the address may be forged.</param>
    public ReadOnlyMemory<byte> Legacy(ushort id, IReadOnlyList<DnsQuestion> questions, IReadOnlyList<OwnSet> answers, bool toUnicast)
    {
        _writer.Clear();
        _writer.CompressServiceTargets = false;
        foreach (DnsQuestion question in questions)
            _writer.TryAdd(question with { UnicastResponse = false });
        foreach (DnsRecord record in answers.SelectMany(s => s.Records))
            _writer.TryAdd(Legacy(record), DnsSection.Answer);
        foreach (DnsRecord record in answers.SelectMany(s => s.Additionals).Where(s => s.IsReady && !answers.Contains(s)).Distinct().SelectMany(s => s.Records))
        {
            if (!toUnicast || _writer.Length + record.Name.Wire.Length + record.Data.Size + 10 <= LegacySize)
                _writer.TryAdd(Legacy(record), DnsSection.Additional);
        }

        _writer.CompressServiceTargets = true;
        return _writer.Finish(id, Flags);
    }

    /// <summary>Packets that say of records that they are gone (RFC 6762 section 10.1).</summary>
    public IEnumerable<ReadOnlyMemory<byte>> Goodbyes(IReadOnlyList<DnsRecord> records)
    {
        _writer.Clear();
        foreach (DnsRecord record in records)
        {
            if (_writer.TryAdd(record.With(ttl: 0), DnsSection.Answer))
                continue;
            yield return _writer.Finish(0, Flags);
            _writer.Clear();
            _writer.TryAdd(record.With(ttl: 0), DnsSection.Answer);
        }

        if (!_writer.IsEmpty)
            yield return _writer.Finish(0, Flags);
    }

    private static DnsRecord Legacy(DnsRecord record) => record.With(Math.Min(record.Ttl, LegacyTtl)).With(cacheFlush: false);

    private void AddAdditionals(OwnSet answer, TimeSpan? saidAfter, TimeSpan? saidBefore)
    {
        foreach (OwnSet set in answer.Additionals)
        {
            bool isSaid = set.LastMulticast > saidAfter && set.LastMulticast < saidBefore;
            if (set.IsReady && !isSaid && !_additionals.Contains(set))
                _additionals.Add(set);
        }
    }

    private void TakeBack(int additionals)
    {
        _answers.RemoveAt(_answers.Count - 1);
        _additionals.RemoveRange(additionals, _additionals.Count - additionals);
        TryWrite();
    }

    private void DropUntilItFits()
    {
        // A text of 1300 bytes leaves no room for everything; who needs the rest asks.
        while (_additionals.Count > 0 && !TryWrite())
            _additionals.RemoveAt(_additionals.Count - 1);
        if (_additionals.Count == 0)
            TryWrite();
    }

    private bool TryWrite()
    {
        _writer.Clear();
        foreach (OwnSet set in _answers)
        {
            if (!TryAdd(set, DnsSection.Answer))
                return false;
        }

        foreach (OwnSet set in _additionals)
        {
            // Asked for in its own right by another question.
            if (!_answers.Contains(set) && !TryAdd(set, DnsSection.Additional))
                return false;
        }

        return true;
    }

    private bool TryAdd(OwnSet set, DnsSection section)
    {
        foreach (DnsRecord record in set.Records)
        {
            if (!_writer.TryAdd(record, section))
                return false;
        }

        return true;
    }
}
