using System.Net;
using Meshara.Mdns.Wire;
using Xunit;

namespace Meshara.Mdns.Tests.Wire;

/// <summary>RFC 1035 section 4.1.4 and RFC 6762 section 18.14.</summary>
public sealed class DnsWriterTests
{
    private static readonly DnsName Type = DnsName.Parse("_ipp._tcp.local");
    private static readonly DnsName Instance = Type.Child("Kitchen. printer");
    private static readonly DnsName Host = DnsName.Parse("kitchen.local");

    [Fact]
    public void Finish_EachType_IsReadBackInItsSection()
    {
        DnsWriter writer = new();
        DnsRecord[] records =
        [
            new(Type, 4500, new PointerData(Instance)),
            new(Instance, 120, new ServiceData(0, 0, 631, Host), cacheFlush: true),
            new(Instance, 4500, new TextData(TxtRecord.Create(("rp", "ipp/print"))), cacheFlush: true),
            new(Host, 120, new AddressData(IPAddress.Parse("192.168.1.2")), cacheFlush: true),
            new(Host, 120, new AddressData(IPAddress.Parse("fe80::1%3")), cacheFlush: true),
            new(Host, 120, new NextSecureData(Host, DnsType.A, DnsType.Aaaa), cacheFlush: true),
            new(Host, 120, new OpaqueData((DnsType)13, "\u0001x\u0001y"u8.ToArray())),
        ];
        Assert.True(writer.TryAdd(new DnsQuestion(Type, DnsType.Ptr, UnicastResponse: true)));
        Assert.True(writer.TryAdd(records[0], DnsSection.Answer));
        Assert.True(writer.TryAdd(records[1], DnsSection.Authority));
        foreach (DnsRecord record in records[2..])
            Assert.True(writer.TryAdd(record, DnsSection.Additional));

        Assert.True(DnsReader.TryRead(writer.Finish(7, DnsFlags.Response | DnsFlags.Authoritative).Span, out DnsMessage? read));

        Assert.Equal(7, read.Id);
        Assert.True(read.IsResponse && read.IsAuthoritative && !read.IsTruncated);
        Assert.Equal([new DnsQuestion(Type, DnsType.Ptr, UnicastResponse: true)], read.Questions);
        Assert.Equal([1, 1, 5], [read.Answers.Length, read.Authorities.Length, read.Additionals.Length]);
        Assert.All(records.Zip([.. read.Answers, .. read.Authorities, .. read.Additionals]), pair =>
        {
            Assert.True(pair.First.SameAs(pair.Second), $"{pair.First} became {pair.Second}");
            Assert.Equal((pair.First.Ttl, pair.First.CacheFlush), (pair.Second.Ttl, pair.Second.CacheFlush));
        });
        Assert.Equal(0, ((AddressData)read.Additionals[2].Data).Address.ScopeId);
    }

    // RFC 6762 section 18.14: the name of the service is written once in the whole packet.
    [Fact]
    public void TryAdd_NamesSeenBefore_ArePointedAt()
    {
        DnsWriter writer = new();
        writer.TryAdd(new DnsRecord(Type, 4500, new PointerData(Instance)), DnsSection.Answer);
        writer.TryAdd(new DnsRecord(Instance, 120, new ServiceData(0, 0, 631, Host)), DnsSection.Additional);
        writer.TryAdd(new DnsRecord(Host, 120, new NextSecureData(Host, DnsType.A)), DnsSection.Additional);

        Assert.Equal(
            Hex.Bytes("0000 8400 0000 0001 0000 0002" +
                "04'_ipp'04'_tcp'05'local'00 000C 0001 00001194 0013 10'Kitchen. printer' C00C" +
                "C027 0021 0001 00000078 0010 0000 0000 0277 07'kitchen' C016" +
                "C04C 002F 0001 00000078 0005 C04C 0001 40"),
            writer.Finish(0, DnsFlags.Response | DnsFlags.Authoritative).ToArray());
    }

    // RFC 6762 section 18.14: "name compression MUST NOT be performed on SRV records" in legacy unicast responses.
    [Fact]
    public void CompressServiceTargets_Off_WritesTheTargetInFull()
    {
        DnsWriter writer = new() { CompressServiceTargets = false };
        writer.TryAdd(new DnsQuestion(Host, DnsType.Any));
        writer.TryAdd(new DnsRecord(Host, 10, new ServiceData(1, 2, 3, Host)), DnsSection.Answer);

        byte[] packet = writer.Finish(5, DnsFlags.Response).ToArray();

        Assert.EndsWith(Convert.ToHexString(Hex.Bytes("C00C 0021 0001 0000000A 0015 0001 0002 0003 07'kitchen'05'local'00")), Convert.ToHexString(packet), StringComparison.Ordinal);
    }

    [Fact]
    public void TryAdd_NameInOtherCase_IsNotPointedAt()
    {
        DnsWriter writer = new();
        writer.TryAdd(new DnsQuestion(DnsName.Parse("Host.local"), DnsType.A));
        writer.TryAdd(new DnsQuestion(DnsName.Parse("host.LOCAL"), DnsType.A));

        Assert.True(DnsReader.TryRead(writer.Finish(0, DnsFlags.None).Span, out DnsMessage? message));
        Assert.Equal(["Host.local", "host.LOCAL"], message.Questions.Select(q => q.Name.ToString()));
    }

    // Labels alike, one in the other: what is found must be the name to its end.
    [Fact]
    public void TryAdd_RepeatedLabels_AreReadBack()
    {
        string[] names = ["a.a.local", "a.local", "a.a.a.local", "local.a", "a", "a.a", "b.a.local"];
        DnsWriter writer = new();
        foreach (string name in names)
            Assert.True(writer.TryAdd(new DnsQuestion(DnsName.Parse(name), DnsType.A)));

        Assert.True(DnsReader.TryRead(writer.Finish(0, DnsFlags.None).Span, out DnsMessage? message));
        Assert.Equal(names, message.Questions.Select(q => q.Name.ToString()));
    }

    // A pointer has 14 bits: what begins at 16,384 or later cannot be pointed at.
    [Fact]
    public void TryAdd_NameBeyondThePointer_IsWrittenAgain()
    {
        DnsWriter writer = new(20_000);
        writer.TryAdd(new DnsRecord(DnsName.Root, 1, new OpaqueData((DnsType)10, new byte[16_384 - 12 - 11 - 3])), DnsSection.Answer);
        Assert.Equal(16_381, writer.Length);

        // `ab` begins before the limit, `x.local` behind it.
        DnsRecord near = new(DnsName.Parse("ab"), 1, new AddressData(IPAddress.Loopback));
        DnsRecord far = new(DnsName.Parse("x.local"), 1, new AddressData(IPAddress.Loopback));
        int[] sizes = [.. new[] { near, near, far, far }.Select(record =>
        {
            int before = writer.Length;
            Assert.True(writer.TryAdd(record, DnsSection.Answer));
            return writer.Length - before - 14;
        })];

        Assert.Equal([4, 2, 9, 9], sizes);
    }

    // At every length of buffer: either the record is there whole, or the packet is as before and can be sent.
    [Fact]
    public void TryAdd_ThatDoesNotFit_LeavesThePacketAsItWas()
    {
        DnsRecord[] records =
        [
            new(Type, 4500, new PointerData(Instance)),
            new(Instance, 120, new ServiceData(0, 0, 631, Host)),
            new(Host, 120, new NextSecureData(Host, DnsType.A)),
            new(Instance, 4500, new TextData(TxtRecord.Create(("a", "1")))),
            new(Host, 120, new AddressData(IPAddress.Loopback)),
        ];
        for (int size = 12; size < 190; size++)
        {
            DnsWriter writer = new(size);
            List<DnsRecord> added = [];
            foreach (DnsRecord record in records)
            {
                int before = writer.Length;
                if (writer.TryAdd(record, DnsSection.Answer))
                    added.Add(record);
                else
                    Assert.Equal(before, writer.Length);
            }

            ReadOnlyMemory<byte> packet = writer.Finish(0, DnsFlags.Response);
            Assert.InRange(packet.Length, 12, size);
            Assert.True(DnsReader.TryRead(packet.Span, out DnsMessage? message));
            Assert.Equal(added.Select(r => r.ToString()), message.Answers.Select(r => r.ToString()));
        }

        Assert.False(new DnsWriter(20).TryAdd(new DnsQuestion(Type, DnsType.Ptr)));
    }

    [Fact]
    public void TryAdd_EarlierSection_Throws()
    {
        DnsWriter writer = new();
        DnsRecord record = new(Host, 120, new AddressData(IPAddress.Loopback));
        writer.TryAdd(record, DnsSection.Authority);

        Assert.Throws<InvalidOperationException>(() => writer.TryAdd(record, DnsSection.Answer));
        Assert.Throws<InvalidOperationException>(() => writer.TryAdd(new DnsQuestion(Host, DnsType.A)));
        Assert.True(writer.TryAdd(record, DnsSection.Additional));
    }

    [Fact]
    public void Clear_NextPacket_HasNothingOfTheFormer()
    {
        DnsWriter writer = new();
        writer.TryAdd(new DnsQuestion(Host, DnsType.A));
        writer.TryAdd(new DnsRecord(Host, 120, new AddressData(IPAddress.Loopback)), DnsSection.Answer);
        writer.Clear();
        Assert.True(writer.IsEmpty);
        writer.TryAdd(new DnsQuestion(Host, DnsType.A));

        Assert.Equal(Hex.Query("07'kitchen'05'local'00 0001 0001"), writer.Finish(0, DnsFlags.None).ToArray());
    }
}
