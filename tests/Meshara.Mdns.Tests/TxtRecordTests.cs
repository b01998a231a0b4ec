using Meshara.Mdns.Tests.Wire;
using Xunit;

namespace Meshara.Mdns.Tests;

/// <summary>RFC 6763 section 6.</summary>
public sealed class TxtRecordTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("00", "")]
    [InlineData("00 03'a=1' 00", "a=1")]
    [InlineData("03'a=1' 03'A=2' 01'b' 03'B=1'", "a=1 b")] // 6.4: the first of a key counts
    [InlineData("02'a=' 01'b'", "a= b")] // 6.4: an empty value is not no value
    [InlineData("05'a=b=c'", "a=b=c")] // 6.5: the value begins behind the first '='
    [InlineData("02'=x' 01'=' 03'c=1'", "c=1")] // 6.4: without a key: ignored
    [InlineData("04'ü=1' 03 09'=1' 03'd=1'", "d=1")] // 6.4: a key is printable ASCII
    [InlineData("03' =1' 05'a b=c'", " =1 a b=c")] // 6.4: spaces in keys count
    [InlineData("07'k=Büro'", "k=Büro")]
    [InlineData("05'k=' 00FF41", "k=\\000\\255A")]
    [InlineData("03'a=1' 09'b=2'", "a=1")] // cut off: what came before counts
    public void Read_Strings_FollowTheRules(string encoded, string expected) => Assert.Equal(expected, TxtRecord.Read(Hex.Bytes(encoded)).ToString());

    [Fact]
    public void Read_Values_AreBytesAndTextWhereTheyAreText()
    {
        TxtRecord txt = TxtRecord.Read(Hex.Bytes("04'k='00FF 04't=ok' 02'e=' 01'f'"));

        Assert.True(txt.TryGetValue("K", out ReadOnlyMemory<byte> bytes));
        Assert.Equal([0x00, 0xFF], bytes.ToArray());
        Assert.False(txt.TryGetString("k", out _));
        Assert.Null(txt["k"]);
        Assert.Equal("ok", txt["T"]);
        Assert.Equal("", txt["e"]);
        Assert.True(txt.Contains("F"));
        Assert.False(txt.TryGetValue("f", out _));
        Assert.False(txt.Contains("none") || txt.TryGetValue("none", out _) || txt.TryGetString("none", out _));
        Assert.Equal(["k", "t", "e", "f"], txt.Keys);
    }

    [Fact]
    public void Create_Texts_AreTheseBytes()
    {
        TxtRecord txt = TxtRecord.Create(("rp", "ipp/print"), ("note", "Küche 1"), ("empty", ""), ("flag", null));

        Assert.Equal(Hex.Bytes("0C'rp=ipp/print' 0D'note=Küche 1' 06'empty=' 04'flag'"), txt.Encoded.ToArray());
        Assert.Equal(txt, TxtRecord.Read(txt.Encoded));
        Assert.Equal("Küche 1", txt["NOTE"]);
        Assert.Equal(txt.GetHashCode(), TxtRecord.Read(txt.Encoded).GetHashCode());
        Assert.NotEqual(txt, TxtRecord.Empty);
    }

    // 6.1: a record without strings is one zero byte.
    [Fact]
    public void Create_Nothing_IsOneZeroByte()
    {
        Assert.Equal([0], TxtRecord.Create().Encoded.ToArray());
        Assert.Same(TxtRecord.Empty, TxtRecord.Create());
    }

    [Theory]
    [InlineData("")]
    [InlineData("a=b")]
    [InlineData("ü")]
    [InlineData("a\tb")]
    [InlineData("a\u007f")]
    public void Create_WrongKey_Throws(string key) => Assert.Throws<ArgumentException>(() => TxtRecord.Create((key, "v")));

    [Fact]
    public void Create_Limits_AreExact()
    {
        string longest = new('x', 253);

        Assert.Equal(longest, TxtRecord.Create(("k", longest))["k"]);
        Assert.Throws<ArgumentException>(() => TxtRecord.Create(("k", longest + "x")));
        Assert.Throws<ArgumentException>(() => TxtRecord.Create(("k", "1"), ("K", "2")));
        Assert.Equal(255, TxtRecord.Create((new string('k', 255), null)).Keys[0].Length);

        // 5 × 256 and 20 more: 1300.
        (string, string?)[] full = [.. Enumerable.Range(0, 5).Select(i => ($"{i}", (string?)longest)), ("z", new string('x', 17))];
        Assert.Equal(1300, TxtRecord.Create(full).Encoded.Length);
        Assert.Throws<ArgumentException>(() => TxtRecord.Create([.. full, ("y", null)]));
    }

    // A caller who changes his array later does not change what is published.
    [Fact]
    public void Create_Bytes_AreCopied()
    {
        byte[] value = [1, 2, 3];
        TxtRecord txt = TxtRecord.Create([KeyValuePair.Create("k", (ReadOnlyMemory<byte>?)value)]);
        value[0] = 9;

        Assert.True(txt.TryGetValue("k", out ReadOnlyMemory<byte> kept));
        Assert.Equal([1, 2, 3], kept.ToArray());
    }
}
