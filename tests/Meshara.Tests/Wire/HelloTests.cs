using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Wire;

public sealed class HelloTests
{
    internal static Hello Sample() => new()
    {
        MinVersion = 1,
        MaxVersion = 1,
        Id = NodeId.FromBytes(Enumerable.Range(0, 32).Select(i => (byte)i).ToArray()),
        ExpectedId = NodeId.FromBytes(Enumerable.Range(100, 32).Select(i => (byte)i).ToArray()),
        Instance = new Bits128(0x0102030405060708, 0x090a0b0c0d0e0f10),
        Nonce = [.. Enumerable.Repeat((byte)0x5A, 32)],
        Features = Features.SharedSecret,
        Mesh = "chat",
        Agent = "meshara/0.1.0",
        Addresses = ["192.0.2.1:4040", "[2001:db8::1]:4040"],
        MaxMessage = 1 << 20,
        InitialWindow = 16 << 10,
        MaxStreams = 1024,
    };

    internal static void AssertSame(Hello expected, Hello actual)
    {
        Assert.Equal(expected.Nonce, actual.Nonce);
        Assert.Equal(expected.Addresses, actual.Addresses);
        Assert.Equal(expected with { Nonce = actual.Nonce, Addresses = actual.Addresses }, actual);
    }

    [Fact]
    public void WriteAndParse_Sample_Same()
    {
        byte[] frame = new byte[ControlFrames.MaxFrame];
        int length = ControlFrames.WriteHello(frame, Sample());
        Assert.True(FrameCodec.TryReadHeader(frame, FrameCodec.MaxHelloPayload, out FrameHeader header));
        Assert.Equal(new FrameHeader(FrameType.Hello, FrameFlags.None, length - 6), header);
        AssertSame(Sample(), Hello.Parse(frame.AsSpan(6, header.Length)));
    }

    [Fact]
    public void Parse_EveryPrefix_Violation()
    {
        byte[] payload = new byte[4096];
        int length = Sample().Write(payload);
        for (int shorter = 0; shorter < length; shorter++)
            Assert.True(Assert.Throws<WireException>(() => Hello.Parse(payload.AsSpan(0, shorter))).IsViolation);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0, 0)]
    [InlineData(2, 1)]
    public void H16_VersionRangeEmptyOrInverted_codec_wise_Closes(byte min, byte max)
    {
        byte[] payload = new byte[4096];
        int length = Sample().Write(payload);
        (payload[1], payload[3]) = (min, max);
        Assert.False(Assert.Throws<WireException>(() => Hello.Parse(payload.AsSpan(0, length))).IsViolation);
    }

    [Fact]
    public void Write_LargestFields_KeepsTo4096Bytes()
    {
        Hello hello = Sample() with
        {
            Mesh = new string('m', Hello.MaxMeshBytes),
            Agent = new string('a', Hello.MaxAgentBytes),
            Addresses = [.. Enumerable.Repeat(new string('x', Hello.MaxAddressBytes), Hello.MaxAddresses)],
            MaxMessage = Hello.MaxBytesLimit,
            InitialWindow = Hello.MaxBytesLimit,
            MaxStreams = Hello.MaxMaxStreams,
        };
        byte[] payload = new byte[FrameCodec.MaxHelloPayload];
        AssertSame(hello, Hello.Parse(payload.AsSpan(0, hello.Write(payload))));
    }

    [Fact]
    public void Write_FieldThatAReceiverWouldReject_Throws()
    {
        Hello[] wrong =
        [
            Sample() with { MinVersion = 0 },
            Sample() with { MinVersion = 2 },
            Sample() with { Nonce = new byte[31] },
            Sample() with { Mesh = "" },
            Sample() with { Mesh = "a\nb" },
            Sample() with { Mesh = "\ud800" },
            Sample() with { Mesh = new string('é', 33) },
            Sample() with { Addresses = [.. Enumerable.Repeat("a:1", 9)] },
            Sample() with { Addresses = [new string('a', 301)] },
            Sample() with { MaxMessage = 1023 },
            Sample() with { MaxMessage = (1 << 30) + 1 },
            Sample() with { InitialWindow = 4095 },
            Sample() with { MaxStreams = 15 },
            Sample() with { MaxStreams = (1 << 20) + 1 },
        ];
        foreach (Hello hello in wrong)
            Assert.ThrowsAny<ArgumentException>(() => hello.Write(new byte[4096]));
    }
}
