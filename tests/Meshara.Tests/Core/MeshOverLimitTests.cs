using Meshara.Core;
using Xunit;

namespace Meshara.Tests.Core;

public sealed class MeshOverLimitTests
{
    private const string What = "more than 7 frames a second (LinkLimits.X)";

    [Fact]
    public void OverLimit_AgainAndAgain_PenalisedThenDroppedWithTheLimitInTheReason()
    {
        MeshScript s = new();
        s.Start();
        long link = s.Link(Ids.High);
        int reports = 0;
        MeshAction.CloseLink? closed = null;
        while (closed is null && reports < 20)
        {
            s.Advance(10);
            s.Take();
            s.Mesh.HandleOverLimit(link, What, s.Now);
            reports++;
            closed = s.Take().OfType<MeshAction.CloseLink>().SingleOrDefault();
        }

        // -10 each; a little of the first has faded when the fifth comes.
        Assert.Equal(6, reports);
        Assert.Equal((link, DisconnectReason.Misbehaved), (closed!.Connection, closed.Reason));
        Assert.EndsWith(": it sent " + What, closed.Detail, StringComparison.Ordinal);
        Assert.Equal(ReputationCause.Rate, s.Mesh.Snapshot(Ids.High, s.Now).Conduct!.History[^1].Cause);

        // What the driver still had to report is nobody's any more.
        s.Mesh.HandleOverLimit(link, What, s.Now);
        Assert.Empty(s.Take());
    }

    [Fact]
    public void Violations_UntilTheBan_AreToldOnceAndForgiven()
    {
        MeshScript s = new();
        s.Start();
        List<MeshAction.Banned> banned = [];
        for (int i = 0; i < 4 && banned.Count == 0; i++)
        {
            long link = s.Link(Ids.High);
            s.Mesh.HandleLinkClosed(link, new LinkEnd(DisconnectReason.ProtocolError, "", Penalise: true), s.Now);
            banned.AddRange(s.Take().OfType<MeshAction.Banned>());
        }

        Assert.Equal((Ids.High, ReputationCause.ProtocolViolation, s.Now + TimeSpan.FromHours(1), 1), (banned[0].Peer, banned[0].Cause, banned[0].Until, banned[0].Count));
        Assert.Equal([Ids.High], s.Mesh.BannedAt(s.Now));
        Assert.True(s.Mesh.HandleForgive(Ids.High, s.Now));
        Assert.Empty(s.Mesh.BannedAt(s.Now));
        s.Link(Ids.High);
    }

    [Fact]
    public void OverLimit_OfAPeerThatTheOperatorNamed_IsScoredAndTheLinkStays()
    {
        MeshScript s = new();
        s.Start();
        s.Mesh.HandleTrust(Ids.High, s.Now);
        long link = s.Link(Ids.High);
        for (int i = 0; i < 20; i++)
        {
            s.Mesh.HandleOverLimit(link, What, s.Now);
        }

        Assert.Empty(s.Take().OfType<MeshAction.CloseLink>());
        Assert.True(s.Mesh.ReputationOf(Ids.High, s.Now) < -50);
    }
}
