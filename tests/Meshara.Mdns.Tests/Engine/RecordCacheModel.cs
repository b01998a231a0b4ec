using System.Net;
using FsCheck;
using FsCheck.Fluent;
using Meshara.Mdns.Engine;
using Meshara.Mdns.Wire;
using Meshara.Tests.Models;
using Xunit;

namespace Meshara.Mdns.Tests.Engine;

/// <summary>What a link's cache hears and is told.</summary>
internal abstract record CacheCommand
{
    /// <summary>A record; a life of 0 is a goodbye.</summary>
    internal sealed record Put(int Name, int Kind, int Value, uint Ttl, bool Flush, int Source) : CacheCommand;

    internal sealed record Doubt(int Which) : CacheCommand;

    /// <summary>Somebody else asks for a name and type, and knows the record of one value already.</summary>
    internal sealed record Observe(int Name, int Kind, int Knows, int From) : CacheCommand;

    internal sealed record MarkAsked(int Name, int Kind) : CacheCommand;

    internal sealed record Wait(int Milliseconds) : CacheCommand;

    public static Gen<CacheCommand> Any { get; } = Gen.Frequency(
        (10, Of(Puts)),
        (2, Of(Gen.Choose(0, 39).Select(static which => new Doubt(which)))),
        (4, Of(from place in Places from knows in Gen.Choose(0, 9) from source in Sources select new Observe(place / 4, place % 4, knows, source))),
        (1, Of(Places.Select(static place => new MarkAsked(place / 4, place % 4)))),
        (8, Of(Gen.OneOf(Gen.Elements(1, 999, 1000, 1001, 10_000), Gen.Choose(0, 3000), Gen.Choose(0, 90_000)).Select(static time => new Wait(time)))));

    // Two names, one of them in either case of letters, and four types: few, so that they meet.
    private static Gen<int> Places => Gen.Choose(0, 11);

    private static Gen<Put> Puts =>
        from place in Places
        from value in Gen.Choose(0, 4)
        from ttl in Gen.Elements(0u, 0u, 1u, 10u, 120u, 4500u, 100_000u)
        from flush in Gen.Elements(false, true)
        from source in Sources
        select new Put(place / 4, place % 4, value, ttl, flush, source);

    private static Gen<int> Sources => Gen.Choose(0, 4);

    public static IEnumerable<CacheCommand> Simpler(CacheCommand command) => command switch
    {
        Wait { Milliseconds: > 1 } wait => [new Wait(wait.Milliseconds / 2), new Wait(wait.Milliseconds - 1)],
        Put put when put with { Name = 0, Value = 0, Source = 0 } != put => [put with { Name = 0, Value = 0, Source = 0 }, put with { Name = 0 }, put with { Value = 0 }, put with { Source = 0 }],
        _ => [],
    };

    private static Gen<CacheCommand> Of<T>(Gen<T> commands)
        where T : CacheCommand => commands.Select(static command => (CacheCommand)command);
}

/// <summary>What goes wrong on purpose.</summary>
internal enum CacheFault
{
    None,

    /// <summary>The cache does not hear that a record is gone.</summary>
    GoodbyeLost,

    /// <summary>The cache does not hear that others took the place of what it has.</summary>
    FlushLost,
}

/// <summary>A cache with room for all beside a dictionary: what is in it, and until when (RFC 6762 section 10).</summary>
internal sealed class RecordCacheModel(CacheFault fault = CacheFault.None) : IModelled<CacheCommand>
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestLife = TimeSpan.FromMinutes(75);

    private readonly RecordCache _cache = new(new CacheLimits(4096), new Random(1));
    private readonly Dictionary<(DnsName, RecordData), Held> _held = [];
    private readonly Dictionary<SetKey, TimeSpan> _observed = [];
    private readonly HashSet<CacheEntry> _told = [];
    private TimeSpan _now = TimeSpan.FromSeconds(100);

    public ValueTask<bool> TryDoAsync(CacheCommand command)
    {
        bool did = TryDo(command);
        CheckAll();
        return ValueTask.FromResult(did);
    }

    private static DnsName NameOf(int name) => DnsName.Parse(name switch { 0 => "a.local", 1 => "A.local", _ => "b.local" });

    private static RecordData DataOf(int kind, int value) => kind switch
    {
        0 => new AddressData(IPAddress.Parse($"10.0.0.{value}")),
        1 => new AddressData(IPAddress.Parse($"fe80::{value}")),
        2 => new ServiceData(0, 0, (ushort)value, DnsName.Parse("h.local")),
        _ => new PointerData(DnsName.Parse($"x{value}.local")),
    };

    private static SetKey KeyOf(int name, int kind) => new(NameOf(name), DataOf(kind, 0).Type);

    // Some of them say their own address.
    private static IPAddress SourceOf(int number) => IPAddress.Parse(number < 3 ? $"10.0.0.{number}" : $"fe80::{number}%2");

    private bool TryDo(CacheCommand command)
    {
        switch (command)
        {
            case CacheCommand.Put put:
                Put(new DnsRecord(NameOf(put.Name), put.Ttl, DataOf(put.Kind, put.Value), put.Flush), SourceOf(put.Source));
                return true;
            case CacheCommand.Doubt doubt when _held.Count > 0:
                CacheEntry[] entries = [.. _cache.Entries.OrderBy(static entry => $"{entry.Record.Name} {entry.Record.Data}".ToUpperInvariant(), StringComparer.Ordinal)];
                Doubt(entries[doubt.Which % entries.Length]);
                return true;
            case CacheCommand.Observe observe:
                return Observe(KeyOf(observe.Name, observe.Kind), DataOf(observe.Kind, observe.Knows), SourceOf(observe.From));
            case CacheCommand.MarkAsked asked:
                _cache.MarkAsked(KeyOf(asked.Name, asked.Kind), _now);
                return true;
            case CacheCommand.Wait wait:
                Wait(TimeSpan.FromMilliseconds(wait.Milliseconds));
                return true;
            default:
                return false;
        }
    }

    private void Put(DnsRecord record, IPAddress source)
    {
        if (fault != CacheFault.GoodbyeLost || record.Ttl > 0)
        {
            _cache.Put(fault == CacheFault.FlushLost ? record.With(cacheFlush: false) : record, source, _now);
        }

        Held? held = _held.GetValueOrDefault((record.Name, record.Data));
        if (record.Ttl == 0)
        {
            held?.Leave(_now + Second);
            return;
        }

        if (record.CacheFlush && record.Type != DnsType.Ptr)
        {
            foreach (Held other in Of(new SetKey(record.Name, record.Type)).Where(other => other.ReceivedAt < _now - Second))
            {
                other.Leave(_now + Second);
            }
        }

        TimeSpan life = TimeSpan.FromSeconds(record.Ttl) is var said && said < LongestLife ? said : LongestLife;

        // An address that its host told itself stays his, whoever repeats it.
        bool isOwn = held is not null && record.Data is AddressData data && data.Address.Equals(held.From.WithoutScope());
        _held[(record.Name, record.Data)] = new Held(isOwn ? held!.From : source, _now) { Ends = _now + life };
    }

    private void Doubt(CacheEntry entry)
    {
        Held held = _held[(entry.Record.Name, entry.Record.Data)];
        _cache.Doubt(entry, _now + Second, _now);
        if (held is { IsLeaving: false, IsSuspect: false })
        {
            held.Ends = Earlier(held.Ends, _now + TimeSpan.FromSeconds(10));
            held.IsSuspect = true;
        }
    }

    // Section 10.5: two questions of others that nobody answered, then ten seconds.
    private bool Observe(SetKey key, RecordData known, IPAddress from)
    {
        _cache.Observe(key, new DnsMessage { Answers = [new DnsRecord(key.Name, 120, known)] }, from, _now);
        Held[] set = [.. Of(key)];
        if (set.Length == 0 || (_observed.TryGetValue(key, out TimeSpan last) && last > _now - Second))
        {
            return false;
        }

        _observed[key] = _now;
        foreach (Held held in set.Where(held => held.ReceivedAt <= _now - Second && held.FailsAt is null && !held.From.Equals(from) && _held.GetValueOrDefault((key.Name, known)) != held))
        {
            held.Miss(from, _now);
        }

        return true;
    }

    private void Wait(TimeSpan time)
    {
        _now += time;
        while (_cache.TryTakeDue(_now, out CacheEntry entry, out bool isGone))
        {
            Assert.True(_held.TryGetValue((entry.Record.Name, entry.Record.Data), out Held? held), $"{entry.Record} ends a second time");
            Assert.True(isGone == held.End <= _now, $"{entry.Record} {(isGone ? "has gone" : "is to be asked for")} at {_now}, and ends at {held.End}");
            if (isGone)
            {
                _held.Remove((entry.Record.Name, entry.Record.Data));
            }
        }

        // With the last record of a set what is known of the set goes, too.
        foreach (SetKey key in _observed.Keys.Where(key => !Of(key).Any()).ToArray())
        {
            _observed.Remove(key);
        }
    }

    private IEnumerable<Held> Of(SetKey key) => _held.Where(pair => pair.Key.Item1.Equals(key.Name) && pair.Key.Item2.Type == key.Type).Select(static pair => pair.Value);

    private void CheckAll()
    {
        Assert.Null(_cache.FindInconsistency());
        foreach (CacheChange change in _cache.Changes)
        {
            Assert.True(change.Event switch { CacheEvent.Added => _told.Add(change.Entry), CacheEvent.Removed => _told.Remove(change.Entry), _ => _told.Contains(change.Entry) }, $"{change.Event} of {change.Entry.Record} out of turn");
        }

        _cache.Changes.Clear();
        Assert.True(_told.SetEquals(_cache.Entries), "other records are in it than were told of");
        Assert.Equal(_held.Count, _cache.Count);
        foreach (CacheEntry entry in _cache.Entries)
        {
            Held held = Assert.Contains((entry.Record.Name, entry.Record.Data), _held);
            (TimeSpan, TimeSpan, TimeSpan?, bool, bool, IPAddress) has = (entry.ReceivedAt, entry.ExpiresAt, entry.FailsAt, entry.IsLeaving, entry.IsSuspect, entry.From);
            (TimeSpan, TimeSpan, TimeSpan?, bool, bool, IPAddress) ought = (held.ReceivedAt, held.Ends, held.FailsAt, held.IsLeaving, held.IsSuspect, held.From);
            Assert.True(has.Equals(ought), $"{entry.Record}: {has} in place of {ought}");
        }

        Assert.True(_held.Count == 0 ? _cache.NextDeadline is null : _cache.NextDeadline <= _held.Values.Min(static held => held.End), $"the next deadline is {_cache.NextDeadline}");
    }

    private static TimeSpan Earlier(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private sealed class Held(IPAddress from, TimeSpan receivedAt)
    {
        private (IPAddress By, TimeSpan At)? _missed;

        public IPAddress From => from;

        public TimeSpan ReceivedAt => receivedAt;

        public TimeSpan Ends { get; set; }

        public TimeSpan? FailsAt { get; private set; }

        public bool IsLeaving { get; private set; }

        public bool IsSuspect { get; set; }

        public TimeSpan End => FailsAt is { } fails ? Earlier(fails, Ends) : Ends;

        public void Leave(TimeSpan at) => (IsLeaving, Ends) = (true, Earlier(Ends, at));

        // Silences more than a minute apart prove nothing, nor does one who asks twice within two seconds.
        public void Miss(IPAddress by, TimeSpan now)
        {
            bool isFirst = _missed is not { } first || first.At + TimeSpan.FromMinutes(1) < now;
            if (!isFirst && by.Equals(_missed!.Value.By) && now < _missed.Value.At + (2 * Second))
            {
                return;
            }

            _missed = (by, now);
            FailsAt = isFirst ? null : now + TimeSpan.FromSeconds(10);
        }
    }
}
