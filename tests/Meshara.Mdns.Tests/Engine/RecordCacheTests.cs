using System.Net;
using System.Runtime.InteropServices;
using FsCheck;
using FsCheck.Fluent;
using Meshara.Mdns.Engine;
using Meshara.Mdns.Wire;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Mdns.Tests.Engine;

public sealed class RecordCacheTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Fact]
    public void Put_AnySequence_IsWhatADictionaryWithExpiryTimesHolds_Rfc6762_10() =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ArrayOf().Resize(120).ToArbitrary(), script =>
        {
            RecordCache cache = new(new CacheLimits(4096), new Random(1));
            Dictionary<(DnsName, RecordData), Expected> model = [];
            TimeSpan now = TimeSpan.FromSeconds(100);
            foreach (int step in script)
            {
                if (step % 4 == 0)
                {
                    now += TimeSpan.FromMilliseconds(step / 4 % 7 switch { 0 => 1, 1 => 300, 2 => 999, 3 => 1000, 4 => 1001, 5 => 5000, _ => 60_000 });
                    Advance(cache, now);
                    foreach ((DnsName, RecordData) key in model.Where(m => m.Value.ExpiresAt <= now).Select(m => m.Key).ToArray())
                        model.Remove(key);
                }
                else
                {
                    DnsRecord record = RecordOf(step / 4);
                    cache.Put(record, SourceOf(step / 7 % 5), now);
                    Put(model, record, now);
                }

                Assert.Null(cache.FindInconsistency());
                Assert.Equal(Lines(model.Select(m => (m.Key, m.Value.ReceivedAt, m.Value.ExpiresAt))), Lines(cache.Entries.Select(e => ((e.Record.Name, e.Record.Data), e.ReceivedAt, e.ExpiresAt))));
            }
        }).Check(Seeded.Config.WithMaxTest(500));

    [Fact]
    public void Put_AnySequenceIntoASmallCache_KeepsItsBoundsAndCountsItsChanges() =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ArrayOf().Resize(300).ToArbitrary(), script =>
        {
            CacheLimits limits = new(40) { PerSet = 3, PerType = 10, PerSource = 12, Guaranteed = 4, IPv6Sources = 2 };
            RecordCache cache = new(limits, new Random(1));
            HashSet<CacheEntry> known = [];
            TimeSpan now = TimeSpan.Zero;
            foreach (int step in script)
            {
                now += TimeSpan.FromMilliseconds(step % 50);
                Advance(cache, now);
                switch (step % 20)
                {
                    case 0 when cache.Count > 0:
                        cache.Doubt(cache.Entries.ElementAt(step / 20 % cache.Count), now + Second, now);
                        break;
                    case 1:
                        DnsRecord asked = RecordOf(step / 20);
                        cache.Observe(new SetKey(asked.Name, asked.Type), new DnsMessage(), SourceOf(step / 20 % 9), now);
                        break;
                    case 2:
                        DnsRecord other = RecordOf(step / 20);
                        cache.MarkAsked(new SetKey(other.Name, other.Type), now);
                        break;
                    default:
                        cache.Put(RecordOf(step / 20), SourceOf(step / 11 % 9), now);
                        break;
                }

                Assert.Null(cache.FindInconsistency());
                foreach (CacheChange change in cache.Changes)
                    Assert.True(change.Event switch { CacheEvent.Added => known.Add(change.Entry), CacheEvent.Removed => known.Remove(change.Entry), _ => known.Contains(change.Entry) });
                cache.Changes.Clear();
                Assert.Equal(known.Count, cache.Count);
                Assert.True(known.SetEquals(cache.Entries));
                Assert.True(cache.NextDeadline is null == (cache.Count == 0));
            }
        }).Check(Seeded.Config.WithMaxTest(500));

    [Fact]
    public void TryTakeDue_AnyLife_AsksAtItsFourTimesThenEnds_Rfc6762_5_2() =>
        Prop.ForAll(Gen.Choose(1, 4500).ToArbitrary(), Gen.Choose(0, 1_000_000).ToArbitrary(), (ttl, seed) =>
        {
            RecordCache cache = new(new CacheLimits(64), new Random(seed));
            cache.Put(Records.Address("10.0.2.7", ttl: (uint)ttl), SourceOf(0), TimeSpan.Zero);
            List<double> asked = [];
            TimeSpan? end = null;
            while (cache.NextDeadline is { } next)
            {
                Assert.False(cache.TryTakeDue(next - TimeSpan.FromTicks(1), out _, out _));
                Assert.True(cache.TryTakeDue(next, out _, out bool isGone));
                if (isGone)
                    end = next;
                else
                    asked.Add(next.TotalSeconds / ttl);
            }

            Assert.Equal(TimeSpan.FromSeconds(ttl), end);
            Assert.Equal(4, asked.Count);
            Assert.All(asked.Index(), a => Assert.InRange(a.Item, 0.7999999 + (0.05 * a.Index), 0.8200001 + (0.05 * a.Index)));
        }).Check(Seeded.Config);

    [Fact]
    public void Put_OneForger_FillsHisShareOnly()
    {
        RecordCache cache = new(new CacheLimits(4096), new Random(1));
        for (int i = 0; i < 100_000; i++)
            cache.Put(Records.Pointer($"forged {i}"), SourceOf(1), TimeSpan.Zero);

        Assert.Equal(512, cache.Count);
        Assert.Equal(100_000 - 512, cache.Refused);
        cache.Put(Records.Pointer("honest"), SourceOf(2), TimeSpan.Zero);
        Assert.Equal(513, cache.Count);
    }

    [Fact]
    public void Put_FullOfManyForgers_WhoWasThereBeforeStaysAndNewcomersGetIn()
    {
        RecordCache cache = new(new CacheLimits(4096) { PerType = 4096 }, new Random(1));
        DnsRecord[] before = [.. Enumerable.Range(0, 12).Select(i => Records.Pointer($"before {i}"))];
        foreach (DnsRecord record in before)
            cache.Put(record, SourceOf(0), TimeSpan.Zero);
        for (int i = 0; i < 20_000; i++)
            cache.Put(Records.Pointer($"forged {i}"), SourceOf(1 + (i % 300)), TimeSpan.Zero);
        Assert.Equal(4096, cache.Count);
        foreach (DnsRecord record in Records.Service("new"))
            cache.Put(record, SourceOf(1000), TimeSpan.Zero);
        for (int i = 20_000; i < 40_000; i++)
            cache.Put(Records.Pointer($"forged {i}"), SourceOf(1 + (i % 300)), TimeSpan.Zero);

        Assert.Null(cache.FindInconsistency());
        Assert.All(before, r => Assert.NotNull(cache.Find(r.Name, r.Data)));
        Assert.All(Records.Service("new"), r => Assert.NotNull(cache.Find(r.Name, r.Data)));
    }

    [Fact]
    public void Put_IPv6AddressesWithoutEnd_CountAsOneBeyond64()
    {
        RecordCache cache = new(new CacheLimits(4096) { PerType = 4096 }, new Random(1));
        for (int i = 0; i < 20_000; i++)
            cache.Put(Records.Pointer($"forged {i}"), IPAddress.Parse($"fe80::{i:x}%2"), TimeSpan.Zero);

        Assert.Equal(65, cache.Sources);
        Assert.Equal(64 + 2048, cache.Count);
        Assert.NotNull(cache.Find(DnsName.Parse(QuerierNet.Type), Records.Pointer("forged 19999").Data));
        Assert.NotNull(cache.Find(DnsName.Parse(QuerierNet.Type), Records.Pointer("forged 63").Data));
    }

    [Fact]
    public void Put_WhenTheLargestLoses_WhatWasHeardTwiceGoesLast()
    {
        RecordCache cache = new(new CacheLimits(20) { PerSource = 20, Guaranteed = 2, PerType = 100 }, new Random(1));
        for (int i = 0; i < 20; i++)
            cache.Put(Records.Pointer($"{i}"), SourceOf(1), TimeSpan.Zero);

        // The newest, but heard again.
        cache.Put(Records.Pointer("19"), SourceOf(1), 2 * Second);
        cache.Put(Records.Pointer("other"), SourceOf(2), 2 * Second);

        Assert.NotNull(cache.Find(DnsName.Parse(QuerierNet.Type), Records.Pointer("19").Data));
        Assert.Null(cache.Find(DnsName.Parse(QuerierNet.Type), Records.Pointer("18").Data));
    }

    [Fact]
    public void Put_RepeatedByAForger_CountsAgainstWhoHasLess()
    {
        RecordCache cache = new(new CacheLimits(30) { PerSource = 25, Guaranteed = 2, PerType = 100 }, new Random(1));
        DnsRecord honest = Records.Pointer("honest");
        cache.Put(honest, SourceOf(1), TimeSpan.Zero);
        for (int i = 0; i < 20; i++)
            cache.Put(Records.Pointer($"forged {i}"), SourceOf(2), TimeSpan.Zero);
        cache.Put(honest, SourceOf(2), Second);
        Assert.Equal(SourceOf(1), cache.Find(honest.Name, honest.Data)!.Share.Source);

        // First said by the forger, then by its owner.
        DnsRecord other = Records.Pointer("other");
        cache.Put(other, SourceOf(2), 2 * Second);
        cache.Put(other, SourceOf(1), 3 * Second);
        Assert.Equal(SourceOf(1), cache.Find(other.Name, other.Data)!.Share.Source);
        Assert.Null(cache.FindInconsistency());
    }

    [Fact]
    public void Put_PointersOfOneType_AQuarterOfTheCacheAndNotMore()
    {
        RecordCache cache = new(new CacheLimits(4096), new Random(1));
        for (int i = 0; i < 5000; i++)
            cache.Put(Records.Pointer($"{i}"), SourceOf(i % 250), TimeSpan.Zero);

        Assert.Equal(1024, cache.Count);
    }

    private static void Advance(RecordCache cache, TimeSpan now)
    {
        while (cache.TryTakeDue(now, out _, out _))
        {
        }
    }

    private static void Put(Dictionary<(DnsName, RecordData), Expected> model, DnsRecord record, TimeSpan now)
    {
        (DnsName, RecordData) key = (record.Name, record.Data);
        if (record.Ttl == 0)
        {
            if (model.TryGetValue(key, out Expected gone))
                model[key] = gone with { ExpiresAt = Earlier(gone.ExpiresAt, now + Second) };
            return;
        }

        if (record.CacheFlush && record.Type != DnsType.Ptr)
        {
            foreach (((DnsName Name, RecordData Data) other, Expected old) in model.ToArray())
            {
                if (other.Name.Equals(record.Name) && other.Data.Type == record.Type && old.ReceivedAt < now - Second)
                    model[other] = old with { ExpiresAt = Earlier(old.ExpiresAt, now + Second) };
            }
        }

        model[key] = new Expected(now, now + TimeSpan.FromSeconds(Math.Min(record.Ttl, 4500)));
    }

    private static TimeSpan Earlier(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private static string[] Lines(IEnumerable<((DnsName Name, RecordData Data) Key, TimeSpan, TimeSpan)> records) =>
        [.. records.Select(r => $"{r.Key.Name} {r.Key.Data.Type} {r.Key.Data} {r.Item2} {r.Item3}".ToUpperInvariant()).Order(StringComparer.Ordinal)];

    // Few names and data, so that they meet; in either case of letters.
    private static DnsRecord RecordOf(int code)
    {
        string name = (code % 3) switch { 0 => "a.local", 1 => "A.local", _ => "b.local" };
        uint ttl = (code / 3 % 6) switch { 0 => 0u, 1 => 1, 2 => 10, 3 => 120, 4 => 4500, _ => 100_000 };
        bool flush = code / 18 % 2 == 0;
        int value = code / 36 % 5;
        RecordData data = (code / 180 % 4) switch
        {
            0 => new AddressData(IPAddress.Parse($"10.0.0.{value}")),
            1 => new AddressData(IPAddress.Parse($"fe80::{value}")),
            2 => new ServiceData(0, 0, (ushort)value, DnsName.Parse("h.local")),
            _ => new PointerData(DnsName.Parse($"x{value}.local")),
        };
        return new DnsRecord(DnsName.Parse(name), ttl, data, flush);
    }

    private static IPAddress SourceOf(int number) => number % 9 > 5 ? IPAddress.Parse($"fe80::{number:x}%2") : IPAddress.Parse($"10.9.{number / 250}.{number % 250}");

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Expected(TimeSpan ReceivedAt, TimeSpan ExpiresAt);
}
