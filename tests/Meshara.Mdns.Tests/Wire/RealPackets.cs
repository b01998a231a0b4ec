using System.Net;
using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Tests.Wire;

/// <summary>Whole packets in the shapes of the field.</summary>
internal static class RealPackets
{
    /// <summary>Each with what it is.</summary>
    public static IReadOnlyList<(string What, string Packet)> All { get; } =
    [
        ("a browser's first query, QU, as mDNSResponder sends it", "0000 0000 0001 0000 0000 0000 08'_airplay'04'_tcp'05'local'00 000C 8001"),
        ("a query with a known answer and Apple's EDNS option owner",
            "0000 0000 0001 0001 0000 0001 08'_homekit'04'_tcp'05'local'00 000C 0001 C00C 000C 0001 00001194 0007 04'Lamp'C00C 00 0029 05A0 00001194 0012 0004 000E 00 4E 0A1B2C3D4E5F 0A1B2C3D4E5F"),
        ("a service's whole response: PTR, then SRV, TXT, A, AAAA and NSEC",
            "0000 8400 0000 0001 0000 0005 04'_ipp'04'_tcp'05'local'00 000C 0001 00001194 0013 10'Kitchen. printer'C00C" +
            "C027 0021 8001 00000078 0010 0000 0000 0277 07'kitchen'C016 C027 0010 8001 00001194 0017 09'txtvers=1' 0C'rp=ipp/print'" +
            "C04C 0001 8001 00000078 0004 C0A80117 C04C 001C 8001 00000078 0010 FE8000000000000002AABBFFFECCDDEE C04C 002F 8001 00000078 0008 C04C 0004 40000008"),
        ("a probe: a question for all types, and what is meant for it", "0000 0000 0001 0000 0001 0000 05'probe'05'local'00 00FF 8001 C00C 0001 0001 00000078 0004 C0A80105"),
        ("a goodbye", "0000 8400 0000 0001 0000 0000 04'_ipp'04'_tcp'05'local'00 000C 0001 00000000 0007 04'Lamp'C00C"),
        ("a legacy query for all types of service", "4D2A 0100 0001 0000 0000 0000 09'_services'07'_dns-sd'04'_udp'05'local'00 000C 0001"),
        ("known answers, with more to follow", "0000 0200 0001 0001 0000 0000 05'_http'04'_tcp'05'local'00 000C 0001 C00C 000C 0001 00000E10 000A 07'Büro 1'C00C"),
        ("a CNAME, an MX and an SOA, their names compressed",
            "0000 8400 0000 0003 0000 0000 01'a'05'local'00 0005 0001 00000078 0004 01'b'C00E C00C 000F 0001 00000078 0004 000A C00E" +
            "C00C 0006 0001 00000078 0018 C00C C00E 0102030405060708090A0B0C0D0E0F1011121314"),
    ];

    /// <summary>The bytes of each.</summary>
    public static IEnumerable<byte[]> Bytes => [.. All.Select(static p => Hex.Bytes(p.Packet)), TenServices()];

    /// <summary>A response about ten services of three hosts.</summary>
    public static byte[] TenServices()
    {
        DnsName type = DnsName.Parse("_ipp._tcp.local");
        DnsWriter writer = new(DnsReader.MaxPacket);
        DnsName[] instances = [.. Enumerable.Range(0, 10).Select(i => type.Child($"Printer {i}"))];
        foreach (DnsName instance in instances)
            writer.TryAdd(new DnsRecord(type, 4500, new PointerData(instance)), DnsSection.Answer);
        for (int i = 0; i < instances.Length; i++)
        {
            DnsName host = DnsName.FromLabels($"host{i % 3}", "local");
            writer.TryAdd(new DnsRecord(instances[i], 120, new ServiceData(0, 0, 631, host), cacheFlush: true), DnsSection.Additional);
            writer.TryAdd(new DnsRecord(instances[i], 4500, new TextData(TxtRecord.Create(("txtvers", "1"), ("rp", "ipp/print"))), cacheFlush: true), DnsSection.Additional);
            writer.TryAdd(new DnsRecord(host, 120, new AddressData(new IPAddress([10, 0, 0, (byte)(i % 3)])), cacheFlush: true), DnsSection.Additional);
        }

        return writer.Finish(0, DnsFlags.Response | DnsFlags.Authoritative).ToArray();
    }
}
