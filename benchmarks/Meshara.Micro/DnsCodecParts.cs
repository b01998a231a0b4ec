using System.Net;
using BenchmarkDotNet.Attributes;
using Meshara.Mdns;
using Meshara.Mdns.Wire;

namespace Meshara.Micro;

/// <summary>A service's whole answer: PTR, then SRV, TXT, A, AAAA and NSEC.</summary>
public class DnsCodecParts
{
    private readonly DnsWriter _writer = new();
    private readonly (DnsRecord Record, DnsSection Section)[] _records = Answer();
    private byte[] _packet = [];

    [GlobalSetup]
    public void Setup()
    {
        Write();
        _packet = _writer.Finish(0, DnsFlags.Response | DnsFlags.Authoritative).ToArray();
    }

    [Benchmark(Description = "write a service's answer")]
    public int Write()
    {
        _writer.Clear();
        foreach ((DnsRecord record, DnsSection section) in _records)
        {
            if (!_writer.TryAdd(record, section))
            {
                throw new InvalidOperationException("The answer does not fit.");
            }
        }

        return _writer.Finish(0, DnsFlags.Response | DnsFlags.Authoritative).Length;
    }

    [Benchmark(Description = "parse a service's answer")]
    public object Parse() => DnsReader.TryRead(_packet, out DnsMessage? message) ? message : throw new InvalidOperationException("The answer is malformed.");

    private static (DnsRecord Record, DnsSection Section)[] Answer()
    {
        DnsName type = DnsName.Parse("_meshara._tcp.local"), instance = type.Child("kitchen"), host = DnsName.FromLabels("kitchen", "local");
        TxtRecord text = TxtRecord.Create(("v", "1"), ("id", "q3mpqzrvq5a2sr7pcwcg2ukyq4"));
        return
        [
            (new DnsRecord(type, 4500, new PointerData(instance)), DnsSection.Answer),
            (new DnsRecord(instance, 120, new ServiceData(0, 0, 4040, host), cacheFlush: true), DnsSection.Additional),
            (new DnsRecord(instance, 4500, new TextData(text), cacheFlush: true), DnsSection.Additional),
            (new DnsRecord(host, 120, new AddressData(IPAddress.Parse("192.168.1.23")), cacheFlush: true), DnsSection.Additional),
            (new DnsRecord(host, 120, new AddressData(IPAddress.Parse("fe80::2aa:bbff:fecc:ddee")), cacheFlush: true), DnsSection.Additional),
            (new DnsRecord(host, 120, new NextSecureData(host, DnsType.A, DnsType.Aaaa), cacheFlush: true), DnsSection.Additional),
        ];
    }
}
