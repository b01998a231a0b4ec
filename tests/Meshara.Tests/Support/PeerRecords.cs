using System.Globalization;
using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace Meshara.Tests.Support;

/// <summary>Records of peers: plain ones, and any that the type can hold.</summary>
internal static class PeerRecords
{
    private static readonly PublicKey[] Keys = [.. Enumerable.Range(0, 4).Select(_ =>
    {
        using NodeIdentity identity = NodeIdentity.Create();
        return identity.PublicKey;
    })];

    /// <summary>One of the keys that records have.</summary>
    public static PublicKey AnyKey => Keys[0];

    private static readonly Gen<long> Number = Gen.Frequency(
        (3, Gen.Choose(0, 1000).Select(i => (long)i)),
        (1, Gen.Elements(long.MinValue, -1, int.MaxValue, long.MaxValue)));

    // Days from the first to the last that can be written, and some in between that matter.
    private static readonly Gen<DateTimeOffset> Time =
        from day in Gen.Choose(0, 3_652_058)
        from tick in Gen.Choose(0, int.MaxValue)
        from minutes in Gen.Choose(-14 * 60, 14 * 60)
        from edge in Gen.Choose(0, 9)
        select edge switch
        {
            0 => DateTimeOffset.MinValue,
            1 => DateTimeOffset.MaxValue,
            2 => DateTimeOffset.UnixEpoch,
            3 => new DateTimeOffset(2026, 5, 1, 12, 30, 15, TimeSpan.FromMinutes(minutes)).AddTicks(tick),
            _ => new DateTimeOffset(DateTime.MinValue.AddDays(day).AddTicks(tick), TimeSpan.Zero),
        };

    private static readonly Gen<double> Real = Gen.Frequency(
        (4, Gen.Choose(-1_100_000, 1_100_000).Select(i => i / 9973.0)),
        (1, Gen.Elements(double.NaN, double.PositiveInfinity, double.NegativeInfinity, -0.0, double.Epsilon, double.MaxValue, -100, 10)));

    // All of UTF-16: controls, halves of pairs, NUL.
    private static readonly Gen<string> Text =
        from size in Gen.Choose(0, 80)
        from characters in Gen.ArrayOf(Gen.OneOf(Gen.Choose(0x20, 0x7E), Gen.Choose(0, 0xFFFF), Gen.Choose(0xD800, 0xDFFF)).Select(c => (char)c), size)
        select new string(characters);

    private static readonly Gen<string> Host = Gen.OneOf(
        Gen.Choose(0, int.MaxValue).Select(i => new System.Net.IPAddress(i).ToString()),
        Gen.Choose(0, 0xFFFF).Select(i => string.Create(CultureInfo.InvariantCulture, $"2001:db8::{i:x}")),
        Gen.Elements("peer.example", "A.Example.", "fe80::1%eth0", "xn--bcher-kva.example"));

    private static readonly Gen<StoredAddress> Address =
        from host in Host
        from port in Gen.Choose(1, 65535)
        from source in Gen.Choose(-1, 7)
        from sourceGroup in Text
        from times in Time.Three()
        from which in Gen.Choose(0, 3)
        from failures in Number
        select new StoredAddress(host, port)
        {
            Source = (AddressSource)source,
            SourceGroup = sourceGroup,
            FirstSeen = times.Item1,
            LastTried = (which & 1) == 0 ? null : times.Item2,
            LastSuccess = (which & 2) == 0 ? null : times.Item3,
            Failures = (int)failures,
        };

    private static readonly Gen<ReputationEvent> Event =
        from time in Time
        from cause in Gen.Elements(Enum.GetValues<ReputationCause>())
        from values in Real.Two()
        from count in Number
        select new ReputationEvent { Time = time, Cause = cause, Delta = values.Item1, Value = values.Item2, Count = (int)count };

    /// <summary>Any record, with an id of its own among 24.</summary>
    public static readonly Gen<PeerRecord> Any =
        from who in Gen.Choose(0, 19 + Keys.Length)
        from addresses in Gen.Choose(0, 10).SelectMany(size => Gen.ArrayOf(Address, size))
        from history in Gen.Choose(0, 20).SelectMany(size => Gen.ArrayOf(Event, size))
        from times in Time.Four()
        from numbers in Number.Three()
        from reputation in Real
        from alias in Text
        from which in Gen.Choose(0, 7)
        select new PeerRecord
        {
            Id = who < 20 ? Id(who) : Keys[who - 20].Id,
            PublicKey = who < 20 ? null : Keys[who - 20],
            Addresses = addresses,
            History = history,
            FirstSeen = times.Item1,
            LastSeen = times.Item2,
            ReputationAt = times.Item3,
            BanUntil = (which & 1) == 0 ? null : times.Item4,
            BanCount = (int)numbers.Item1,
            BytesSent = numbers.Item2,
            BytesReceived = numbers.Item3,
            Reputation = reputation,
            Alias = (which & 6) == 0 ? null : alias,
        };

    /// <summary>The id of a peer that exists in name only.</summary>
    public static NodeId Id(int number) => NodeId.FromPublicKey(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"peer {number}")));

    /// <summary>A plain record, last seen so many seconds after 1970.</summary>
    public static PeerRecord Plain(int number, int lastSeen = 0, DateTimeOffset? banUntil = null) => new()
    {
        Id = Id(number),
        FirstSeen = DateTimeOffset.UnixEpoch,
        LastSeen = DateTimeOffset.UnixEpoch.AddSeconds(lastSeen),
        BanUntil = banUntil,
        Addresses = [new StoredAddress("192.0.2.1", 1 + number) { Source = AddressSource.Hello, SourceGroup = "192.0", FirstSeen = DateTimeOffset.UnixEpoch }],
    };
}
