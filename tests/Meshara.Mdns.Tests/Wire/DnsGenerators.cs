using System.Net;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Tests.Wire;

/// <summary>Random messages that a sender may send.</summary>
internal static class DnsGenerators
{
    private static readonly string[] Labels =
        ["local", "_tcp", "_udp", "_ipp", "_services", "a", "A", "ab", "Kitchen. printer", "Büro", "プリンター 2", "🖨", "x\\y", "tab\t", new string('m', 63)];

    private static readonly Gen<byte[]> Label = Gen.Frequency(
        (6, Gen.Elements(Labels).Select(Encoding.UTF8.GetBytes)),
        (1, Bytes(1, 20)));

    public static readonly Gen<DnsName> Name =
        from count in Gen.Choose(0, 4)
        from labels in Gen.ArrayOf(Label, count)
        select labels.Aggregate(DnsName.Local, static (name, label) => name.Wire.Length + label.Length > 250 ? name : name.Child(label));

    public static readonly Gen<RecordData> Data = Gen.OneOf(
        Name.Select(static RecordData (n) => new PointerData(n)),
        Name.Select(static RecordData (n) => new ServiceData(0, ushort.MaxValue, 631, n)),
        Texts().Select(static RecordData (t) => new TextData(t)),
        Bytes(4, 4).Select(static RecordData (b) => new AddressData(new IPAddress(b))),
        Bytes(16, 16).Select(static RecordData (b) => new AddressData(new IPAddress(b))),
        Name.SelectMany(static n => Gen.NonEmptyListOf(Gen.Choose(1, 255)).Select(RecordData (types) => new NextSecureData(n, [.. types.Select(static t => (DnsType)t)]))),
        Gen.Choose(256, 65_535).SelectMany(static type => Bytes(0, 60).Select(RecordData (b) => new OpaqueData((DnsType)type, b))));

    public static readonly Gen<DnsRecord> Record =
        from name in Name
        from ttl in Gen.Elements(0u, 1u, 10u, 120u, 4500u, (uint)int.MaxValue)
        from data in Data
        from flush in Gen.Elements(false, true)
        select new DnsRecord(name, ttl, data, flush);

    public static readonly Gen<DnsQuestion> Question =
        from name in Name
        from type in Gen.Choose(0, 65_535)
        from unicast in Gen.Elements(false, true)
        select new DnsQuestion(name, (DnsType)type, unicast);

    public static readonly Gen<DnsMessage> Message =
        from id in Gen.Choose(0, 65_535)
        from flags in Gen.Choose(0, 65_535)
        from counts in Gen.ArrayOf(Gen.Elements(0, 0, 1, 1, 2, 3), 4)
        from questions in Gen.ArrayOf(Question, counts[0])
        from answers in Gen.ArrayOf(Record, counts[1])
        from authorities in Gen.ArrayOf(Record, counts[2])
        from additionals in Gen.ArrayOf(Record, counts[3])
        select new DnsMessage { Id = (ushort)id, Flags = (DnsFlags)flags, Questions = questions, Answers = answers, Authorities = authorities, Additionals = additionals };

    /// <summary>Writes all of a message; a packet as read may need more room uncompressed.</summary>
    public static byte[] Write(DnsMessage message)
    {
        DnsWriter writer = new(60_000);
        bool all = Array.TrueForAll(message.Questions, q => writer.TryAdd(q))
            && Array.TrueForAll(message.Answers, r => writer.TryAdd(r, DnsSection.Answer))
            && Array.TrueForAll(message.Authorities, r => writer.TryAdd(r, DnsSection.Authority))
            && Array.TrueForAll(message.Additionals, r => writer.TryAdd(r, DnsSection.Additional));
        return all ? writer.Finish(message.Id, message.Flags).ToArray() : throw new InvalidOperationException("Does not fit.");
    }

    /// <summary>All that a message says, as text.</summary>
    public static string Show(DnsMessage message) =>
        $"{message.Id} {(ushort)message.Flags} {string.Join(", ", message.Questions)} | {Show(message.Answers)} | {Show(message.Authorities)} | {Show(message.Additionals)}";

    private static string Show(DnsRecord[] records) =>
        string.Join(", ", records.Select(static r => r.Data is TextData text ? $"{r.Name} {r.Ttl} {r.CacheFlush} {Convert.ToHexString(text.Raw.Span)}" : r.ToString()));

    private static Gen<byte[]> Texts() =>
        from strings in Gen.ListOf(Bytes(0, 30))
        select (byte[])[.. strings.Take(6).SelectMany(static s => (byte[])[(byte)s.Length, .. s])];

    private static Gen<byte[]> Bytes(int least, int most) =>
        from size in Gen.Choose(least, most)
        from bytes in Gen.ArrayOf(Gen.Choose(0, 255).Select(static i => (byte)i), size)
        select bytes;
}
