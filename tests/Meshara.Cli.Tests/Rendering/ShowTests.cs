using Meshara.Cli.Rendering;
using Xunit;

namespace Meshara.Cli.Tests.Rendering;

public sealed class ShowTests
{
    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1024, "1.0 KiB")]
    [InlineData(1536, "1.5 KiB")]
    [InlineData(5L << 30, "5.0 GiB")]
    [InlineData(long.MaxValue, "8.0 EiB")]
    public void Bytes_Count_HasAUnit(long bytes, string expected) => Assert.Equal(expected, Show.Bytes(bytes));

    [Theory]
    [InlineData(-1, "0 s")]
    [InlineData(59, "59 s")]
    [InlineData(61, "1 min 1 s")]
    [InlineData(3700, "1 h 1 min")]
    [InlineData(100_000, "1 d 3 h")]
    public void Span_Seconds_HasTwoUnits(int seconds, string expected) => Assert.Equal(expected, Show.Span(TimeSpan.FromSeconds(seconds)));

    [Theory]
    [InlineData(null, "-")]
    [InlineData(0.346, "0.35 ms")]
    [InlineData(120.4, "120 ms")]
    public void Milliseconds_Value_Shown(double? value, string expected) => Assert.Equal(expected, Show.Milliseconds(value));

    [Fact]
    public void Kebab_EveryReasonAndCode_IsLowerCaseWithDashes()
    {
        Assert.Equal("pin-mismatch", Kebab.Of(MesharaErrorCode.PinMismatch));
        Assert.Equal("local-shutdown", Kebab.Of(DisconnectReason.LocalShutdown));
        Assert.All(Enum.GetValues<MesharaErrorCode>(), code => Assert.Matches("^[a-z]+(-[a-z]+)*$", Kebab.Of(code)));
        Assert.All(Enum.GetValues<DisconnectReason>(), reason => Assert.Matches("^[a-z]+(-[a-z]+)*$", Kebab.Of(reason)));
    }

    [Fact]
    public void Quote_PathWithBlanks_IsOneWordForAShell()
    {
        Assert.Equal("/tmp/data", Hints.Quote("/tmp/data"));
        Assert.NotEqual("/tmp/my data", Hints.Quote("/tmp/my data"));
        Assert.NotEqual("/tmp/a|b", Hints.Quote("/tmp/a|b"));
    }

    [Theory]
    [InlineData("short", 10, "short")]
    [InlineData("exactly 10", 10, "exactly 10")]
    [InlineData("more than 10", 10, "more than…")]
    [InlineData("a\u001bb", 10, "a\\u{1B}b")]
    [InlineData("abcde\u001b", 8, "abcde\\u…")]
    [InlineData("日本語日本語", 5, "日本…")]
    [InlineData("日本語日本語", 6, "日本…")]
    [InlineData(null, 5, "")]
    public void Fit_Text_TakesNoMoreCells(string? text, int cells, string expected) => Assert.Equal(expected, Show.Fit(text, cells));
}
