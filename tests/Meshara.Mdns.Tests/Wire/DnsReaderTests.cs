using Meshara.Mdns.Wire;
using Xunit;

namespace Meshara.Mdns.Tests.Wire;

/// <summary>Packets written by hand, and what is read of them.</summary>
public sealed class DnsReaderTests
{
    // Owner `a.local` everywhere: 7 bytes and a zero, at offset 12.
    private const string Owner = "01'a'05'local'00";

    [Theory]
    [InlineData("0001 0001 00000078 0004 C0A80102", "a.local 120 A 192.168.1.2")]
    [InlineData("0001 8001 00000078 0004 C0A80102", "a.local 120 flush A 192.168.1.2")]
    [InlineData("001C 8001 00000078 0010 FE800000000000000000000000000001", "a.local 120 flush Aaaa fe80::1")]
    [InlineData("001C 8001 00000000 0010 00000000000000000000FFFF0A000001", "a.local 0 flush Aaaa ::ffff:10.0.0.1")]
    [InlineData("000C 0001 00001194 0007 04'Name' C00E", "a.local 4500 Ptr Name.local")]
    [InlineData("000C 0001 00001194 0002 C00C", "a.local 4500 Ptr a.local")]
    [InlineData("000C 0001 00001194 0001 00", "a.local 4500 Ptr .")]
    [InlineData("0021 8001 00000078 0008 0000 0005 0277 C00C", "a.local 120 flush Srv 0 5 631 a.local")]
    [InlineData("0021 8001 00000078 000B FFFF 0000 FFFF 01'h' C00E 00", "refused")]
    [InlineData("0010 8001 00001194 000D 06'txtv=1' 05'n=K c'", "a.local 4500 flush Txt txtv=1 n=K c")]
    [InlineData("0010 8001 00001194 0001 00", "a.local 4500 flush Txt ")]
    [InlineData("0010 8001 00001194 0000", "a.local 4500 flush Txt ")]
    [InlineData("002F 8001 00000078 0008 C00C 0004 40000008", "a.local 120 flush Nsec a.local A Aaaa")]
    [InlineData("000D 0001 00000078 0004 01'x' 01'y'", "a.local 120 13 01780179")]
    [InlineData("FF00 0001 00000078 0000", "a.local 120 65280 ")]
    public void TryRead_RecordOfEachType_IsAsWritten(string record, string expected) => Assert.Equal(expected, Hex.Read(Hex.Response(Owner + record)));

    // RFC 6762 section 18.14: compressed names in the data of these types are understood, and kept whole.
    [Theory]
    [InlineData("0002 0001 00000078 0002 C00C", "2 0161056c6f63616c00")]
    [InlineData("0005 0001 00000078 0002 C00C", "5 0161056c6f63616c00")]
    [InlineData("0027 0001 00000078 0002 C00E", "39 056c6f63616c00")]
    [InlineData("000F 0001 00000078 0004 000A C00E", "15 000a056c6f63616c00")]
    [InlineData("0011 0001 00000078 0004 C00E C00E", "17 056c6f63616c00056c6f63616c00")]
    [InlineData("001A 0001 00000078 0005 0001 C00E 00", "26 0001056c6f63616c0000")]
    [InlineData("0006 0001 00000078 0017 00 C00E 0102030405060708090A0B0C0D0E0F1011121314", "6 00056c6f63616c000102030405060708090a0b0c0d0e0f1011121314")]
    public void TryRead_CompressedNamesInOtherTypes_AreExpanded(string record, string expected) =>
        Assert.Equal($"a.local 120 {expected}", Hex.Read(Hex.Response(Owner + record)));

    // What is well formed and not for us costs nothing else of the packet: the record after it is read.
    [Theory]
    [InlineData("0029 05A0 00001194 0012 0004 000E 0000 0200 00000001 0200 00000001")] // OPT as Apple's hosts send it; the class is a size
    [InlineData("0029 0001 00000000 0000")]
    [InlineData("0001 0003 00000078 0003 AABBCC")] // class CHAOS
    [InlineData("0010 00FE 00000000 0002 FFFF")] // class NONE
    [InlineData("002F 8001 00000078 0009 C00C 0003 400000 0101")] // NSEC: a second block is begun
    [InlineData("002F 8001 00000078 0005 C00C 0101 40")] // NSEC: another block than 0
    [InlineData("002F 8001 00000078 0004 C00C 0000")] // NSEC: empty bitmap
    [InlineData("002F 8001 00000078 0002 C00C")] // NSEC: no bitmap
    [InlineData("002F 8001 00000078 0007 C00C 00FF 400000")] // NSEC: length over 32 and over the record
    public void TryRead_RecordNotForUs_IsLeftOutAlone(string record) =>
        Assert.Equal("b.local 120 A 10.0.0.1", Hex.Read(Hex.Response(Owner + record + "01'b' C00E 0001 0001 00000078 0004 0A000001", count: 2)));

    [Theory]
    [InlineData("0001 0001 00000078 0003 C0A801", "A of three bytes")]
    [InlineData("0001 0001 00000078 0005 C0A8010101", "A of five bytes")]
    [InlineData("001C 0001 00000078 0004 C0A80101", "AAAA of four bytes")]
    [InlineData("000C 0001 00000078 0000", "PTR of nothing")]
    [InlineData("000C 0001 00000078 0003 C00C00", "PTR with a byte behind the name")]
    [InlineData("000C 0001 00000078 0003 05'lo'", "PTR whose name passes the end of the data")]
    [InlineData("000C 0001 00000078 0001 C0 0C", "PTR whose pointer passes the end of the data")]
    [InlineData("0021 0001 00000078 0006 000000000277", "SRV without a target")]
    [InlineData("0021 0001 00000078 0003 000000", "SRV of three bytes")]
    [InlineData("0010 0001 00000078 0002 0261", "TXT whose string passes the end of the data")]
    [InlineData("002F 0001 00000078 0001 05", "NSEC whose name passes the end of the data")]
    [InlineData("000F 0001 00000078 0001 00", "MX of one byte")]
    [InlineData("0006 0001 00000078 0003 00 00 00", "SOA without its numbers")]
    public void TryRead_DataThatContradictsItself_RefusesTheMessage(string record, string why) =>
        Assert.True(Hex.Read(Hex.Response(Owner + record)) == "refused", why);

    [Theory]
    [InlineData("05'local'00 00FF 0001", "local Any?")]
    [InlineData("05'local'00 000C 8001", "local Ptr QU?")]
    [InlineData("05'local'00 0001 00FF", "local A?")]
    [InlineData("05'local'00 0001 80FF", "local A QU?")]
    [InlineData("05'local'00 0001 0003", "")]
    [InlineData("00 0002 0001", ". 2?")]
    public void TryRead_Question_IsAsWritten(string question, string expected) => Assert.Equal(expected, Hex.Read(Hex.Query(question)));

    // RFC 2181 section 8.
    [Theory]
    [InlineData("7FFFFFFF", int.MaxValue)]
    [InlineData("80000000", 0)]
    [InlineData("FFFFFFFF", 0)]
    public void TryRead_Lifetime_WithTopBitIsZero(string ttl, int expected)
    {
        Assert.True(DnsReader.TryRead(Hex.Response($"{Owner} 0001 0001 {ttl} 0004 0A000001"), out DnsMessage? message));
        Assert.Equal((uint)expected, message.Answers[0].Ttl);
    }

    [Fact]
    public void TryRead_Header_FlagsAndSections()
    {
        byte[] packet = Hex.Bytes("1234 FB8F 0001 0001 0001 0001 00 0001 0001 00 0001 0001 00000001 0004 0A000001 00 0001 0001 00000002 0004 0A000002 00 0001 0001 00000003 0004 0A000003");

        Assert.True(DnsReader.TryRead(packet, out DnsMessage? message));

        Assert.Equal(0x1234, message.Id);
        Assert.True(message.IsResponse && message.IsTruncated && !message.IsAuthoritative);
        Assert.Equal((15, 15), (message.Opcode, message.ResponseCode));
        Assert.Equal([1u, 2u, 3u], [message.Answers[0].Ttl, message.Authorities[0].Ttl, message.Additionals[0].Ttl]);
        Assert.Single(message.Questions);
    }

    // Padding, and what a later version may add.
    [Fact]
    public void TryRead_BytesBehindTheLastRecord_ArePassedOver() =>
        Assert.Equal("local Ptr?", Hex.Read(Hex.Query("05'local'00 000C 0001 FFFFFFFF")));

    [Theory]
    [InlineData("0000 0000 0002 0000 0000 0000 05'local'00 000C 0001")]
    [InlineData("0000 8400 0000 0001 0000 0000")]
    [InlineData("0000 8400 0000 FFFF FFFF FFFF 00 0001 0001 00000001 0004 0A000001")]
    [InlineData("0000 0000 FFFF 0000 0000 0000 00 0001 0001")]
    [InlineData("0000 0000 0001 0000 0000 0000 05'local'00 000C 00")]
    [InlineData("0000 8400 0000 0001 0000 0000 05'local'00 000C 0001 00000001 00")]
    public void TryRead_CountsBeyondThePacket_IsRefused(string packet) => Assert.Equal("refused", Hex.Read(Hex.Bytes(packet)));

    [Fact]
    public void TryRead_LimitsOfCounts_AreExact()
    {
        string question = "00 0001 0001";
        string record = "00 0001 0001 00000001 0004 0A000001";

        Assert.True(DnsReader.TryRead(Hex.Query(Repeat(question, 256), 256), out DnsMessage? asked));
        Assert.Equal(256, asked.Questions.Length);
        Assert.False(DnsReader.TryRead(Hex.Query(Repeat(question, 257), 257), out _));
        Assert.True(DnsReader.TryRead(Hex.Response(Repeat(record, 512), 512), out DnsMessage? answered));
        Assert.Equal(512, answered.Answers.Length);
        Assert.False(DnsReader.TryRead(Hex.Response(Repeat(record, 513), 513), out _));
    }

    [Fact]
    public void TryRead_PacketOf9000Bytes_IsReadAndNotOneMore()
    {
        byte[] packet = Hex.Query("05'local'00 000C 0001");
        Array.Resize(ref packet, 9000);

        Assert.True(DnsReader.TryRead(packet, out _));
        Assert.False(DnsReader.TryRead([.. packet, 0], out _));
    }

    [Fact]
    public void TryRead_NamesPointedAt_AreOneObject()
    {
        Assert.True(DnsReader.TryRead(Hex.Response($"{Owner} 0001 0001 00000001 0004 0A000001 C00C 0001 0001 00000001 0004 0A000002", 2), out DnsMessage? message));

        Assert.Same(message.Answers[0].Name, message.Answers[1].Name);
    }

    [Fact]
    public void TryRead_PacketsOfTheField_AreRead()
    {
        Assert.All(RealPackets.All, p => Assert.True(Hex.Read(Hex.Bytes(p.Packet)) != "refused", p.What));
        Assert.Equal(
            "_ipp._tcp.local 4500 Ptr Kitchen\\. printer._ipp._tcp.local\n" +
            "Kitchen\\. printer._ipp._tcp.local 120 flush Srv 0 0 631 kitchen.local\n" +
            "Kitchen\\. printer._ipp._tcp.local 4500 flush Txt txtvers=1 rp=ipp/print\n" +
            "kitchen.local 120 flush A 192.168.1.23\n" +
            "kitchen.local 120 flush Aaaa fe80::2aa:bbff:fecc:ddee\n" +
            "kitchen.local 120 flush Nsec kitchen.local A Aaaa",
            Hex.Read(Hex.Bytes(RealPackets.All[2].Packet)));
    }

    // A browse of ten services with all that belongs to them: what a flood of packets may cost.
    [Fact]
    public void TryRead_FullResponse_AllocatesLittleMoreThanItsRecords()
    {
        byte[] packet = RealPackets.TenServices();
        Assert.True(DnsReader.TryRead(packet, out _));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.True(DnsReader.TryRead(packet, out DnsMessage? message));
        long bytes = GC.GetAllocatedBytesForCurrentThread() - before;

        int records = message.Answers.Length + message.Additionals.Length;
        Assert.True(bytes < (packet.Length * 2) + (records * 230), $"{bytes} bytes for {records} records in {packet.Length} bytes");
    }

    private static string Repeat(string text, int count) => string.Concat(Enumerable.Repeat(text, count));
}
