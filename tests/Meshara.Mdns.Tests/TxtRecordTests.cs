using System.Text;
using Xunit;

namespace Meshara.Mdns.Tests;

/// <summary>RFC 6763 section 6.</summary>
public sealed class TxtRecordTests
{
    [Fact]
    public void Read_DuplicateKeyInAnotherCase_FirstWins()
    {
        TxtRecord txt = TxtRecord.Read("\u0003a=1\u0003A=2\u0001b"u8.ToArray());

        Assert.Equal(["a", "b"], txt.Keys);
        Assert.Equal("1", txt["A"]);
        Assert.True(txt.Contains("B"));
        Assert.Null(txt["b"]);
    }

    [Fact]
    public void Create_Texts_AreReadBack()
    {
        TxtRecord txt = TxtRecord.Create(("rp", "ipp/print"), ("note", "Küche 1"), ("empty", ""), ("flag", null));

        Assert.Equal(txt, TxtRecord.Read(txt.Encoded));
        Assert.Equal("\u000crp=ipp/print"u8.ToArray(), txt.Encoded[..13].ToArray());
        Assert.Equal("Küche 1", txt["NOTE"]);
        Assert.Equal("", txt["empty"]);
        Assert.True(txt.Contains("flag"));
        Assert.False(txt.TryGetValue("flag", out _));
        Assert.Equal(1, TxtRecord.Empty.Encoded.Length);
        Assert.Equal(Encoding.UTF8.GetByteCount("note=Küche 1"), txt.Encoded.Span[13]);
    }
}
