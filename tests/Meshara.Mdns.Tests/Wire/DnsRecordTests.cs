using System.Net;
using Meshara.Mdns.Wire;
using Xunit;

namespace Meshara.Mdns.Tests.Wire;

public sealed class DnsRecordTests
{
    private static readonly DnsName Printer = DnsName.Parse("MyPrinter.local");

    // RFC 6762 section 8.2, its own example: 200 is later than 99, which it would not be as a signed byte.
    [Fact]
    public void Compare_AddressesOfTheRfc_LaterWins()
    {
        DnsRecord first = Address("169.254.99.200");
        DnsRecord second = Address("169.254.200.50");

        Assert.True(DnsRecord.Compare([second], [first]) > 0);
        Assert.True(DnsRecord.Compare([first], [second]) < 0);
        Assert.Equal(0, DnsRecord.Compare([first], [first.With(ttl: 1).With(cacheFlush: true)]));
    }

    // RFC 6762 section 8.2.1: both sets are sorted, TXT (16) before SRV (33), and compared pairwise.
    [Fact]
    public void Compare_ServicesInAnyOrder_TxtDecidesFirst()
    {
        DnsRecord[] ours = [Service(9), Text("a=1")];
        DnsRecord[] theirs = [Text("a=2"), Service(1)];

        Assert.True(DnsRecord.Compare(ours, theirs) < 0);
        Assert.True(DnsRecord.Compare([ours[1], ours[0]], theirs) < 0);
        Assert.True(DnsRecord.Compare([Service(9), Text("a=2")], theirs) > 0);
        Assert.Equal(0, DnsRecord.Compare([Service(1), Text("a=2")], theirs));
    }

    // RFC 6762 section 8.2.1: "the list with records remaining is deemed to have won".
    [Fact]
    public void Compare_SetThatRunsOut_Loses()
    {
        Assert.True(DnsRecord.Compare([Text("a=1"), Service(1)], [Text("a=1")]) > 0);
        Assert.True(DnsRecord.Compare([], [Text("a=1")]) < 0);
        Assert.Equal(0, DnsRecord.Compare([], []));
    }

    // RFC 6762 section 8.2: type before data; data that is the beginning of the other's is the earlier.
    [Fact]
    public void CompareRaw_TypesAndLengths_InOrder()
    {
        DnsRecord[] rising =
        [
            Address("255.255.255.255"),
            new(Printer, 120, new PointerData(DnsName.Root)),
            new(Printer, 120, new PointerData(DnsName.Parse("B.local"))),
            new(Printer, 120, new PointerData(DnsName.Parse("a.local"))), // raw bytes: case counts here
            new(Printer, 120, new PointerData(DnsName.Parse("aa"))),
            Text("a"),
            Text("aa"),
            Address("::1"),
            Address("fe80::1%7"),
            Service(1),
            Service(256),
            new(Printer, 120, new NextSecureData(Printer, DnsType.A)),
            new(Printer, 120, new OpaqueData((DnsType)48, new byte[] { 1 })),
            new(Printer, 120, new OpaqueData((DnsType)48, new byte[] { 1, 0 })),
        ];
        for (int i = 0; i < rising.Length; i++)
        {
            for (int j = 0; j < rising.Length; j++)
                Assert.True(Math.Sign(i.CompareTo(j)) == Math.Sign(rising[i].CompareRaw(rising[j])), $"{rising[i]} and {rising[j]}");
        }
    }

    [Fact]
    public void SameAs_LifetimeAndFlush_DoNotCount()
    {
        DnsRecord record = Service(1);

        Assert.True(record.SameAs(new DnsRecord(DnsName.Parse("MYPRINTER.LOCAL"), 0, new ServiceData(0, 0, 1, DnsName.Parse("HOST.local")), cacheFlush: true)));
        Assert.False(record.SameAs(Service(2)));
        Assert.False(record.SameAs(new DnsRecord(DnsName.Local, 120, record.Data)));
        Assert.False(Text("a").SameAs(Text("A")));
        Assert.True(Address("fe80::1%4").SameAs(Address("fe80::1")));
        Assert.False(Address("::ffff:10.0.0.1").SameAs(Address("10.0.0.1")));
        Assert.Same(record, record.With(record.Ttl));
        Assert.Equal((7u, true), (record.With(7).With(true).Ttl, record.With(7).With(true).CacheFlush));
    }

    [Fact]
    public void GetHashCode_EqualData_IsEqual()
    {
        (RecordData, RecordData)[] pairs =
        [
            (new PointerData(DnsName.Parse("A.local")), new PointerData(DnsName.Parse("a.LOCAL"))),
            (new ServiceData(1, 2, 3, DnsName.Local), new ServiceData(1, 2, 3, DnsName.Parse("LOCAL"))),
            (new TextData(Array.Empty<byte>()), new TextData(new byte[1])),
            (new AddressData(IPAddress.Parse("fe80::1%4")), new AddressData(IPAddress.Parse("fe80::1"))),
            (new NextSecureData(Printer, DnsType.A, DnsType.Aaaa), new NextSecureData(Printer, DnsType.Aaaa, DnsType.A)),
            (new OpaqueData((DnsType)48, new byte[] { 1 }), new OpaqueData((DnsType)48, new byte[] { 1 })),
        ];
        Assert.All(pairs, pair =>
        {
            Assert.Equal(pair.Item1, pair.Item2);
            Assert.Equal(pair.Item1.GetHashCode(), pair.Item2.GetHashCode());
        });
        Assert.Equal(pairs.Length, pairs.Select(static p => p.Item1).Distinct().Count());
    }

    // RFC 6762 section 6.1.
    [Fact]
    public void NextSecure_Types_AreThoseGiven()
    {
        NextSecureData data = new(Printer, DnsType.Srv, DnsType.A, DnsType.Any);

        Assert.Equal([DnsType.A, DnsType.Srv, DnsType.Any], data.Types);
        Assert.True(data.Has(DnsType.Srv));
        Assert.False(data.Has(DnsType.Aaaa) || data.Has((DnsType)256) || data.Has((DnsType)65535));
        Assert.Throws<ArgumentException>(() => new NextSecureData(Printer));
        Assert.Throws<ArgumentException>(() => new NextSecureData(Printer, (DnsType)256));
        Assert.Throws<ArgumentException>(() => new OpaqueData(DnsType.Txt, default));
    }

    private static DnsRecord Address(string address) => new(Printer, 120, new AddressData(IPAddress.Parse(address)));

    private static DnsRecord Service(ushort port) => new(Printer, 120, new ServiceData(0, 0, port, DnsName.Parse("host.local")));

    private static DnsRecord Text(string text) => new(Printer, 120, new TextData(new byte[] { (byte)text.Length }.Concat(System.Text.Encoding.ASCII.GetBytes(text)).ToArray()));
}
