using System.Globalization;
using System.Text;
using Meshara.Cli.Rendering;
using Xunit;

namespace Meshara.Cli.Tests.Rendering;

public sealed class SafeTests
{
    [Theory]
    [InlineData("\u001b[31mred\u001b[0m", "\\u{1B}[31mred\\u{1B}[0m")]
    [InlineData("a\nb\rc\td", "a\\u{A}b\\u{D}c\\u{9}d")]
    [InlineData("\u009b31m", "\\u{9B}31m")]
    [InlineData("\u007f", "\\u{7F}")]
    [InlineData("user\u202egnp.exe", "user\\u{202E}gnp.exe")]
    [InlineData("\u2066x\u2069", "\\u{2066}x\\u{2069}")]
    [InlineData("a\u200bb\ufeffc", "a\\u{200B}b\\u{FEFF}c")]
    [InlineData("a\u2028b\u2029c", "a\\u{2028}b\\u{2029}c")]
    [InlineData("\ue000", "\\u{E000}")]
    [InlineData("[red]x[/]", "[red]x[/]")]
    [InlineData("Grüße, 世界 🙂", "Grüße, 世界 🙂")]
    [InlineData("", "")]
    [InlineData(null, "")]
    public void F12_TextOfAPeer_IsEscaped(string? text, string expected) => Assert.Equal(expected, Safe.Text(text));

    [Fact]
    public void F12_LoneSurrogate_BecomesTheReplacementCharacter() => Assert.Equal("a\ufffdb", Safe.Text("a\ud800b"));

    [Fact]
    public void F12_EveryCodePoint_NoneIsLeftThatATerminalActsOn()
    {
        for (int value = 0; value <= 0x10FFFF; value++)
        {
            if (!Rune.IsValid(value))
            {
                continue;
            }

            foreach (Rune shown in Safe.Text(new Rune(value).ToString()).EnumerateRunes())
            {
                UnicodeCategory category = Rune.GetUnicodeCategory(shown);
                Assert.True(
                    category is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                        or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned),
                    $"U+{value:X} leaves U+{shown.Value:X}");
            }
        }
    }

    [Fact]
    public void F12_TowerOfMarks_IsBroken()
    {
        string safe = Safe.Text("e" + new string('\u0301', 50));

        Assert.Equal(4, safe.Count(static c => c == '\u0301'));
        Assert.EndsWith("\\u{301}", safe, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_LongerThanAllowed_IsCutWithAnEllipsis()
    {
        Assert.Equal("🙂🙂…", Safe.Text("🙂🙂🙂", 2));
        Assert.Equal("abc", Safe.Text("abc", 3));
    }

    [Fact]
    public void Line_SeveralLines_BecomeOne() => Assert.Equal("a b c\\u{1B}", Safe.Line("a\r\n  b\n\nc\u001b\n"));
}
