using System.Text;
using Meshara.Mdns.Wire;
using Xunit;

namespace Meshara.Mdns.Tests.Wire;

public sealed class DnsNameTests
{
    // RFC 6763 section 4.3 and RFC 1035 section 5.1.
    [Theory]
    [InlineData("local", "05'local'00")]
    [InlineData("local.", "05'local'00")]
    [InlineData(".", "00")]
    [InlineData("a.b.local", "01'a'01'b'05'local'00")]
    [InlineData(@"Kitchen\. printer._ipp._tcp.local", "10'Kitchen. printer'04'_ipp'04'_tcp'05'local'00")]
    [InlineData(@"a\\b", "03'a\\b'00")]
    [InlineData(@"a\046b", "03'a.b'00")]
    [InlineData(@"\000\255", "02 00FF 00")]
    [InlineData("Büro des Chefs.local", "0F'Büro des Chefs'05'local'00")]
    [InlineData("プリンター.local", "0F'プリンター'05'local'00")]
    [InlineData("🖨.local", "04'🖨'05'local'00")]
    public void Parse_Text_IsTheseBytes(string text, string wire) => Assert.Equal(Hex.Bytes(wire), DnsName.Parse(text).Wire.ToArray());

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    [InlineData(".local")]
    [InlineData("a..local")]
    [InlineData("a.local..")]
    [InlineData(@"a\")]
    [InlineData(@"a\25")]
    [InlineData(@"a\256")]
    [InlineData(@"a\2x5")]
    public void Parse_NoName_IsRefused(string text)
    {
        Assert.False(DnsName.TryParse(text, out _));
        Assert.Throws<FormatException>(() => DnsName.Parse(text));
    }

    [Theory]
    [InlineData("a.b", "a.b")]
    [InlineData("dot.", "dot\\.")]
    [InlineData("back\\slash", "back\\\\slash")]
    [InlineData("tab\there", "tab\\009here")]
    [InlineData("\u0085", "\\194\\133")]
    [InlineData("Grüße 1", "Grüße 1")]
    public void ToString_Label_IsEscapedAndReadBack(string label, string expected)
    {
        DnsName name = DnsName.FromLabels(label == "a.b" ? ["a", "b"] : [label]);

        Assert.Equal(expected, name.ToString());
        Assert.Equal(name.Wire.ToArray(), DnsName.Parse(name.ToString()).Wire.ToArray());
    }

    [Fact]
    public void ToString_LabelThatIsNotUtf8_KeepsItsBytes()
    {
        DnsName name = DnsName.Local.Child([0x61, 0xFF, 0xC3, 0x2E]);

        Assert.Equal("a\\255\\195\\..local", name.ToString());
        Assert.Equal(name, DnsName.Parse(name.ToString()));
        Assert.Equal("a\uFFFD\uFFFD.", name.FirstLabel);
    }

    [Fact]
    public void FromLabels_Limits_AreExact()
    {
        string most = new('x', 63);
        DnsName longest = DnsName.FromLabels(most, most, most, new string('x', 62));

        Assert.Equal(256, longest.Wire.Length);
        Assert.Equal(longest, DnsName.Parse(longest.ToString()));
        Assert.Throws<ArgumentException>(() => DnsName.FromLabels(most, most, most, most));
        Assert.False(DnsName.TryParse($"{longest}x", out _));
        Assert.Throws<ArgumentException>(() => DnsName.FromLabels(most + "x"));
        Assert.False(DnsName.TryParse(most + "x", out _));
        Assert.Throws<ArgumentException>(() => DnsName.FromLabels(""));
        Assert.Throws<ArgumentException>(() => DnsName.FromLabels("\uD800"));
        Assert.False(DnsName.TryParse("\uD83D.local", out _));
        Assert.False(DnsName.TryParse("a\\\uDC00", out _));

        // 63 bytes, not characters.
        Assert.Equal(63, DnsName.FromLabels(new string('é', 31) + "x").Wire[0]);
        Assert.Throws<ArgumentException>(() => DnsName.FromLabels(new string('é', 32)));
    }

    // RFC 6762 section 16: case is folded for the 26 letters of ASCII only.
    [Theory]
    [InlineData("Printer.LOCAL", "pRINTER.local", true)]
    [InlineData("É.local", "é.local", false)]
    [InlineData("[.local", "{.local", false)]
    [InlineData("@.local", "`.local", false)]
    [InlineData("a.b", "a.c", false)]
    [InlineData("ab", "a.b", false)]
    public void Equals_Names_FoldAsciiOnly(string left, string right, bool expected)
    {
        DnsName a = DnsName.Parse(left);
        DnsName b = DnsName.Parse(right);

        Assert.Equal(expected, a.Equals(b));
        Assert.Equal(expected, a.GetHashCode() == b.GetHashCode());
        Assert.False(a.Equals(null));
    }

    [Theory]
    [InlineData("a._ipp._tcp.local", "_ipp._tcp.local", true)]
    [InlineData("_IPP._tcp.local", "_ipp._tcp.LOCAL", true)]
    [InlineData("local", "_tcp.local", false)]
    [InlineData("x_tcp.local", "_tcp.local", false)]
    [InlineData(@"x\004_tcp.local", "_tcp.local", false)]
    [InlineData("anything", ".", true)]
    public void IsSubdomainOf_Names_ComparesWholeLabels(string name, string of, bool expected) =>
        Assert.Equal(expected, DnsName.Parse(name).IsSubdomainOf(DnsName.Parse(of)));

    [Fact]
    public void Labels_Name_FromTheLeft()
    {
        DnsName name = DnsName.FromLabels("Mr. Ed", "_http", "_tcp", "local");

        Assert.Equal(["Mr. Ed", "_http", "_tcp", "local"], name.Labels);
        Assert.Equal("Mr. Ed", name.FirstLabel);
        Assert.Equal("_http._tcp.local", name.Parent?.ToString());
        Assert.Null(DnsName.Root.Parent);
        Assert.Equal("", DnsName.Root.FirstLabel);
        Assert.Empty(DnsName.Root.Labels);
        Assert.Equal(".", DnsName.Root.ToString());
        Assert.Equal("Mr. Ed"u8.ToArray(), Encoding.UTF8.GetBytes(name.Labels[0]));
    }
}
