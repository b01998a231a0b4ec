using System.Buffers.Binary;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Wire;

/// <summary>Section Framing of hostile-inputs.md as far as the codec decides it; with sockets it is shown elsewhere.</summary>
public sealed class HostileFramingTests
{
    private static readonly int[] Caps = [FrameCodec.MaxHelloPayload, FrameCodec.MaxHandshakePayload, FrameCodec.MaxPayload];

    [Fact]
    public void F1_LengthFfffffff_ViolationBeforeAnythingIsAllocated_codec_wise()
    {
        foreach (int cap in Caps)
        {
            byte[] header = Header(0xFFFF_FFFF, FrameType.Data);
            Assert.True(AllocatedBy(() => AssertViolation(() => FrameCodec.TryReadHeader(header, cap, out _))) < 64 << 10);
        }
    }

    [Fact]
    public void F2_OneOverTheLimitOrExactlyTheLimit_ViolationOrAccepted_codec_wise()
    {
        foreach (int cap in Caps)
        {
            AssertViolation(() => FrameCodec.TryReadHeader(Header((uint)cap + 1, FrameType.Data), cap, out _));
            Assert.True(FrameCodec.TryReadHeader(Header((uint)cap, FrameType.Data), cap, out FrameHeader header));
            Assert.Equal(cap, header.Length);
        }
    }

    [Theory]
    [InlineData(0x8000_0000)]
    [InlineData(0x8000_0001)]
    [InlineData(0xFFFF_0000)]
    public void F3_LengthNegativeAsInt32_Violation_codec_wise(uint length) =>
        AssertViolation(() => FrameCodec.TryReadHeader(Header(length, FrameType.Data), FrameCodec.MaxPayload, out _));

    [Fact]
    public void F5_OneByteAtATime_Parsed_codec_wise()
    {
        byte[] frame = new byte[100];
        int length = StreamFrames.WriteData(frame, FrameFlags.EndOfMessage, 4, "hello"u8);
        for (int arrived = 0; arrived < FrameCodec.HeaderSize; arrived++)
            Assert.False(FrameCodec.TryReadHeader(frame.AsSpan(0, arrived), FrameCodec.MaxPayload, out _));

        for (int arrived = FrameCodec.HeaderSize; arrived <= length; arrived++)
        {
            Assert.True(FrameCodec.TryReadHeader(frame.AsSpan(0, arrived), FrameCodec.MaxPayload, out FrameHeader header));
            Assert.Equal(new FrameHeader(FrameType.Data, FrameFlags.EndOfMessage, length - FrameCodec.HeaderSize), header);
            Assert.Equal(arrived < length ? "incomplete" : "accept", CodecDecoder.Decode(frame.AsSpan(0, arrived), "link").Outcome);
        }
    }

    [Fact]
    public void F6_TruncatedFrame_IncompleteAtEveryCut_codec_wise()
    {
        // That the end of the stream then closes without a penalty is the link's to show.
        foreach (Vector vector in VectorFile.ReadAll().Where(v => v.Expected.Outcome == "accept"))
        {
            int length = FrameCodec.HeaderSize + (int)BinaryPrimitives.ReadUInt32BigEndian(vector.Frame);
            for (int arrived = 0; arrived < length; arrived += 1 + (length / 100))
                Assert.Equal("incomplete", CodecDecoder.Decode(vector.Frame.AsSpan(0, arrived), vector.Stage).Outcome);
        }
    }

    [Fact]
    public void F8_UnknownType_IgnoredIfOptionalElseViolation_codec_wise()
    {
        HashSet<int> known = [.. Enum.GetValues<FrameType>().Select(t => (int)t)];
        Assert.Equal(16, known.Count);
        for (int type = 0; type < 256; type++)
        {
            Assert.Equal(known.Contains(type), FrameCodec.IsKnown((FrameType)type));
            byte[] frame = [.. Header(3, (FrameType)type), 1, 2, 3];
            if (known.Contains(type))
                continue;
            if (type >= 0x80)
                Assert.Equal("ignore", CodecDecoder.Decode(frame, "link").Outcome);
            else
                AssertViolation(() => FrameCodec.TryReadHeader(frame, FrameCodec.MaxPayload, out _));
        }
    }

    [Fact]
    public void F9_ReservedBits_ViolationForEveryKnownTypeAndFlag_codec_wise()
    {
        foreach (FrameType type in Enum.GetValues<FrameType>())
        {
            for (int flags = 0; flags < 256; flags++)
            {
                byte[] header = Header(0, type, (FrameFlags)flags);
                if (flags == 0 || (type == FrameType.Data && flags <= 7))
                    Assert.True(FrameCodec.TryReadHeader(header, FrameCodec.MaxPayload, out _));
                else
                    AssertViolation(() => FrameCodec.TryReadHeader(header, FrameCodec.MaxPayload, out _));
            }
        }
    }

    // The count is followed by as many items as fit, so that only the count itself can be what is refused.
    [Theory]
    [InlineData("hello-addresses-million")]
    [InlineData("hello-extensions-million")]
    [InlineData("refuse-records-million")]
    public void F10_ListOfAMillion_ViolationBeforeTheLoop_codec_wise(string vectorName)
    {
        Vector vector = VectorFile.ReadAll().Single(v => v.Name == vectorName);
        byte[] count = Convert.FromHexString("800f4240");
        int end = vector.Frame.AsSpan().IndexOf(count) + count.Length;
        byte[] payload = [.. vector.Frame[FrameCodec.HeaderSize..end], .. new byte[FrameCodec.MaxHelloPayload - end + FrameCodec.HeaderSize]];
        Action parse = vector.Frame[4] == (byte)FrameType.Hello ? () => Hello.Parse(payload) : () => Refuse.Parse(payload);
        AssertViolation(parse);
        Assert.True(AllocatedBy(() => AssertViolation(parse)) < 64 << 10);
    }

    [Fact]
    public void F11_TrailingByte_ViolationForEveryTypeButData_codec_wise()
    {
        // DATA takes the rest as its body, and unknown optional types have no layout.
        HashSet<FrameType> shown = [];
        foreach (Vector vector in VectorFile.ReadAll().Where(v => v.Expected.Outcome == "accept"))
        {
            FrameType type = (FrameType)vector.Frame[4];
            int length = (int)BinaryPrimitives.ReadUInt32BigEndian(vector.Frame);
            if (type == FrameType.Data)
                continue;

            byte[] payload = [.. vector.Frame.AsSpan(FrameCodec.HeaderSize, length), 0];
            AssertViolation(() => CodecDecoder.DecodePayload(new FrameHeader(type, FrameFlags.None, payload.Length), payload));
            shown.Add(type);
        }

        Assert.Equal(15, shown.Count);
    }

    [Theory]
    [InlineData("c3")]
    [InlineData("c328")]
    [InlineData("c0af")]
    [InlineData("eda080")]
    [InlineData("f4908080")]
    [InlineData("ff")]
    [InlineData("1b5b33316d")]
    [InlineData("c29b33316d")]
    [InlineData("610a62")]
    [InlineData("610d62")]
    [InlineData("00")]
    [InlineData("7f")]
    public void F12_HostileBytesInAnyString_Violation_codec_wise(string hex)
    {
        byte[] hostile = Convert.FromHexString(hex);
        int shown = 0;
        foreach ((FrameType type, byte[] payload, int at) in EveryString())
        {
            // The string "?" stands at this place: put the hostile one there instead, with its length.
            byte[] changed = [.. payload[..(at - 1)], (byte)hostile.Length, .. hostile, .. payload[(at + 1)..]];
            AssertViolation(() => CodecDecoder.DecodePayload(new FrameHeader(type, FrameFlags.None, changed.Length), changed));
            shown++;
        }

        Assert.Equal(8, shown);
    }

    [Fact]
    public void F12_TerminalMarkup_ArrivesAsSent_codec_wise()
    {
        // Printable, so it passes; that it is escaped where it is shown is tested there.
        byte[] payload = new byte[300];
        int length = new Goodbye { Code = GoodbyeCode.Shutdown, Message = "[red]x[/] <b>" }.Write(payload);
        Assert.Equal("[red]x[/] <b>", Goodbye.Parse(payload.AsSpan(0, length)).Message);
    }

    // Every string field of the protocol, holding "?", which stands nowhere else in the payload.
    private static IEnumerable<(FrameType Type, byte[] Payload, int At)> EveryString()
    {
        Hello hello = HelloTests.Sample();
        yield return Find(FrameType.Hello, b => (hello with { Mesh = "?" }).Write(b));
        yield return Find(FrameType.Hello, b => (hello with { Agent = "?" }).Write(b));
        yield return Find(FrameType.Hello, b => (hello with { Addresses = ["a:1", "?"] }).Write(b));
        yield return Find(FrameType.Refuse, b => new Refuse { Code = RefuseCode.Full, Limit = "?" }.Write(b));
        yield return Find(FrameType.Refuse, b => new Refuse { Code = RefuseCode.Full, Message = "?" }.Write(b));
        yield return Find(FrameType.Goodbye, b => new Goodbye { Code = GoodbyeCode.Shutdown, Message = "?" }.Write(b));
        yield return Find(FrameType.Notice, b => new Notice { Code = NoticeCode.IdentityInUse, Message = "?" }.Write(b));
        yield return Find(FrameType.Open, b =>
        {
            int length = StreamFrames.WriteOpen(b, 0, StreamKind.Bytes, "?") - FrameCodec.HeaderSize;
            b.AsSpan(FrameCodec.HeaderSize, length).CopyTo(b);
            return length;
        });
    }

    private static (FrameType Type, byte[] Payload, int At) Find(FrameType type, Func<byte[], int> write)
    {
        byte[] buffer = new byte[4096];
        byte[] payload = buffer[..write(buffer)];
        int at = payload.AsSpan().LastIndexOf("\u0001?"u8) + 1;
        Assert.True(at > 0);
        return (type, payload, at);
    }

    private static byte[] Header(uint length, FrameType type, FrameFlags flags = FrameFlags.None)
    {
        byte[] header = [0, 0, 0, 0, (byte)type, (byte)flags];
        BinaryPrimitives.WriteUInt32BigEndian(header, length);
        return header;
    }

    private static void AssertViolation(Action parse) => Assert.True(Assert.Throws<WireException>(parse).IsViolation);

    private static long AllocatedBy(Action action)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        action();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
