using FsCheck;
using FsCheck.Fluent;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests;

public sealed class PeerRecordTests
{
    [Theory]
    [InlineData(double.NaN, 0)]
    [InlineData(double.PositiveInfinity, 10)]
    [InlineData(double.NegativeInfinity, -100)]
    [InlineData(10.01, 10)]
    [InlineData(-100.01, -100)]
    [InlineData(-99.9, -99.9)]
    public void Reputation_AnyNumber_IsInItsRange(double value, double expected)
    {
        Assert.Equal(expected, (Plain() with { Reputation = value }).Reputation);
        Assert.Equal(expected, Event(value: value).Value);
    }

    [Theory]
    [InlineData(double.NaN, 0)]
    [InlineData(double.PositiveInfinity, 110)]
    [InlineData(double.NegativeInfinity, -110)]
    public void Delta_AnyNumber_IsInItsRange(double value, double expected) => Assert.Equal(expected, Event(delta: value).Delta);

    [Fact]
    public void Times_OfAnyOffset_AreUtcInWholeMilliseconds()
    {
        DateTimeOffset time = new DateTimeOffset(2026, 5, 1, 12, 0, 0, TimeSpan.FromHours(5)).AddTicks(1_234_567);
        PeerRecord peer = Plain() with { LastSeen = time, BanUntil = time, FirstSeen = DateTimeOffset.MinValue, ReputationAt = DateTimeOffset.MaxValue };

        Assert.Equal(new DateTimeOffset(2026, 5, 1, 7, 0, 0, 123, TimeSpan.Zero), peer.LastSeen);
        Assert.Equal(TimeSpan.Zero, peer.LastSeen.Offset);
        Assert.Equal(peer.LastSeen, peer.BanUntil);
        Assert.Equal(DateTimeOffset.UnixEpoch, peer.FirstSeen);
        Assert.Equal(253402300799999, peer.ReputationAt.ToUnixTimeMilliseconds());
    }

    [Fact]
    public void Counts_Negative_AreZero()
    {
        PeerRecord peer = Plain() with { BytesSent = -1, BytesReceived = long.MinValue, BanCount = -3 };

        Assert.Equal((0L, 0L, 0), (peer.BytesSent, peer.BytesReceived, peer.BanCount));
        Assert.Equal(0, (Address() with { Failures = -1 }).Failures);
        Assert.Equal(1, Event(count: 0).Count);
    }

    [Fact]
    public void Lists_TooLong_AreCut()
    {
        PeerRecord peer = Plain() with
        {
            Addresses = [.. Enumerable.Range(1, 20).Select(port => Address(port: port))],
            History = [.. Enumerable.Range(1, 40).Select(count => Event(count: count))],
        };

        Assert.Equal(Enumerable.Range(1, 8), peer.Addresses.Select(address => address.Port));
        Assert.Equal(Enumerable.Range(25, 16), peer.History.Select(line => line.Count));
    }

    [Fact]
    public void Lists_ChangedByTheCaller_StayAsTheyWere()
    {
        List<StoredAddress> addresses = [Address()];
        PeerRecord peer = Plain() with { Addresses = addresses };
        addresses.Clear();

        Assert.Single(peer.Addresses);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("Büro 2 🦊", "Büro 2 🦊")]
    [InlineData("a\0b\r\n\u001b[31m\u0085", "a?b???[31m?")]
    public void Alias_AnyText_IsPrintable(string text, string expected)
    {
        Assert.Equal(expected, (Plain() with { Alias = text }).Alias);
        Assert.Equal(expected, (Address() with { SourceGroup = text }).SourceGroup);
    }

    // Not as data of the attribute, which is kept as UTF-8 and cannot hold them.
    [Fact]
    public void Alias_HalvesOfPairs_AreReplaced() => Assert.Equal("?a??", (Plain() with { Alias = "\ud83ea\udd8a\ud83e" }).Alias);

    [Fact]
    public void Alias_LongText_IsCutWithoutHalfAPair()
    {
        string text = new string('a', PeerRecord.MaxAlias - 1) + "🦊";

        Assert.Equal(text[..^2] + "?", (Plain() with { Alias = text }).Alias);
    }

    [Fact]
    public void Source_Unknown_IsHearsay() => Assert.Equal(AddressSource.PeerExchange, (Address() with { Source = (AddressSource)9 }).Source);

    [Theory]
    [InlineData("a\nb", 1)]
    [InlineData("", 1)]
    [InlineData("peer.example", 0)]
    [InlineData("peer.example", 70000)]
    public void Address_WrongHostOrPort_Throws(string host, int port) => Assert.ThrowsAny<ArgumentException>(() => Address(host, port));

    [Fact]
    public void Address_Host_IsNormalized() => Assert.Equal(Address("2001:db8::1"), Address("2001:0DB8:0::1"));

    [Fact]
    public void TableKey_OfAnotherLength_Throws()
    {
        Assert.Throws<ArgumentException>(() => new PeerStoreContent { TableKey = new byte[31] });
        Assert.Throws<ArgumentException>(() => new PeerStoreChanges { TableKey = new byte[33] });
    }

    [Fact]
    public void TableKey_NullArray_IsNone()
    {
        byte[]? none = null;

        Assert.Null(new PeerStoreContent { TableKey = none }.TableKey);
        Assert.Null(new PeerStoreChanges { TableKey = none }.TableKey);
    }

    [Fact]
    public void Anchors_TooMany_AreCut()
    {
        PeerAddress[] anchors = [.. Enumerable.Range(1, 3).Select(port => new PeerAddress("peer.example", port))];

        Assert.Equal(anchors[..2], new PeerStoreContent { Anchors = anchors }.Anchors);
        Assert.Equal(anchors[..2], new PeerStoreChanges { Anchors = anchors }.Anchors);
        Assert.Null(new PeerStoreChanges().Anchors);
    }

    [Fact]
    public void Equals_AnyRecord_CopyIsEqualAndEachChangeIsSeen() =>
        Prop.ForAll(PeerRecords.Any.ToArbitrary(), peer =>
        {
            PeerRecord copy = peer with { Addresses = [.. peer.Addresses.Select(a => a with { })], History = [.. peer.History.Select(line => line with { })] };
            PeerRecord[] others =
            [
                peer with { Id = PeerRecords.Id(99) },
                peer with { PublicKey = peer.PublicKey is null ? PeerRecords.AnyKey : null },
                peer with { Addresses = [Address("other.example"), .. peer.Addresses] },
                peer with { FirstSeen = peer.FirstSeen.AddMilliseconds(peer.FirstSeen.Year > 2000 ? -1 : 1) },
                peer with { LastSeen = peer.LastSeen.AddMilliseconds(peer.LastSeen.Year > 2000 ? -1 : 1) },
                peer with { Reputation = peer.Reputation > 0 ? -1 : 1 },
                peer with { ReputationAt = peer.ReputationAt.AddMilliseconds(peer.ReputationAt.Year > 2000 ? -1 : 1) },
                peer with { BanUntil = peer.BanUntil is null ? DateTimeOffset.UnixEpoch : null },
                peer with { BanCount = peer.BanCount == 0 ? 1 : 0 },
                peer with { Alias = peer.Alias is null ? "" : null },
                peer with { BytesSent = peer.BytesSent == 0 ? 1 : 0 },
                peer with { BytesReceived = peer.BytesReceived == 0 ? 1 : 0 },
                peer with { History = [.. peer.History, Event(count: 12345)] },
            ];
            Assert.Equal(peer, copy);
            Assert.Equal(peer.GetHashCode(), copy.GetHashCode());
            Assert.All(others, other => Assert.NotEqual(peer, other));
        }).Check(Seeded.Config);

    private static PeerRecord Plain() => PeerRecords.Plain(1);

    private static StoredAddress Address(string host = "peer.example", int port = 1) => new(host, port) { Source = AddressSource.Manual, FirstSeen = DateTimeOffset.UnixEpoch };

    private static ReputationEvent Event(double delta = 0, double value = 0, int count = 1) =>
        new() { Time = DateTimeOffset.UnixEpoch, Cause = ReputationCause.Timeout, Delta = delta, Value = value, Count = count };
}
