using Meshara.Cli.Doctor;
using Xunit;

namespace Meshara.Cli.Tests.Doctor;

public sealed class ClockCheckTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Judge_NothingSpeaksAgainstIt_IsOk()
    {
        Assert.Equal(FindingLine.Ok, Assert.Single(ClockCheck.Judge(new ClockFacts(Now))).State);
        FindingLine agreed = Assert.Single(ClockCheck.Judge(new ClockFacts(Now) { Built = Now.AddDays(-3), NewestFile = ("port", Now.AddMinutes(-1)), LastSeen = Now, Offset = TimeSpan.Zero }));
        Assert.Equal((FindingLine.Ok, "2026-11-21 12:00 UTC, and the linked peers agree."), (agreed.State, agreed.Detail));
    }

    [Theory]
    [InlineData(-30, "broken", "about 1 d 6 h earlier than the clocks of the linked peers. From a day on peers ignore this node's records, and it theirs.")]
    [InlineData(30, "broken", "at least 1 d 6 h later than the clocks of the linked peers.")]
    [InlineData(2, "warning", "at least 2 h 0 min later")]
    public void Judge_PeersDisagree_SaysByHowMuch(int hours, string state, string said)
    {
        FindingLine finding = Assert.Single(ClockCheck.Judge(new ClockFacts(Now) { Offset = TimeSpan.FromHours(hours) }));

        Assert.Equal(state, finding.State);
        Assert.Contains(said, finding.Detail, StringComparison.Ordinal);
        Assert.Contains("NTP", finding.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void Judge_TimesThatLieInTheFuture_AreNamedEach()
    {
        IReadOnlyList<FindingLine> findings = ClockCheck.Judge(new ClockFacts(Now) { Built = Now.AddDays(400), NewestFile = ("/data/known_peers", Now.AddHours(2)), LastSeen = Now.AddDays(2) });

        Assert.Equal([FindingLine.Broken, FindingLine.Warning, FindingLine.Broken], findings.Select(f => f.State));
        Assert.Contains("this program was made on 2027-12-26 12:00 UTC: it is behind by 400 d 0 h or more", findings[0].Detail, StringComparison.Ordinal);
        Assert.Contains("known_peers in the data directory was written on", findings[1].Detail, StringComparison.Ordinal);
        Assert.Contains("a peer was last seen on", findings[2].Detail, StringComparison.Ordinal);
    }
}
