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
}
