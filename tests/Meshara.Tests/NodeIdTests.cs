using System.Security.Cryptography;
using FsCheck;
using FsCheck.Fluent;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests;

public sealed class NodeIdTests
{
    private const string Text = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    public static Arbitrary<byte[]> Ids { get; } = Gen.Choose(0, 255).Select(b => (byte)b).ArrayOf(NodeId.Size).ToArbitrary();

    [Fact]
    public void Parse_AnyIdAsText_RoundTrips() =>
        Prop.ForAll(Ids, bytes =>
        {
            NodeId id = NodeId.FromBytes(bytes);
            return id.ToByteArray().SequenceEqual(bytes)
                && NodeId.Parse(id.ToString()) == id
                && id.ToString() == Convert.ToHexStringLower(bytes);
        }).Check(Seeded.Config);

    [Fact]
    public void CompareTo_AnyTwo_OrdersBytewise() =>
        Prop.ForAll(Ids, Ids, (left, right) =>
        {
            int expected = Math.Sign(left.AsSpan().SequenceCompareTo(right));
            NodeId a = NodeId.FromBytes(left), b = NodeId.FromBytes(right);
            return Math.Sign(a.CompareTo(b)) == expected && (a < b) == (expected < 0) && (a > b) == (expected > 0)
                && (a <= b) == (expected <= 0) && (a >= b) == (expected >= 0) && (a == b) == (expected == 0) && (a != b) == (expected != 0);
        }).Check(Seeded.Config);

    [Fact]
    public void CompareTo_LastByteDiffers_IsSeen()
    {
        byte[] bytes = NodeId.Parse(Text).ToByteArray();
        bytes[^1]++;
        Assert.True(NodeId.FromBytes(bytes) != NodeId.Parse(Text));
        Assert.False(NodeId.FromBytes(bytes).Equals(NodeId.Parse(Text)));
    }

    [Fact]
    public void FromPublicKey_IsSha256() => Assert.Equal(SHA256.HashData("abc"u8), NodeId.FromPublicKey("abc"u8).ToByteArray());

    [Fact]
    public void Parse_MixedCase_IsLowerCase() =>
        Assert.Equal(Text, NodeId.Parse("00112233445566778899AABBCCDDEEFF00112233445566778899aAbBcCdDeEfF").ToString());

    [Theory]
    [InlineData("", "64 hex digits")]
    [InlineData("0011", "4 characters")]
    [InlineData("g0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", "not hex digits")]
    [InlineData("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00", "66 characters")]
    [InlineData(" 0112233445566778899aabbccddeeff00112233445566778899aabbccddeef ", "not hex digits")]
    [InlineData("12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA", "libp2p")]
    [InlineData("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", "libp2p")]
    public void Parse_NotAnId_SaysWhy(string text, string expected)
    {
        Assert.False(NodeId.TryParse(text, out _));
        FormatException e = Assert.Throws<FormatException>(() => NodeId.Parse(text));
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void F12_Parse_HostileText_MessageIsPrintableAndBounded()
    {
        FormatException e = Assert.Throws<FormatException>(() => NodeId.Parse("12D3Koo\e[31m\n\u202e" + new string('x', 100_000)));
        Assert.All(e.Message, c => Assert.InRange(c, ' ', '~'));
        Assert.True(e.Message.Length < 500);
    }

    [Theory]
    [InlineData(31)]
    [InlineData(33)]
    public void FromBytes_WrongLength_Throws(int length) => Assert.Throws<ArgumentException>(() => NodeId.FromBytes(new byte[length]));
}
