using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Wire;

public sealed class StreamFramesTests
{
    private readonly byte[] _frame = new byte[FrameCodec.HeaderSize + FrameCodec.MaxPayload];

    private ReadOnlySpan<byte> Payload(FrameType type, FrameFlags flags, int length)
    {
        Assert.True(FrameCodec.TryReadHeader(_frame, FrameCodec.MaxPayload, out FrameHeader header));
        Assert.Equal(new FrameHeader(type, flags, length - FrameCodec.HeaderSize), header);
        return _frame.AsSpan(FrameCodec.HeaderSize, header.Length);
    }

    [Fact]
    public void Open_WrittenAndParsed_Same()
    {
        int length = StreamFrames.WriteOpen(_frame, 12345, StreamKind.Bytes, "chat/é");
        StreamFrames.ParseOpen(Payload(FrameType.Open, FrameFlags.None, length), out ulong id, out StreamKind kind, out string protocol, out bool critical);
        Assert.Equal((12345UL, StreamKind.Bytes, "chat/é", false), (id, kind, protocol, critical));
    }

    [Theory]
    [InlineData(FrameFlags.None, 1)]
    [InlineData(FrameFlags.Fin, 0)]
    [InlineData(FrameFlags.EndOfMessage, 0)]
    [InlineData(FrameFlags.EndOfMessage | FrameFlags.Acknowledge | FrameFlags.Fin, StreamFrames.MaxDataBody)]
    internal void Data_WrittenAndParsed_Same(FrameFlags flags, int bodyLength)
    {
        byte[] sent = new byte[bodyLength];
        Array.Fill(sent, (byte)7);
        int length = StreamFrames.WriteData(_frame, flags, Varint.Max, sent);
        StreamFrames.ParseData(flags, Payload(FrameType.Data, flags, length), out ulong id, out ReadOnlySpan<byte> body);
        Assert.Equal(Varint.Max, id);
        Assert.True(body.SequenceEqual(sent));
    }

    [Fact]
    public void Pairs_WrittenAndParsed_Same()
    {
        StreamFrames.ParseReset(Payload(FrameType.Reset, FrameFlags.None, StreamFrames.WriteReset(_frame, 4, 300)), out ulong id, out long value);
        Assert.Equal((4UL, 300L), (id, value));
        StreamFrames.ParseStopSending(Payload(FrameType.StopSending, FrameFlags.None, StreamFrames.WriteStopSending(_frame, 5, 1)), out id, out value);
        Assert.Equal((5UL, 1L), (id, value));
        StreamFrames.ParseAck(Payload(FrameType.Ack, FrameFlags.None, StreamFrames.WriteAck(_frame, 6, 0)), out id, out value);
        Assert.Equal((6UL, 0L), (id, value));
        StreamFrames.ParseWindow(Payload(FrameType.Window, FrameFlags.None, StreamFrames.WriteWindow(_frame, 7, (long)Varint.Max)), out id, out value);
        Assert.Equal((7UL, (long)Varint.Max), (id, value));
        StreamFrames.ParseMaxStreams(Payload(FrameType.MaxStreams, FrameFlags.None, StreamFrames.WriteMaxStreams(_frame, 70_000)), out value);
        Assert.Equal(70_000, value);
    }

    [Fact]
    public void ParseWindow_IncrementZero_Violation() =>
        Assert.True(Assert.Throws<WireException>(() => StreamFrames.ParseWindow([1, 0], out _, out _)).IsViolation);

    [Fact]
    public void ParseData_AckWithoutEomOrNothingAtAll_Violation()
    {
        Assert.True(Assert.Throws<WireException>(() => StreamFrames.ParseData(FrameFlags.Acknowledge, [1, 2], out _, out _)).IsViolation);
        Assert.True(Assert.Throws<WireException>(() => StreamFrames.ParseData(FrameFlags.None, [1], out _, out _)).IsViolation);
    }

    [Fact]
    public void CostOf_EachShape_AfterSection83()
    {
        Assert.Equal(0, StreamFrames.CostOf(FrameFlags.Fin, 0));
        Assert.Equal(32, StreamFrames.CostOf(FrameFlags.Fin | FrameFlags.EndOfMessage, 0));
        Assert.Equal(33, StreamFrames.CostOf(FrameFlags.Fin, 1));
    }

    [Fact]
    public void ParseAndWrite_HotPath_AllocateNothing()
    {
        byte[] body = new byte[1000];
        RoundOnce(body);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
            RoundOnce(body);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private void RoundOnce(byte[] body)
    {
        int length = StreamFrames.WriteData(_frame, FrameFlags.EndOfMessage, 70_000, body);
        FrameCodec.TryReadHeader(_frame, FrameCodec.MaxPayload, out FrameHeader header);
        StreamFrames.ParseData(header.Flags, _frame.AsSpan(6, length - 6), out _, out _);
        length = StreamFrames.WriteWindow(_frame, 70_000, 5);
        StreamFrames.ParseWindow(_frame.AsSpan(6, length - 6), out _, out _);
        length = StreamFrames.WriteOpen(_frame, 70_000, StreamKind.Request, "chat/1");
        StreamFrames.ParseOpen(_frame.AsSpan(6, length - 6), out _, out _, out ReadOnlySpan<byte> _, out _);
        length = StreamFrames.WriteReset(_frame, 70_000, 1);
        StreamFrames.ParseReset(_frame.AsSpan(6, length - 6), out _, out _);
        length = ControlFrames.WritePing(_frame, 70_000);
        ControlFrames.ParsePing(_frame.AsSpan(6, length - 6));
    }
}
