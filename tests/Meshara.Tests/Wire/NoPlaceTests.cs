using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Wire;

/// <summary>Extension 4 of READY, section 5.3.</summary>
public sealed class NoPlaceTests
{
    [Fact]
    public void WriteReady_WithRecordAndNoPlace_BothComeBack()
    {
        NoPlace told = new() { Limit = "max_peers", Value = 32, RetryAfter = TimeSpan.FromSeconds(60) };
        byte[] frame = new byte[ControlFrames.MaxFrame];
        int length = ControlFrames.WriteReady(frame, new byte[] { 1, 2, 3 }, told);

        ReadOnlySpan<byte> record = ControlFrames.ParseReady(frame.AsSpan(FrameCodec.HeaderSize, length - FrameCodec.HeaderSize), out ReadOnlySpan<byte> noPlace);

        Assert.Equal([1, 2, 3], record.ToArray());
        Assert.Equal(told, NoPlace.TryParse(noPlace));
    }

    [Fact]
    public void ParseReady_TestVector_IsReadAsWritten()
    {
        byte[] payload = Convert.FromHexString("01040f8000ea60096d61785f706565727320");

        ControlFrames.ParseReady(payload, out ReadOnlySpan<byte> noPlace);

        Assert.Equal(new NoPlace { RetryAfter = TimeSpan.FromSeconds(60), Limit = "max_peers", Value = 32 }, NoPlace.TryParse(noPlace));
        byte[] frame = new byte[ControlFrames.MaxFrame];
        Assert.Equal(payload, frame[FrameCodec.HeaderSize..ControlFrames.WriteReady(frame, default, NoPlace.TryParse(noPlace))]);
    }

    [Fact]
    public void ParseReady_OneWhoKnowsOnlyTheRecord_SkipsIt()
    {
        byte[] frame = new byte[ControlFrames.MaxFrame];
        int length = ControlFrames.WriteReady(frame, default, new NoPlace { Limit = "max_peers", Value = 1 });

        // Even, so not critical: an older receiver reads on.
        Assert.True(new WireReader(frame.AsSpan(FrameCodec.HeaderSize, length - FrameCodec.HeaderSize)).ReadExtensions());
    }

    [Theory]
    [InlineData(new byte[0])]
    [InlineData(new byte[] { 0 })]
    [InlineData(new byte[] { 0, 65 })]
    [InlineData(new byte[] { 0, 2, 0xC3, 0x28, 1 })]
    public void TryParse_Malformed_SaysNothing(byte[] value) => Assert.Null(NoPlace.TryParse(value));
}
