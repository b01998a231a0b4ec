using System.Text;
using Meshara.Mdns.Wire;
using Xunit;

namespace Meshara.Mdns.Tests.Wire;

/// <summary>Hostile inputs, section mDNS, M1 to M5: nothing of the packet counts, and nothing is thrown.</summary>
public sealed class HostilePacketTests
{
    [Fact]
    public void M1_EmptyOrCutHeader_IsRefused()
    {
        byte[] packet = Hex.Query("");
        for (int size = 0; size < packet.Length - 1; size++)
            Assert.False(DnsReader.TryRead(packet.AsSpan(0, size), out _));
        Assert.False(DnsReader.TryRead(Hex.Bytes("0000 0000 0001 0000 0000 0000"), out _));
    }

    [Fact]
    public void M1_EveryPrefixOfAPacket_IsRefused()
    {
        byte[] packet = RealPackets.TenServices();
        for (int size = 0; size < packet.Length; size++)
            Assert.False(DnsReader.TryRead(packet.AsSpan(0, size), out _));
        Assert.True(DnsReader.TryRead(packet, out _));
    }

    [Theory]
    [InlineData("C00C 000C 0001", "to itself")]
    [InlineData("C00D 000C 0001", "into itself")]
    [InlineData("C00E 000C 0001 05'local'00", "forward")]
    [InlineData("C012 000C 0001 C00C 000C 0001", "forward, and from there back")]
    [InlineData("FFFF 000C 0001", "past the end")]
    [InlineData("C000 000C 0001", "to the header")]
    [InlineData("C00B 000C 0001", "to the last byte of the header")]
    [InlineData("01'a' C00C 000C 0001", "back to its own name")]
    [InlineData("01'a'01'b' C00E 000C 0001", "into its own name")]
    [InlineData("C0", "cut in two")]
    public void M2_Pointer_NotToWhatCameBefore_IsRefused(string question, string where) =>
        Assert.True(Hex.Read(Hex.Query(question)) == "refused", where);

    [Fact]
    public void M2_ChainOfPointers_UpTo128IsRead()
    {
        Assert.Equal("refused", Hex.Read(Chain(129)));
        Assert.NotEqual("refused", Hex.Read(Chain(128)));
    }

    // The second name leads to the first question's place and on: each of the two points at the other.
    [Fact]
    public void M2_PointersToEachOther_AreRefused() =>
        Assert.Equal("refused", Hex.Read(Hex.Response("00 000A 0001 00000001 0004 C019 C017 C017 0001 0001 00000001 0004 0A000001", 2)));

    // 512 names of 127 labels behind 100 pointers each would be 65,000 steps out of 9,000 bytes.
    [Fact]
    public void M2_ManyLongNamesBehindPointers_AreRefusedAsAWhole()
    {
        // Each a label and then a pointer, so that none is the same as one read before.
        string first = $"00 000A 0001 00000001 00FF {string.Concat(Enumerable.Repeat("01'a'", 127))} 00";
        string other = "01'b' C019 0001 0001 00000001 0004 0A000001";

        Assert.NotEqual("refused", Hex.Read(Hex.Response(first + string.Concat(Enumerable.Repeat(other, 120)), 121)));
        Assert.Equal("refused", Hex.Read(Hex.Response(first + string.Concat(Enumerable.Repeat(other, 400)), 401)));
    }

    [Fact]
    public void M3_Label_Of63IsReadAnd64IsNot()
    {
        string long63 = new('x', 63);

        Assert.Equal($"{long63} A?", Hex.Read(Hex.Query($"3F'{long63}'00 0001 0001")));
        Assert.Equal("refused", Hex.Read(Hex.Query($"40'{long63}x'00 0001 0001")));
        Assert.Equal("refused", Hex.Read(Hex.Query($"80'{long63}x'00 0001 0001")));
    }

    // 255 bytes and the final zero (RFC 6762 appendix C).
    [Fact]
    public void M3_Name_Of255BytesIsReadAndOneMoreIsNot()
    {
        string three = string.Concat(Enumerable.Repeat($"3F'{new string('x', 63)}'", 3));

        Assert.NotEqual("refused", Hex.Read(Hex.Query($"{three} 3E'{new string('y', 62)}'00 0001 0001")));
        Assert.Equal("refused", Hex.Read(Hex.Query($"{three} 3F'{new string('y', 63)}'00 0001 0001")));
    }

    [Fact]
    public void M3_NameLongOnlyByItsPointer_IsRefused()
    {
        string four = string.Concat(Enumerable.Repeat($"3E'{new string('x', 62)}'", 4));

        Assert.Equal("refused", Hex.Read(Hex.Query($"{four}00 0001 0001 03'abc' C00C 0001 0001", 2)));
        Assert.NotEqual("refused", Hex.Read(Hex.Query($"{four}00 0001 0001 02'ab' C00C 0001 0001", 2)));
    }

    [Theory]
    [InlineData("0005 C0A80102")]
    [InlineData("FFFF C0A80102")]
    [InlineData("0004 C0A801")]
    [InlineData("0004")]
    [InlineData("00")]
    public void M4_LengthOfDataPastTheEnd_IsRefused(string tail)
    {
        foreach (string type in (string[])["0001", "000C", "0010", "001C", "0021", "002F", "0029", "FF00"])
            Assert.Equal("refused", Hex.Read(Hex.Response($"01'a'00 {type} 0001 00000078 {tail}")));
    }

    [Fact]
    public void M5_TxtMissing_TheOthersAreRead() =>
        Assert.Equal("a.local 120 Srv 0 0 631 a.local", Hex.Read(Hex.Response("01'a'05'local'00 0021 0001 00000078 0008 000000000277 C00C")));

    [Fact]
    public void M5_TxtWithDuplicateKeys_FirstWins()
    {
        Assert.True(DnsReader.TryRead(Hex.Response("01'a'00 0010 0001 00000078 000E 03'k=1' 03'K=2' 01'k' 03'l=3'"), out DnsMessage? message));

        TxtRecord txt = Assert.IsType<TextData>(message.Answers[0].Data).ToTxtRecord();
        Assert.Equal(["k", "l"], txt.Keys);
        Assert.Equal("1", txt["k"]);
    }

    [Fact]
    public void M5_TxtOf64Kilobytes_IsRefused()
    {
        byte[] packet = [.. Hex.Response("01'a'00 0010 0001 00000078 FF00"), .. Enumerable.Repeat((byte)0, 0xFF00)];

        Assert.False(DnsReader.TryRead(packet, out _));
        Assert.False(DnsReader.TryRead(packet.AsSpan(0, 9000), out _));
    }

    [Fact]
    public void M5_TxtOf8900Bytes_IsReadAndItsKeysAreBounded()
    {
        byte[] packet = [.. Hex.Response("01'a'00 0010 0001 00000078 22C4"), .. Enumerable.Range(0, 4450).SelectMany(static i => new byte[] { 1, (byte)(33 + (i % 90)) })];

        Assert.True(DnsReader.TryRead(packet, out DnsMessage? message));
        Assert.InRange(Assert.IsType<TextData>(message.Answers[0].Data).ToTxtRecord().Keys.Count, 1, 95);
    }

    // A question whose name is `a`, then names that each point to the one before.
    private static byte[] Chain(int pointers)
    {
        StringBuilder names = new();
        int data = 12 + 1 + 10;
        names.Append($"00 FF00 0001 00000001 {3 + (2 * (pointers - 1)):x4} 01'a'00");
        for (int i = 0; i < pointers - 1; i++)
            names.Append($"{0xC000 | (i == 0 ? data : data + 3 + (2 * (i - 1))):x4}");
        names.Append($"{0xC000 | (pointers == 1 ? data : data + 3 + (2 * (pointers - 2))):x4} 0001 0001 00000001 0004 0A000001");
        return Hex.Response(names.ToString(), 2);
    }
}
