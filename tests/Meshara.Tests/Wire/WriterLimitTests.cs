using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Wire;

/// <summary>What a receiver would reject, our own writers refuse, cut or never make: a fault of ours shows here and not on the other side.</summary>
public sealed class WriterLimitTests
{
    private readonly byte[] _frame = new byte[100_000];

    /// <summary>The payload of a frame that was written.</summary>
    private ReadOnlySpan<byte> Payload(int length) => _frame.AsSpan(FrameCodec.HeaderSize, length - FrameCodec.HeaderSize);

    [Theory]
    [InlineData(-1)]
    [InlineData(FrameCodec.MaxPayload + 1)]
    public void WriteHeader_LengthOutsideTheCap_Refused(int length) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => FrameCodec.WriteHeader(_frame, FrameType.Data, FrameFlags.None, length));

    [Fact]
    public void WriteHeader_LongestPayloadInSixBytes_Written()
    {
        byte[] header = new byte[FrameCodec.HeaderSize];
        FrameCodec.WriteHeader(header, FrameType.Data, FrameFlags.Fin, FrameCodec.MaxPayload);
        Assert.True(FrameCodec.TryReadHeader(header, FrameCodec.MaxPayload, out FrameHeader read));
        Assert.Equal(new FrameHeader(FrameType.Data, FrameFlags.Fin, FrameCodec.MaxPayload), read);
    }

    [Fact]
    public void WriteHeader_FlagThatTheTypeHasNot_Refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => FrameCodec.WriteHeader(_frame, FrameType.Ping, FrameFlags.Fin, 8));

    [Theory]
    [InlineData(31)]
    [InlineData(33)]
    public void WriteProof_NotThirtyTwoBytes_Refused(int length) =>
        Assert.Throws<ArgumentException>(() => ControlFrames.WriteProof(_frame, new byte[length]));

    [Fact]
    public void WriteReady_RecordOver1024Bytes_Refused()
    {
        int length = ControlFrames.WriteReady(_frame, new byte[1024]);
        Assert.Equal(1024, ControlFrames.ParseReady(Payload(length)).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => ControlFrames.WriteReady(_frame, new byte[1025]));
    }

    [Fact]
    public void WriteOpen_NameEmptyTooLongOrWithControls_Refused()
    {
        Assert.Throws<ArgumentException>(() => StreamFrames.WriteOpen(_frame, 1, StreamKind.Bytes, ""));
        Assert.Throws<ArgumentOutOfRangeException>(() => StreamFrames.WriteOpen(_frame, 1, StreamKind.Bytes, new string('a', StreamFrames.MaxProtocolBytes + 1)));
        Assert.Throws<ArgumentException>(() => StreamFrames.WriteOpen(_frame, 1, StreamKind.Bytes, "a\nb"));
        int length = StreamFrames.WriteOpen(_frame, 1, StreamKind.Bytes, new string('a', StreamFrames.MaxProtocolBytes));
        StreamFrames.ParseOpen(Payload(length), out _, out _, out string protocol, out _);
        Assert.Equal(StreamFrames.MaxProtocolBytes, protocol.Length);
    }

    [Fact]
    public void WriteData_ShapeThatSection82Forbids_Refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => StreamFrames.WriteDataHeader(_frame, FrameFlags.Fin, 1, -1));
        Assert.Throws<ArgumentException>(() => StreamFrames.WriteData(_frame, FrameFlags.Acknowledge | FrameFlags.Fin, 1, [1]));
        Assert.Throws<ArgumentException>(() => StreamFrames.WriteData(_frame, FrameFlags.None, 1, []));
    }

    [Fact]
    public void WritePairs_NegativeValueOrNoIncrement_Refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => StreamFrames.WriteReset(_frame, 1, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => StreamFrames.WriteWindow(_frame, 1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => StreamFrames.WriteMaxStreams(_frame, -1));
        int length = StreamFrames.WriteWindow(_frame, 1, 1);
        StreamFrames.ParseWindow(Payload(length), out _, out long increment);
        Assert.Equal(1, increment);
    }

    // The values that are out of range by one.
    [Theory]
    [InlineData(Hello.MinMaxMessage - 1, 4096, 16)]
    [InlineData(Hello.MaxBytesLimit + 1, 4096, 16)]
    [InlineData(Hello.MinMaxMessage, 4095, 16)]
    [InlineData(Hello.MinMaxMessage, Hello.MaxBytesLimit + 1, 16)]
    [InlineData(Hello.MinMaxMessage, 4096, 15)]
    [InlineData(Hello.MinMaxMessage, 4096, (1 << 20) + 1)]
    public void WriteHello_LimitOutOfRange_Refused(int maxMessage, int window, int streams) =>
        Assert.Throws<ArgumentException>(() => ControlFrames.WriteHello(_frame, HelloTests.Sample() with { MaxMessage = maxMessage, InitialWindow = window, MaxStreams = streams }));

    [Theory]
    [InlineData(Hello.MinMaxMessage, 4096, 16)]
    [InlineData(Hello.MaxBytesLimit, Hello.MaxBytesLimit, 1 << 20)]
    public void WriteHello_LimitsAtTheirBounds_Read(int maxMessage, int window, int streams)
    {
        int length = ControlFrames.WriteHello(_frame, HelloTests.Sample() with { MaxMessage = maxMessage, InitialWindow = window, MaxStreams = streams });
        Hello read = Hello.Parse(Payload(length));
        Assert.Equal((maxMessage, window, streams), (read.MaxMessage, read.InitialWindow, read.MaxStreams));
    }

    [Fact]
    public void WriteHello_NameOfTheMeshTooLong_Refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => ControlFrames.WriteHello(_frame, HelloTests.Sample() with { Mesh = new string('a', Hello.MaxMeshBytes + 1) }));
        int length = ControlFrames.WriteHello(_frame, HelloTests.Sample() with { Mesh = new string('a', Hello.MaxMeshBytes) });
        Assert.Equal(Hello.MaxMeshBytes, Hello.Parse(Payload(length)).Mesh.Length);
    }

    [Fact]
    public void WriteHello_LongAgent_CutToWhatAReceiverTakes()
    {
        int length = ControlFrames.WriteHello(_frame, HelloTests.Sample() with { Agent = new string('a', 500) });
        Assert.Equal(Hello.MaxAgentBytes, Hello.Parse(Payload(length)).Agent.Length);
    }

    [Fact]
    public void ParseHello_ExpectedIdOf33Bytes_Violation()
    {
        int length = ControlFrames.WriteHello(_frame, HelloTests.Sample() with { ExpectedId = null });
        byte[] payload = Payload(length).ToArray();
        // After the versions and the id: an expected id of 33 bytes where there was none.
        byte[] wrong = [.. payload[..36], 33, .. new byte[33], .. payload[37..]];
        Assert.Equal(0, payload[36]);
        Assert.True(Assert.Throws<WireException>(() => Hello.Parse(wrong)).IsViolation);
    }

    [Fact]
    public void WriteTexts_ForPeopleAndTooLong_CutToWhatAReceiverTakes()
    {
        string text = new('a', 1000);
        int length = ControlFrames.WriteGoodbye(_frame, new Goodbye { Code = GoodbyeCode.Shutdown, Message = text });
        Assert.Equal(Goodbye.MaxMessageBytes, Goodbye.Parse(Payload(length)).Message.Length);
        length = ControlFrames.WriteNotice(_frame, new Notice { Code = NoticeCode.IdentityInUse, Message = text });
        Assert.Equal(Notice.MaxMessageBytes, Notice.Parse(Payload(length)).Message.Length);
        length = ControlFrames.WriteRefuse(_frame, new Refuse { Code = RefuseCode.Full, Limit = text, Message = text });
        Refuse refuse = Refuse.Parse(Payload(length));
        Assert.Equal((Refuse.MaxLimitBytes, Refuse.MaxMessageBytes), (refuse.Limit.Length, refuse.Message.Length));
        length = ControlFrames.WriteReady(_frame, default, new NoPlace { Limit = text, Value = 3 });
        ControlFrames.ParseReady(Payload(length), out ReadOnlySpan<byte> noPlace);
        Assert.Equal((Refuse.MaxLimitBytes, 3L), (NoPlace.TryParse(noPlace)!.Limit.Length, NoPlace.TryParse(noPlace)!.Value));
    }

    [Fact]
    public void WriteRefuse_TooManyRecordsOneTooLongOrANegativeValue_Refused()
    {
        Refuse refuse = new() { Code = RefuseCode.Full };
        Assert.Throws<ArgumentOutOfRangeException>(() => ControlFrames.WriteRefuse(_frame, refuse with { Value = -1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => ControlFrames.WriteRefuse(_frame, refuse with { Records = [.. Enumerable.Repeat<ReadOnlyMemory<byte>>(new byte[1], 9)] }));
        Assert.Throws<ArgumentOutOfRangeException>(() => ControlFrames.WriteRefuse(_frame, refuse with { Records = [new byte[1025]] }));
    }

    [Fact]
    public void WriteRefuse_AsMuchAsItMayHold_FitsWhatItSays()
    {
        Refuse refuse = new()
        {
            Code = RefuseCode.Full,
            RetryAfter = TimeSpan.MaxValue,
            Limit = new string('a', 64),
            Value = (long)Varint.Max,
            Message = new string('b', 256),
            Records = [.. Enumerable.Repeat<ReadOnlyMemory<byte>>(new byte[1024], 8)],
        };
        byte[] frame = new byte[FrameCodec.HeaderSize + refuse.MaxPayload];
        int length = ControlFrames.WriteRefuse(frame, refuse);
        Assert.Equal(8, Refuse.Parse(frame.AsSpan(FrameCodec.HeaderSize, length - FrameCodec.HeaderSize)).Records.Count);
    }

    [Fact]
    public void WriteRetryAfter_LongerThanATimerHolds_CutToIt()
    {
        int length = ControlFrames.WriteGoodbye(_frame, new Goodbye { Code = GoodbyeCode.Shutdown, RetryAfter = TimeSpan.MaxValue });
        WireReader reader = new(Payload(length));
        reader.ReadVarint();
        Assert.Equal((ulong)int.MaxValue, reader.ReadVarint());
    }

    [Fact]
    public void Writer_DestinationTooShort_RefusedByName()
    {
        byte[] two = new byte[2];
        Assert.Equal("count", Assert.Throws<ArgumentOutOfRangeException>(() => new WireWriter(two).WriteU32(1)).ParamName);
        Assert.Equal("count", Assert.Throws<ArgumentOutOfRangeException>(() => new WireWriter(two).WriteBytes([1, 2, 3])).ParamName);
        WireWriter exact = new(two);
        exact.WriteU16(7);
        Assert.Equal(2, exact.Written);
    }

    [Fact]
    public void Writer_StringThatAReceiverRejects_Refused()
    {
        Assert.Throws<ArgumentException>(() => new WireWriter(_frame).WriteString("a\u0007", 10));
        Assert.Throws<ArgumentException>(() => new WireWriter(_frame).WriteString("\ud800", 10));
        Assert.Throws<ArgumentOutOfRangeException>(() => new WireWriter(_frame).WriteString("éé", 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => new WireWriter(_frame).WriteCount(-1, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => new WireWriter(_frame).WriteCount(4, 3));
    }

    [Fact]
    public void Reader_VarintCutOff_ViolationThatSaysSo()
    {
        // The first byte says that seven more follow.
        WireException e = Assert.Throws<WireException>(() => new WireReader([0xC0, 1]).ReadVarint());
        Assert.True(e.IsViolation);
        Assert.Contains("ends inside a field", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    [InlineData(3, true)]
    public void Reader_OneExtensionIsKnown_OnlyAnotherCriticalOneRefuses(byte type, bool acceptable)
    {
        byte[] payload = [1, type, 1, 9];
        Assert.Equal(acceptable, new WireReader(payload).ReadExtensions(3, out ReadOnlySpan<byte> value));
        Assert.Equal(type == 3 ? 1 : 0, value.Length);
    }
}
