using Meshara.Core;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Core;

public sealed class MeshGreetingTests
{
    [Fact]
    public void Hello_PeerIsGreater_ReadyGoesWithoutWaiting()
    {
        MeshScript s = new(Ids.Low);
        long c = s.Accept(Ids.High);

        Assert.Equal([new MeshAction.SendReady(c)], s.Take());

        s.Mesh.HandleReadyReceived(c, s.Now);
        Assert.Equal([new MeshAction.LinkUp(c, Ids.High, Inbound: true, Probe: false)], s.Take());
    }

    [Fact]
    public void Hello_PeerIsLess_ReadyWaitsForReady()
    {
        MeshScript s = new(Ids.High);
        long c = s.Accept(Ids.Low);
        Assert.Empty(s.Take());

        s.Mesh.HandleReadyReceived(c, s.Now);
        Assert.Equal([new MeshAction.SendReady(c), new MeshAction.LinkUp(c, Ids.Low, Inbound: true, Probe: false)], s.Take());
    }

    [Fact]
    public void Ready_GreaterSideHasLink_PingsAndRefusesDuplicateOnPong()
    {
        MeshScript s = new(Ids.High);
        long link = s.Link(Ids.Low, instance: 5);
        long newcomer = s.Accept(Ids.Low, instance: 5);
        Assert.Empty(s.Take());

        s.Mesh.HandleReadyReceived(newcomer, s.Now);
        MeshAction.Ping ping = Assert.IsType<MeshAction.Ping>(Assert.Single(s.Take()));
        Assert.Equal(link, ping.Connection);

        s.Mesh.HandlePong(link, ping.Number, s.Now);
        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Equal(RefuseCode.Duplicate, Assert.Single(actions.OfType<MeshAction.SendRefuse>()).Code);
        Assert.Empty(actions.OfType<MeshAction.LinkDown>());
        Assert.Equal(link, s.Mesh.LinkOf(Ids.Low));
    }

    [Fact]
    public void Hello_LesserSideHasLink_HoldsReadyUntilTheLinkIsSilent()
    {
        MeshScript s = new(Ids.Low);
        long link = s.Link(Ids.High, instance: 5);
        TimeSpan last = s.Now;
        s.Advance(0.5, _ => new LinkLiveness(last, null, null));
        long newcomer = s.Accept(Ids.High, instance: 6);
        Assert.IsType<MeshAction.Ping>(Assert.Single(s.Take()));

        s.Advance(0.99, _ => new LinkLiveness(last, null, null));
        Assert.Empty(s.Take().OfType<MeshAction.SendReady>());

        s.Advance(0.01, _ => new LinkLiveness(last, null, null));
        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Equal(DisconnectReason.Replaced, Assert.Single(actions.OfType<MeshAction.CloseLink>()).Reason);
        Assert.Equal(link, Assert.Single(actions.OfType<MeshAction.CloseLink>()).Connection);
        Assert.Equal(newcomer, Assert.Single(actions.OfType<MeshAction.SendReady>()).Connection);
    }

    [Fact]
    public void OldLinkCheck_OtherFramesArrive_WaitsThreeTimesAsLong()
    {
        MeshScript s = new(Ids.Low);
        s.Link(Ids.High);
        s.Accept(Ids.High);
        s.Take();
        TimeSpan start = s.Now;
        LinkLiveness Busy(TimeSpan now) => new(start + TimeSpan.FromMilliseconds(400), null, null);

        s.Advance(2.99, Busy);
        Assert.Empty(s.Take().OfType<MeshAction.SendReady>());

        s.Advance(0.02, Busy);
        Assert.Single(s.Take().OfType<MeshAction.SendReady>());
    }

    [Fact]
    public void OldLinkCheck_AnOlderPong_ProvesNothing()
    {
        MeshScript s = new(Ids.Low);
        long link = s.Link(Ids.High);
        s.Advance(61);
        long earlier = s.Single<MeshAction.Ping>().Number;
        s.Accept(Ids.High);
        s.Take();

        s.Mesh.HandlePong(link, earlier, s.Now);

        Assert.Empty(s.Take());
    }

    [Fact]
    public void OldLinkCheck_LinkEnds_NewcomerGoesOn()
    {
        MeshScript s = new(Ids.High);
        long link = s.Link(Ids.Low);
        long newcomer = s.Accept(Ids.Low);
        s.Mesh.HandleReadyReceived(newcomer, s.Now);
        s.Take();

        s.Lose(link);

        Assert.Equal(
            [
                new MeshAction.LinkDown(link, Ids.Low, "10.0.0.1:1000", DisconnectReason.ConnectionLost, ""),
                new MeshAction.SendReady(newcomer),
                new MeshAction.LinkUp(newcomer, Ids.Low, Inbound: true, Probe: false),
            ],
            s.Take());
    }

    // Found by mutant 3 of specs/models/simultaneous-open.pml.
    [Fact]
    public void OldLinkCheck_PongOfAPingBeforeAnotherInstanceCame_DoesNotTurnItAway()
    {
        MeshScript s = new(Ids.Low);
        long link = s.Link(Ids.High, instance: 5);
        long same = s.Accept(Ids.High, instance: 5);
        long before = s.Single<MeshAction.Ping>().Number;
        long newcomer = s.Accept(Ids.High, instance: 6);
        long after = s.Single<MeshAction.Ping>().Number;

        s.Mesh.HandlePong(link, before, s.Now);
        Assert.Equal(same, s.Single<MeshAction.SendRefuse>().Connection);

        s.Lose(link);
        Assert.Contains(new MeshAction.SendReady(newcomer), s.Take());
        Assert.True(after > before);
    }

    // With four PINGs out none could follow, and the PONG to one of them, sent before the newcomer came, turned it away.
    [Fact]
    public void OldLinkCheck_FourPingsOutstanding_TheirPongsDoNotDecide()
    {
        MeshScript s = new(Ids.Low);
        long link = s.Link(Ids.High, instance: 5);
        long[] first = [.. Enumerable.Range(0, 4).Select(_ => s.Accept(Ids.High, instance: 5))];
        long[] numbers = [.. s.Take().OfType<MeshAction.Ping>().Select(p => p.Number)];
        long newcomer = s.Accept(Ids.High, instance: 6);
        Assert.Equal(4, numbers.Length);
        Assert.Empty(s.Take());

        s.Mesh.HandlePong(link, numbers[3], s.Now);
        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Equal(first, actions.OfType<MeshAction.SendRefuse>().Select(r => r.Connection));
        long own = Assert.Single(actions.OfType<MeshAction.Ping>()).Number;

        s.Mesh.HandlePong(link, own, s.Now);
        Assert.Equal((newcomer, RefuseCode.IdentityInUse), (s.Mesh.LinkOf(Ids.High) == link ? newcomer : 0, s.Single<MeshAction.SendRefuse>().Code));
    }

    // The second's time was over with the first's.
    [Fact]
    public void OldLinkCheck_SecondNewcomer_HasItsOwnSecond()
    {
        MeshScript s = new(Ids.Low);
        long link = s.Link(Ids.High, instance: 5);
        TimeSpan last = s.Now;
        long first = s.Accept(Ids.High, instance: 5);
        s.Advance(0.9, _ => new LinkLiveness(last, null, null));
        long number = s.Single<MeshAction.Ping>().Number;
        s.Accept(Ids.High, instance: 5);
        TimeSpan heard = s.Now;
        s.Mesh.HandlePong(link, number, s.Now);
        Assert.Equal(first, s.Single<MeshAction.SendRefuse>().Connection);

        s.Advance(0.99, _ => new LinkLiveness(heard, null, null));
        Assert.Empty(s.Take().OfType<MeshAction.CloseLink>());
        s.Advance(0.02, _ => new LinkLiveness(heard, null, null));
        Assert.Equal(link, s.Single<MeshAction.CloseLink>().Connection);
    }

    [Fact]
    public void OldLinkCheck_AnotherInstanceAndPong_IdentityIsShared()
    {
        MeshScript s = new(Ids.Low);
        long link = s.Link(Ids.High, instance: 5);
        long newcomer = s.Accept(Ids.High, instance: 6);
        long number = s.Single<MeshAction.Ping>().Number;

        s.Mesh.HandlePong(link, number, s.Now);

        IReadOnlyList<MeshAction> actions = s.Take();
        MeshAction.SendRefuse refuse = Assert.Single(actions.OfType<MeshAction.SendRefuse>());
        Assert.Equal((newcomer, RefuseCode.IdentityInUse, "10.0.0.1:1000"), (refuse.Connection, refuse.Code, refuse.Message));
        Assert.Equal(new MeshAction.Notice(link, "10.0.0.1:1000"), Assert.Single(actions.OfType<MeshAction.Notice>()));
        Assert.Equal(Ids.High, Assert.Single(actions.OfType<MeshAction.Shared>()).Peer);
    }

    [Fact]
    public void OldLinkCheck_NewcomerGivesUp_LinkStays()
    {
        MeshScript s = new(Ids.Low);
        long link = s.Link(Ids.High);
        TimeSpan last = s.Now;
        long newcomer = s.Accept(Ids.High);
        s.Fail(newcomer, MesharaErrorCode.HelloTimeout);
        s.Take();

        s.Advance(5, _ => new LinkLiveness(last, null, null));

        Assert.Empty(s.Take().OfType<MeshAction.CloseLink>());
        Assert.Equal(link, s.Mesh.LinkOf(Ids.High));
    }

    [Fact]
    public void OldLinkCheck_TwoNewcomersAndSilence_GreaterSideTakesOne()
    {
        MeshScript s = new(Ids.High);
        s.Link(Ids.Low, instance: 1);
        TimeSpan last = s.Now;
        long first = s.Accept(Ids.Low, instance: 2);
        long second = s.Accept(Ids.Low, instance: 2);
        s.Mesh.HandleReadyReceived(first, s.Now);
        s.Mesh.HandleReadyReceived(second, s.Now);

        s.Advance(1, _ => new LinkLiveness(last, null, null));
        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Equal(first, Assert.Single(actions.OfType<MeshAction.SendReady>()).Connection);
        Assert.Equal(first, s.Mesh.LinkOf(Ids.Low));

        MeshAction.Ping ping = actions.OfType<MeshAction.Ping>().Single(p => p.Connection == first);
        s.Mesh.HandlePong(first, ping.Number, s.Now);
        MeshAction.SendRefuse refuse = s.Single<MeshAction.SendRefuse>();
        Assert.Equal((second, RefuseCode.Duplicate), (refuse.Connection, refuse.Code));
    }

    [Fact]
    public void Ready_LesserSideHasAnotherLink_NewerReplacesAtOnce()
    {
        MeshScript s = new(Ids.Low);
        long first = s.Accept(Ids.High);
        long second = s.Accept(Ids.High);
        s.Mesh.HandleReadyReceived(first, s.Now);
        s.Take();

        s.Mesh.HandleReadyReceived(second, s.Now);

        Assert.Equal(
            [
                new MeshAction.LinkDown(first, Ids.High, "10.0.0.1:1000", DisconnectReason.Replaced, "a newer link"),
                new MeshAction.CloseLink(first, DisconnectReason.Replaced, "a newer link"),
                new MeshAction.LinkUp(second, Ids.High, Inbound: true, Probe: false),
            ],
            s.Take());

        s.Lose(first, DisconnectReason.Replaced);
        Assert.Empty(s.Take());
    }

    [Fact]
    public void Probe_LinkLives_DisplacesNothingAndIsNeverADuplicate()
    {
        MeshScript s = new(Ids.Low, maxPeers: 1);
        long link = s.Link(Ids.High);
        long probe = s.Accept(Ids.High, instance: 9, probe: true);
        Assert.Equal([new MeshAction.SendReady(probe)], s.Take());

        s.Mesh.HandleReadyReceived(probe, s.Now);
        Assert.Equal(
            [
                new MeshAction.LinkUp(probe, Ids.High, Inbound: true, Probe: true),
                new MeshAction.CloseLink(probe, DisconnectReason.ProbeDone, ""),
            ],
            s.Take());

        s.Lose(probe, DisconnectReason.ProbeDone);
        Assert.Empty(s.Take());
        Assert.Equal(link, s.Mesh.LinkOf(Ids.High));
    }

    [Fact]
    public void Hello_NoPlace_RefusedWithTheLimitItsNameAndValue()
    {
        MeshScript s = new(Ids.Low, maxPeers: 2);
        s.Accept(Ids.Of(0x21));
        s.Link(Ids.Of(0x22), from: "10.1.0.1:1000");
        s.Take();

        s.Accept(Ids.Of(0x23), from: "10.2.0.1:1000");
        MeshAction.SendRefuse refuse = s.Single<MeshAction.SendRefuse>();
        Assert.Equal((RefuseCode.Full, "max_peers", 2L, TimeSpan.FromSeconds(60)), (refuse.Code, refuse.Limit, refuse.Value, refuse.RetryAfter));

        // All connections to one id take one place.
        s.Accept(Ids.Of(0x21));
        Assert.Single(s.Take().OfType<MeshAction.SendReady>());
        s.Accept(Ids.Of(0x22));
        Assert.Empty(s.Take().OfType<MeshAction.SendRefuse>());
    }

    [Fact]
    public void Hello_PlaceIsGivenBack_NextIsAdmitted()
    {
        MeshScript s = new(Ids.Low, maxPeers: 1);
        long first = s.Accept(Ids.Of(0x21));
        s.Fail(first, MesharaErrorCode.HelloTimeout);
        long second = s.Link(Ids.Of(0x22));
        s.Lose(second);
        s.Take();

        s.Accept(Ids.Of(0x23));

        Assert.Single(s.Take().OfType<MeshAction.SendReady>());
    }

    [Fact]
    public void Hello_NotAdmitted_RefusedAndReported()
    {
        MeshScript s = new(admission: AdmissionMode.KnownPeers);
        s.Accept(Ids.High);

        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Equal(RefuseCode.NotAdmitted, Assert.Single(actions.OfType<MeshAction.SendRefuse>()).Code);
        MeshAction.Refused refused = Assert.Single(actions.OfType<MeshAction.Refused>());
        Assert.Equal((Ids.High, MesharaErrorCode.NotAdmitted, false), (refused.Peer, refused.Failure.Code, refused.Failure.ByPeer));
    }

    [Fact]
    public void Trust_StrangerBefore_IsAdmittedAfter()
    {
        MeshScript s = new(Ids.Low, AdmissionMode.KnownPeers);
        s.Accept(Ids.High);
        Assert.Equal(RefuseCode.NotAdmitted, s.Single<MeshAction.SendRefuse>().Code);

        s.Mesh.HandleTrust(Ids.High, s.Now);
        s.Accept(Ids.High);
        Assert.Single(s.Take().OfType<MeshAction.SendReady>());

        Assert.True(s.Mesh.HandleRemove(Ids.High, s.Now));
        s.Accept(Ids.High);
        Assert.Equal(RefuseCode.NotAdmitted, s.Single<MeshAction.SendRefuse>().Code);
        Assert.False(s.Mesh.HandleRemove(Ids.High, s.Now));
    }

    [Fact]
    public void Violations_Three_StrangerIsBannedForAnHourPinnedIsNot()
    {
        MeshScript s = new(Ids.Low);
        for (int i = 0; i < 3; i++)
        {
            s.Lose(s.Link(Ids.High), DisconnectReason.ProtocolError, penalise: true);
        }

        s.Take();
        Assert.Equal(-90, s.Mesh.ReputationOf(Ids.High, s.Now), 3);
        s.Advance(60);
        s.Accept(Ids.High);
        MeshAction.SendRefuse refuse = s.Single<MeshAction.SendRefuse>();
        Assert.Equal((RefuseCode.Banned, TimeSpan.FromMinutes(59)), (refuse.Code, refuse.RetryAfter));

        s.Mesh.HandleTrust(Ids.High, s.Now);
        s.Accept(Ids.High);
        Assert.Single(s.Take().OfType<MeshAction.SendReady>());
    }

    [Fact]
    public void Stop_ConnectionsOfEveryPhase_EachIsEndedItsWay()
    {
        MeshScript s = new(Ids.Middle);
        long link = s.Link(Ids.High);
        long held = s.Accept(Ids.High);
        long waiting = s.Accept(Ids.Low);
        long readySent = s.Accept(Ids.Of(0x60));
        long fresh = s.Mesh.HandleAccepted("10.0.0.1:1000");
        s.Mesh.HandleAdd(9, new PeerAddress("h", 1), keepForever: false, s.Now);
        long dial = s.Single<MeshAction.Dial>().Connection;

        s.Mesh.HandleStop(s.Now);

        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Equal([held, waiting], actions.OfType<MeshAction.SendRefuse>().Where(r => r.Code == RefuseCode.GoingAway).Select(r => r.Connection));
        Assert.Equal([new MeshAction.SendGoodbye(readySent, GoodbyeCode.Shutdown)], actions.OfType<MeshAction.SendGoodbye>());
        Assert.Equal([fresh, dial], actions.OfType<MeshAction.Abort>().Select(a => a.Connection));
        Assert.Equal((link, DisconnectReason.LocalShutdown), Assert.Single(actions.OfType<MeshAction.CloseLink>().Select(a => (a.Connection, a.Reason))));
        Assert.Equal(MesharaErrorCode.NodeStopped, Assert.Single(actions.OfType<MeshAction.AddFailed>()).Failure.Code);
        Assert.Empty(actions.OfType<MeshAction.SendReady>());
        Assert.Null(s.Mesh.NextDeadline);

        s.Lose(link, DisconnectReason.LocalShutdown);
        Assert.Equal(DisconnectReason.LocalShutdown, s.Single<MeshAction.LinkDown>().Reason);
        long late = s.Mesh.HandleAccepted("10.0.0.1:1000");
        Assert.Equal([new MeshAction.Abort(late)], s.Take());
    }
}
