using Meshara.Core;
using Meshara.Core.Policy;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Core;

/// <summary>Events that come late, twice, or from somebody of whom nobody expects them.</summary>
public sealed class MeshEdgeTests
{
    private static readonly PeerAddress At = new("10.0.0.9", 4040, Ids.High);

    [Fact]
    public void Hello_OwnIdAtAnAddressWithoutOne_AbortedAndToldAsSelf()
    {
        MeshScript s = new(Ids.Low);
        s.Start();
        long dial = s.Add(new PeerAddress("10.0.0.9", 4040));

        s.Hello(dial, Ids.Low);

        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Equal(dial, Assert.Single(actions.OfType<MeshAction.Abort>()).Connection);
        Assert.Equal(MesharaErrorCode.Self, Assert.Single(actions.OfType<MeshAction.Refused>()).Failure.Code);
        Assert.Empty(actions.OfType<MeshAction.SendReady>());
    }

    [Fact]
    public void Hello_Twice_TheSecondIsNobodys()
    {
        MeshScript s = new(Ids.Low);
        long c = s.Accept(Ids.High);
        s.Take();

        s.Hello(c, Ids.Of(0x77));
        Assert.Empty(s.Take());
        s.Mesh.HandleReadyReceived(c, s.Now);
        Assert.Equal(Ids.High, s.Single<MeshAction.LinkUp>().Peer);
    }

    [Fact]
    public void ReadyReceived_BeforeHelloOrOfNoConnection_Nothing()
    {
        MeshScript s = new(Ids.Low);
        long c = s.Mesh.HandleAccepted("10.0.0.1:1000");
        s.Mesh.HandleReadyReceived(c, s.Now);
        s.Mesh.HandleReadyReceived(c + 1, s.Now);
        Assert.Empty(s.Take());
    }

    [Fact]
    public void Notice_IdentityInUse_BelievedOfThoseWhomTheOperatorNamed()
    {
        MeshScript s = new(Ids.Low);
        s.Link(Ids.High);

        s.Mesh.HandleNotice(Ids.High, "10.0.0.7:1");
        Assert.Empty(s.Take());

        s.Mesh.HandleTrust(Ids.High, s.Now);
        s.Take();
        s.Mesh.HandleNotice(Ids.High, "10.0.0.7:1");
        Assert.Equal(new MeshAction.Shared(Ids.Low, "10.0.0.7:1", null), s.Single<MeshAction.Shared>());
    }

    // Whoever we dialled says it to us; whoever calls may say anything.
    [Theory]
    [InlineData(true, true, true)]
    [InlineData(false, true, false)]
    [InlineData(false, false, true)]
    public void Failed_OwnIdentityIsElsewhere_SharedUnlessACallerSaysSo(bool dialled, bool byPeer, bool told)
    {
        MeshScript s = new(Ids.Low);
        s.Start();
        long c = dialled ? s.Add(At) : s.Mesh.HandleAccepted("10.0.0.9:50000");
        s.Take();

        s.Mesh.HandleConnectionFailed(c, new ConnectionFailure(MesharaErrorCode.Self, "shared", ByPeer: byPeer) { SharedWith = "10.0.0.7:1" }, s.Now);

        Assert.Equal(told ? 1 : 0, s.Take().OfType<MeshAction.Shared>().Count());
    }

    [Fact]
    public void Failed_OfALiveLink_Nothing()
    {
        MeshScript s = new(Ids.Low);
        long link = s.Link(Ids.High);
        s.Fail(link, MesharaErrorCode.LinkClosed);
        Assert.Empty(s.Take());
        Assert.Equal(link, s.Mesh.LinkOf(Ids.High));
        Assert.Equal([link], s.Mesh.LinksOf(Ids.High));
        Assert.Empty(s.Mesh.LinksOf(Ids.Of(0x77)));
        Assert.Null(s.Mesh.LinkOf(Ids.Of(0x77)));
    }

    // While a dial of ours to that host greets, a caller from there who gives up is the same peer's other connection.
    [Theory]
    [InlineData(4.9, MesharaErrorCode.Duplicate)]
    [InlineData(5, MesharaErrorCode.TlsFailed)]
    public void Closed_DuringTlsWhileOurDialGreets_IsToldAsDuplicateForFiveSeconds(double seconds, MesharaErrorCode told)
    {
        MeshScript s = new(Ids.Low);
        s.Start();
        s.Hello(s.Add(At), Ids.High);
        s.Wait(seconds);
        long theirs = s.Mesh.HandleAccepted("10.0.0.9:50000");
        s.Take();

        s.Fail(theirs, MesharaErrorCode.TlsFailed);

        Assert.Equal(told, s.Single<MeshAction.Refused>().Failure.Code);
    }

    [Fact]
    public void Forgery_InAChainOrARefusal_CostsReputation()
    {
        MeshScript s = new(Ids.Low);
        long c = s.Mesh.HandleAccepted("192.0.2.1:1000");
        s.Mesh.HandleHello(c, new PeerFacts(Ids.High, 0) { Forged = true }, s.Now);
        Assert.True(s.Mesh.ReputationOf(Ids.High, s.Now) < 0);

        s.Mesh.HandleForgedRefusal(Ids.Of(0x77), s.Now);
        Assert.True(s.Mesh.ReputationOf(Ids.Of(0x77), s.Now) < 0);
        Assert.Equal(0, s.Mesh.ReputationOf(Ids.Of(0x78), s.Now));
    }

    [Fact]
    public void BadConduct_WhileAnotherConnectionGreets_ItIsRefusedAsBannedAndTheLinkCloses()
    {
        MeshScript s = new(Ids.Low);
        long link = s.Link(Ids.High, instance: 5, from: "192.0.2.1:1000");
        long newcomer = s.Accept(Ids.High, instance: 5, from: "192.0.2.1:1001");
        s.Take();

        for (int i = 0; i < 10 && s.Mesh.BanOf(Ids.High, s.Now) is null; i++)
            s.Mesh.HandleForgedRefusal(Ids.High, s.Now);

        IReadOnlyList<MeshAction> actions = s.Take();
        MeshAction.CloseLink closed = Assert.Single(actions.OfType<MeshAction.CloseLink>());
        Assert.Equal((link, DisconnectReason.Misbehaved), (closed.Connection, closed.Reason));
        Assert.Contains(actions, a => a is MeshAction.SendRefuse refuse && refuse.Connection == newcomer && refuse.Code == RefuseCode.Banned);
        Assert.Single(actions.OfType<MeshAction.Banned>());
        Assert.Contains(Ids.High, s.Mesh.BannedAt(s.Now));
    }

    [Fact]
    public void Forgive_Banned_MayComeAgainAndIsKept()
    {
        MeshScript s = new(Ids.Low);
        for (int i = 0; i < 10; i++)
            s.Mesh.HandleForgedRefusal(Ids.High, s.Now);
        Assert.NotNull(s.Mesh.BanOf(Ids.High, s.Now));
        s.Take();

        Assert.True(s.Mesh.HandleForgive(Ids.High, s.Now));
        Assert.Contains(new MeshAction.Keep(Ids.High), s.TakeKept());
        Assert.Null(s.Mesh.BanOf(Ids.High, s.Now));
        s.Link(Ids.High);
        Assert.False(s.Mesh.HandleForgive(Ids.Of(0x77), s.Now));
    }

    [Fact]
    public void Start_StoredConduct_TheBanHoldsOn()
    {
        MeshScript s = new(Ids.Low);
        TimeSpan until = s.Now + TimeSpan.FromMinutes(10);
        s.Start(new StoredMesh { Conduct = [new ReputationRecord(Ids.High) { Value = -100, ValueAt = s.Now, BanUntil = until, BanCount = 1 }] });

        Assert.Equal(until, s.Mesh.BanOf(Ids.High, s.Now));
        s.Accept(Ids.High);
        Assert.Equal(RefuseCode.Banned, s.Single<MeshAction.SendRefuse>().Code);
    }

    [Fact]
    public void OverLimitAndBadRecord_OfNoLink_Nothing()
    {
        MeshScript s = new(Ids.Low);
        long greeting = s.Accept(Ids.High);
        s.Take();

        s.Mesh.HandleOverLimit(greeting, "too much", s.Now);
        s.Mesh.HandleOverLimit(greeting + 9, "too much", s.Now);
        s.Mesh.HandleBadRecord(Ids.High, forged: true, "forged", s.Now);
        s.Mesh.HandleBadRecord(Ids.Of(0x77), forged: true, "forged", s.Now);

        Assert.Empty(s.Take());
        Assert.Equal(0, s.Mesh.ReputationOf(Ids.High, s.Now));
    }

    [Fact]
    public void OverLimit_LinkThatIsClosingAlready_CostsNothingMore()
    {
        MeshScript s = new(Ids.Low);
        long link = s.Link(Ids.High, from: "192.0.2.1:1000");
        s.Mesh.HandleRemove(Ids.High, s.Now);
        s.Take();
        s.Mesh.HandleOverLimit(link, "too much", s.Now);
        Assert.Equal(0, s.Mesh.ReputationOf(Ids.High, s.Now));
    }

    [Fact]
    public void Remove_PeerThatGreets_IsRefusedAsNotAdmitted()
    {
        MeshScript s = new(Ids.Low);
        s.Mesh.HandleTrust(Ids.High, s.Now);
        long first = s.Link(Ids.High, instance: 5);
        long second = s.Accept(Ids.High, instance: 5, from: "10.0.0.1:1001");
        s.Take();

        Assert.True(s.Mesh.HandleRemove(Ids.High, s.Now));

        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Contains(actions, a => a is MeshAction.SendRefuse refuse && refuse.Connection == second && refuse.Code == RefuseCode.NotAdmitted);
        Assert.Contains(actions, a => a is MeshAction.CloseLink close && close.Connection == first && close.Reason == DisconnectReason.LocalRemoved);
        Assert.False(s.Mesh.IsKnown(Ids.High));
        Assert.Null(s.Mesh.LinkOf(Ids.High));
    }

    [Fact]
    public void Remove_Nobody_False()
    {
        MeshScript s = new(Ids.Low);
        Assert.False(s.Mesh.HandleRemove(Ids.High, s.Now));
        Assert.Empty(s.Take());
    }

    [Fact]
    public void Stop_WithConnectionsOfEveryKind_EachEndsInItsWayAndNothingIsDueAnyMore()
    {
        MeshScript s = new(Ids.Low);
        s.Start();
        long live = s.Link(Ids.Of(0x20));
        long greeting = s.Accept(Ids.Of(0x30), from: "10.0.0.2:1000");
        s.Take();
        long bare = s.Mesh.HandleAccepted("10.0.0.3:1000");
        long dial = s.Add(At, addId: 5);

        s.Mesh.HandleStop(s.Now);

        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Equal(5, Assert.Single(actions.OfType<MeshAction.AddFailed>()).AddId);
        Assert.Equal([bare, dial], actions.OfType<MeshAction.Abort>().Select(a => a.Connection).Order());
        Assert.Contains(actions, a => a is MeshAction.SendGoodbye { Code: GoodbyeCode.Shutdown } bye && bye.Connection == greeting);
        Assert.Contains(actions, a => a is MeshAction.CloseLink { Reason: DisconnectReason.LocalShutdown } close && close.Connection == live);
        Assert.Null(s.Mesh.NextDeadline);

        // Whoever comes now is shown out, and what an operator adds fails.
        long late = s.Mesh.HandleAccepted("10.0.0.4:1000");
        Assert.Equal(late, s.Single<MeshAction.Abort>().Connection);
        s.Mesh.HandleAdd(6, new PeerAddress("10.0.0.8", 4040), keepForever: false, s.Now);
        Assert.Equal((6L, MesharaErrorCode.NodeStopped), s.Take().OfType<MeshAction.AddFailed>().Select(a => (a.AddId, a.Failure.Code)).Single());
    }
}
