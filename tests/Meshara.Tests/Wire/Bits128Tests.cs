using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using Meshara.Tests.Support;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Wire;

public sealed class Bits128Tests
{
    // The framework's own type, which is not compiled ahead, is the measure.
    [Fact]
    public void All_AnyBits_AreAsThoseOfUInt128() =>
        Prop.ForAll(
            FrameGenerators.Number.Select(static n => n * 0x9E37_79B9_7F4A_7C15).Four().ToArbitrary(),
            static words =>
            {
                (ulong a, ulong b, ulong c, ulong d) = words;
                Bits128 left = new(a, b), right = new(c, d);
                UInt128 x = new(a, b), y = new(c, d);
                Assert.Equal(x & y, Of(left & right));
                Assert.Equal(~x, Of(~left));
                Assert.Equal(x == y, left == right);
                Assert.Equal(x.ToString("x32", CultureInfo.InvariantCulture), left.ToString());
                Assert.Equal(left, Bits128.TryParse(left.ToString()));
                byte[] bytes = new byte[Bits128.Size];
                left.Write(bytes);
                Assert.Equal(left.ToString(), Convert.ToHexStringLower(bytes));
                Assert.Equal(left, Bits128.Read(bytes));
            }).Check(Seeded.Config);

    [Fact]
    public void Ones_EveryLength_IsThatManyOnesFirst()
    {
        Assert.Equal(default, Bits128.Ones(0));
        for (int length = 1; length <= 128; length++)
        {
            Assert.Equal(UInt128.MaxValue << (128 - length), Of(Bits128.Ones(length)));
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(129)]
    public void Ones_OtherLength_Throws(int length) => Assert.Throws<ArgumentOutOfRangeException>(() => Bits128.Ones(length));

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("0000000000000000000000000000000")]
    [InlineData("000000000000000000000000000000000")]
    [InlineData("0000000000000000000000000000000g")]
    [InlineData("g0000000000000000000000000000000")]
    [InlineData(" 0000000000000000000000000000000")]
    public void TryParse_NoThirtyTwoDigits_IsNull(string text) => Assert.Null(Bits128.TryParse(text));

    private static UInt128 Of(Bits128 bits) => new(bits.High, bits.Low);
}
