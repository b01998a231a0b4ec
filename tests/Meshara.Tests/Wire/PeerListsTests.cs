using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Wire;

public sealed class PeerListsTests
{
    private static ReadOnlyMemory<byte>[] Records(int count, int length) => [.. Enumerable.Range(0, count).Select(i => (ReadOnlyMemory<byte>)Enumerable.Repeat((byte)i, length).ToArray())];

    [Theory]
    [InlineData(0, 10)]
    [InlineData(1, 1)]
    [InlineData(3, 63)]
    [InlineData(2, 64)]
    [InlineData(PeerLists.MaxRecords, PeerLists.MaxRecordBytes)]
    public void Reply_WrittenAndParsed_Same(int count, int length)
    {
        ReadOnlyMemory<byte>[] records = Records(count, length);
        IReadOnlyList<byte[]> read = PeerLists.ParseReply(PeerLists.WriteReply(records, 1 << 20));
        Assert.Equal(records.Select(r => r.ToArray()), read);
    }

    [Theory]
    [InlineData(3, 0)]
    [InlineData(13, 0)]
    [InlineData(14, 1)]
    [InlineData(24, 1)]
    [InlineData(25, 2)]
    [InlineData(36, 3)]
    public void WriteReply_ReceiverTakesLittle_AsManyAsSurelyFit(int maxBytes, int expected)
    {
        // Ten bytes and their length each; three more for the count and the extensions.
        byte[] reply = PeerLists.WriteReply(Records(3, 10), maxBytes);
        Assert.True(reply.Length <= maxBytes);
        Assert.Equal(expected, PeerLists.ParseReply(reply).Count);
    }

    [Fact]
    public void WriteReply_TooManyOrTooLong_Refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => PeerLists.WriteReply(Records(PeerLists.MaxRecords + 1, 1), 1 << 20));
        Assert.Throws<ArgumentOutOfRangeException>(() => PeerLists.WriteReply(Records(1, PeerLists.MaxRecordBytes + 1), 1 << 20));
    }

    [Fact]
    public void ParseReply_OverALimit_Violation()
    {
        byte[] many = [65, .. Enumerable.Repeat((byte)0, 65), 0];
        // 64 and above take two bytes, of which the first says so.
        many = [0x40, .. many];
        Assert.True(Assert.Throws<WireException>(() => PeerLists.ParseReply(many)).IsViolation);
        byte[] @long = [1, 0x44, 0x01, .. new byte[1025], 0];
        Assert.True(Assert.Throws<WireException>(() => PeerLists.ParseReply(@long)).IsViolation);
    }

    [Fact]
    public void Parse_BytesAfterTheLastField_Violation()
    {
        Assert.True(PeerLists.ParseRequest(PeerLists.Request));
        Assert.True(Assert.Throws<WireException>(() => PeerLists.ParseRequest([0, 0])).IsViolation);
        Assert.True(Assert.Throws<WireException>(() => PeerLists.ParseReply([0, 0, 0])).IsViolation);
    }

    [Fact]
    public void Parse_UnknownExtension_TakenUnlessCritical()
    {
        Assert.True(PeerLists.ParseRequest([1, 2, 0]));
        Assert.False(PeerLists.ParseRequest([1, 1, 0]));
        Assert.Single(PeerLists.ParseReply([1, 1, 9, 1, 2, 0]));
        Assert.Empty(PeerLists.ParseReply([1, 1, 9, 1, 1, 0]));
    }
}
