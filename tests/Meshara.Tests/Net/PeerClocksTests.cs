using Meshara.Net;
using Meshara.Security;
using Meshara.Tests.Core;
using Xunit;

namespace Meshara.Tests.Net;

public sealed class PeerClocksTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(0, 0)]
    [InlineData(-11.5, 0)] // Issued eleven hours ago: they are issued anew after twelve.
    [InlineData(0.05, 0)] // Three minutes.
    [InlineData(30, -30)] // Issued in our future: we are behind.
    [InlineData(-40, 28)] // Issued forty hours ago, at the most twelve by their clock: we are ahead.
    public void Offset_RecordIssuedThen_IsWhatItCannotExplain(double issuedHours, double expectedHours)
    {
        PeerClocks clocks = new();
        clocks.Note(Ids.Low, RecordRules.Milliseconds(Now + TimeSpan.FromHours(issuedHours) + RecordRules.Life), Now);

        Assert.Equal(expectedHours, clocks.Offset([Ids.Low])!.Value.TotalHours, precision: 3);
    }

    [Fact]
    public void Offset_OneWrongClockOfThree_IsOutvotedAndStrangersDoNotCount()
    {
        PeerClocks clocks = new();
        clocks.Note(Ids.Low, RecordRules.Milliseconds(Now + TimeSpan.FromDays(30)), Now);
        clocks.Note(Ids.Middle, RecordRules.Milliseconds(Now + RecordRules.Life), Now);
        clocks.Note(Ids.High, RecordRules.Milliseconds(Now + RecordRules.Life), Now);

        Assert.Equal(TimeSpan.Zero, clocks.Offset([Ids.Low, Ids.Middle, Ids.High]));
        Assert.True(clocks.Offset([Ids.Low]) < TimeSpan.FromDays(-28));
        Assert.Null(clocks.Offset([Ids.Of(0x77)]));
    }

    [Fact]
    public void Note_MoreThanTheCap_ForgetsTheOldest()
    {
        PeerClocks clocks = new();
        NodeId[] ids = [.. Enumerable.Range(0, PeerClocks.Most + 1).Select(i => Ids.Of((byte)(i & 0xFF)) is var id && i < 256 ? id : NodeId.Parse(new string('a', 64)))];
        foreach (NodeId id in ids)
        {
            clocks.Note(id, RecordRules.Milliseconds(Now + RecordRules.Life), Now);
        }

        Assert.Null(clocks.Offset([ids[0]]));
        Assert.NotNull(clocks.Offset([ids[^1]]));
    }
}
