using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Wire;

public sealed class VarintTests
{
    // The examples of RFC 9000 appendix A.1, and the edges of each length.
    [Theory]
    [InlineData(151_288_809_941_952_652UL, "c2197c5eff14e88c")]
    [InlineData(494_878_333UL, "9d7f3e7d")]
    [InlineData(15_293UL, "7bbd")]
    [InlineData(37UL, "25")]
    [InlineData(0UL, "00")]
    [InlineData(63UL, "3f")]
    [InlineData(64UL, "4040")]
    [InlineData(16_383UL, "7fff")]
    [InlineData(16_384UL, "80004000")]
    [InlineData((1UL << 30) - 1, "bfffffff")]
    [InlineData(1UL << 30, "c000000040000000")]
    [InlineData(Varint.Max, "ffffffffffffffff")]
    public void WriteAndRead_Examples_Agree(ulong value, string hex)
    {
        byte[] bytes = new byte[Varint.MaxLength];
        int written = Varint.Write(bytes, value);
        Assert.Equal(hex, Convert.ToHexStringLower(bytes.AsSpan(0, written)));
        Assert.Equal(written, Varint.Length(value));
        Assert.True(Varint.TryRead(bytes, out ulong read, out int used));
        Assert.Equal((value, written), (read, used));
        for (int shorter = 0; shorter < written; shorter++)
            Assert.False(Varint.TryRead(bytes.AsSpan(0, shorter), out _, out _));
    }

    [Fact]
    public void Write_Over62Bits_Throws() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Varint.Write(new byte[8], Varint.Max + 1));

    [Theory]
    [InlineData("4025")]
    [InlineData("80000025")]
    [InlineData("80003fff")]
    [InlineData("c00000003fffffff")]
    public void ReadVarint_LongerFormThanNeeded_Violation(string hex)
    {
        byte[] bytes = Convert.FromHexString(hex);
        Assert.True(Varint.TryRead(bytes, out _, out _));
        Assert.True(Assert.Throws<WireException>(() => new WireReader(bytes).ReadVarint()).IsViolation);
    }
}
