using Meshara.Core;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Core;

public sealed class MeshDiallingTests
{
    private static readonly PeerAddress Anyone = new("host", 4040);
    private static readonly PeerAddress Pinned = new("host", 4040, Ids.High);

    [Theory]
    [InlineData(AdmissionMode.KnownPeers)]
    [InlineData(AdmissionMode.Open)]
    public void Add_AddressOnly_ConnectsTrustsAndKeeps(object mode)
    {
        MeshScript s = new(Ids.Middle, (AdmissionMode)mode);
        long c = s.Add(Anyone, addId: 42);
        s.Answered(c, Ids.High);

        Assert.Equal(new MeshAction.AddSucceeded(42, Ids.High, Pinned), s.Single<MeshAction.AddSucceeded>());
        Assert.True(s.Mesh.IsKnown(Ids.High));

        s.Lose(c);
        s.Take();
        s.Advance(0.2);
        Assert.Equal(Pinned, s.Single<MeshAction.Dial>().Address);
    }

    [Fact]
    public void Add_SecretNotProven_AddressAloneDoesNotAdmit()
    {
        MeshScript s = new(Ids.Low, AdmissionMode.Secret);
        s.Hello(s.Add(Anyone), Ids.High);

        Assert.Equal(MesharaErrorCode.NotAdmitted, s.Single<MeshAction.AddFailed>().Failure.Code);

        s.Hello(s.Add(Pinned), Ids.High);
        Assert.Single(s.Take().OfType<MeshAction.SendReady>());
    }

    [Fact]
    public void Add_Connected_ReturnsAtOnce()
    {
        MeshScript s = new(Ids.Low);
        s.Link(Ids.High);

        s.Mesh.HandleAdd(7, Pinned, keepForever: false, s.Now);

        Assert.Equal([new MeshAction.AddSucceeded(7, Ids.High, Pinned)], s.Take());
    }

    [Fact]
    public void Add_SameAddressIsConnected_ReturnsAtOnceWithoutAPin()
    {
        MeshScript s = new(Ids.Low);
        s.Answered(s.Add(Anyone), Ids.High);
        s.Take();

        s.Mesh.HandleAdd(8, Anyone, keepForever: false, s.Now);

        Assert.Equal([new MeshAction.AddSucceeded(8, Ids.High, Pinned)], s.Take());
    }

    [Fact]
    public void Add_FailsAtFirst_IsNotKept()
    {
        MeshScript s = new(Ids.Middle, AdmissionMode.KnownPeers);
        long c = s.Add(Pinned);
        Assert.True(s.Mesh.IsKnown(Ids.High));
        s.Fail(c, MesharaErrorCode.ConnectFailed);

        Assert.Equal(MesharaErrorCode.ConnectFailed, s.Single<MeshAction.AddFailed>().Failure.Code);
        Assert.False(s.Mesh.IsKnown(Ids.High));
        Assert.Null(s.Mesh.NextDeadline);
    }

    [Fact]
    public void Add_OtherSideIsFull_FailsWithThatReason()
    {
        MeshScript s = new(Ids.Low);
        long c = s.Add(Pinned);
        s.Hello(c, Ids.High);
        s.Take();
        s.Fail(c, MesharaErrorCode.Full, byPeer: true, retryAfter: 30);

        ConnectionFailure failure = s.Single<MeshAction.AddFailed>().Failure;
        Assert.Equal((MesharaErrorCode.Full, true, TimeSpan.FromSeconds(30)), (failure.Code, failure.ByPeer, failure.RetryAfter));
    }

    [Fact]
    public void Add_TwoCallsForOneAddress_OneDialAnswersBoth()
    {
        MeshScript s = new();
        long c = s.Add(Anyone, addId: 1);
        s.Mesh.HandleAdd(2, Anyone, keepForever: false, s.Now);
        Assert.Empty(s.Take());

        s.Answered(c, Ids.High);

        Assert.Equal([1L, 2L], s.Take().OfType<MeshAction.AddSucceeded>().Select(a => a.AddId));
    }

    [Fact]
    public void Add_RefusedAsDuplicate_SucceedsWithTheOtherConnection()
    {
        MeshScript s = new(Ids.Low);
        long dialled = s.Add(Anyone);
        s.Hello(dialled, Ids.High);
        long accepted = s.Accept(Ids.High);
        s.Fail(dialled, MesharaErrorCode.Duplicate, byPeer: true);
        Assert.Empty(s.Take().OfType<MeshAction.AddFailed>());

        s.Mesh.HandleReadyReceived(accepted, s.Now);

        Assert.Equal(Ids.High, s.Single<MeshAction.AddSucceeded>().Peer);
    }

    [Fact]
    public void Add_RefusedAsDuplicateAndTheOtherFails_DialsAgainAndThenFails()
    {
        MeshScript s = new(Ids.Low);
        long dialled = s.Add(Pinned);
        s.Hello(dialled, Ids.High);
        long accepted = s.Accept(Ids.High);
        s.Fail(dialled, MesharaErrorCode.Duplicate, byPeer: true);
        s.Take();

        s.Fail(accepted, MesharaErrorCode.HelloTimeout);
        long again = s.Single<MeshAction.Dial>().Connection;
        s.Fail(again, MesharaErrorCode.ConnectFailed);

        Assert.Equal(MesharaErrorCode.ConnectFailed, s.Single<MeshAction.AddFailed>().Failure.Code);
    }

    [Fact]
    public void Add_AlwaysRefusedAsDuplicate_FailsInTheEnd()
    {
        MeshScript s = new(Ids.Low);
        long c = s.Add(Pinned);
        for (int i = 0; i < 4; i++)
        {
            s.Fail(c, MesharaErrorCode.Duplicate, byPeer: true);
            s.Advance(60);
            c = s.Single<MeshAction.Dial>().Connection;
        }

        s.Fail(c, MesharaErrorCode.Duplicate, byPeer: true);

        Assert.Equal(MesharaErrorCode.Duplicate, s.Single<MeshAction.AddFailed>().Failure.Code);
    }

    [Fact]
    public void Add_OwnSideRefusesTheDuplicate_Succeeds()
    {
        MeshScript s = new(Ids.Low);
        long link = s.Link(Ids.High);
        long c = s.Add(Anyone);
        s.Hello(c, Ids.High);
        long number = s.Single<MeshAction.Ping>().Number;

        s.Mesh.HandlePong(link, number, s.Now);

        Assert.Equal(Ids.High, s.Single<MeshAction.AddSucceeded>().Peer);
    }

    [Fact]
    public void Add_LinkIsClosing_WaitsForItsEndAndDialsAgain()
    {
        MeshScript s = new(Ids.Low);
        long old = s.Link(Ids.High);
        Assert.True(s.Mesh.HandleRemove(Ids.High, s.Now));
        long c = s.Add(Pinned);
        s.Hello(c, Ids.High);
        s.Fail(c, MesharaErrorCode.Duplicate, byPeer: true);
        Assert.Empty(s.Take().OfType<MeshAction.AddFailed>());

        s.Lose(old, DisconnectReason.LocalRemoved);

        Assert.Equal(Pinned, s.Single<MeshAction.Dial>().Address);
    }

    [Fact]
    public void Add_Cancelled_DialIsAbortedAndForgotten()
    {
        MeshScript s = new();
        long c = s.Add(Anyone, addId: 3);

        s.Mesh.HandleCancelAdd(3, s.Now);

        Assert.Equal([new MeshAction.Abort(c)], s.Take());
        s.Answered(c, Ids.High);
        Assert.Empty(s.Take());
    }

    [Fact]
    public void H13_OwnId_AddressIsRememberedAsSelfAndNeverDialledAgain()
    {
        MeshScript s = new();
        s.Mesh.HandleAdd(1, Anyone, keepForever: true, s.Now);
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.Self, transient: false);
        Assert.Equal(MesharaErrorCode.Self, s.Single<MeshAction.AddFailed>().Failure.Code);

        s.Advance(1000);
        s.Mesh.HandleAdd(2, Anyone, keepForever: true, s.Now);
        s.Mesh.HandleAdd(3, new PeerAddress("other", 1, Ids.Middle), keepForever: true, s.Now);

        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Contains("own", actions.OfType<MeshAction.AddFailed>().Last().Failure.Message, StringComparison.Ordinal);
        Assert.Equal([(2L, MesharaErrorCode.Self), (3L, MesharaErrorCode.Self)], actions.OfType<MeshAction.AddFailed>().Select(a => (a.AddId, a.Failure.Code)));
        Assert.Empty(actions.OfType<MeshAction.Dial>());
    }

    [Fact]
    public void Wanted_NeverReachable_IsDialledForEverWithBackoff()
    {
        MeshScript s = new();
        s.Mesh.HandleAdd(null, Pinned, keepForever: true, s.Now);
        List<double> pauses = [];
        for (int i = 0; i < 40; i++)
        {
            s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
            TimeSpan pause = s.Mesh.NextDeadline!.Value - s.Now;
            Assert.InRange(pause, TimeSpan.Zero, TimeSpan.FromSeconds(Math.Min(60, Math.Pow(2, i))));
            pauses.Add(pause.TotalSeconds);
            s.Advance(60);
        }

        Assert.True(pauses.Max() > 30);
    }

    [Fact]
    public void Add_DialOfAWantedPeerIsUnderWayAndFails_HasADialOfItsOwn()
    {
        MeshScript s = new();
        s.Mesh.HandleAdd(null, Pinned, keepForever: true, s.Now);
        long background = s.Single<MeshAction.Dial>().Connection;
        s.Mesh.HandleAdd(5, Pinned, keepForever: false, s.Now);

        s.Fail(background, MesharaErrorCode.ConnectFailed);
        long own = s.Single<MeshAction.Dial>().Connection;
        s.Fail(own, MesharaErrorCode.ConnectTimeout);

        MeshAction.AddFailed failed = s.Single<MeshAction.AddFailed>();
        Assert.Equal((5L, MesharaErrorCode.ConnectTimeout), (failed.AddId, failed.Failure.Code));
    }

    [Fact]
    public void Wanted_RetryAfterSaid_IsKeptButClamped()
    {
        MeshScript s = new();
        s.Mesh.HandleAdd(null, Pinned, keepForever: true, s.Now);
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.GoingAway, byPeer: true, retryAfter: 20);
        Assert.Equal(TimeSpan.FromSeconds(20), s.Mesh.NextDeadline!.Value - s.Now);

        s.Advance(20);
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.GoingAway, byPeer: true, retryAfter: 1e6);
        Assert.Equal(TimeSpan.FromSeconds(60), s.Mesh.NextDeadline!.Value - s.Now);
    }

    [Fact]
    public void Wanted_RefusedAsFull_WaitsUpToHalfMoreAtRandomAndSaysSo()
    {
        double[] waits = [.. Enumerable.Range(0, 50).Select(seed =>
        {
            MeshScript s = new(seed: seed);
            s.Mesh.HandleAdd(null, Pinned, keepForever: true, s.Now);
            s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.Full, byPeer: true, peer: Ids.High, retryAfter: 20);
            TimeSpan wait = s.Mesh.NextDeadline!.Value - s.Now;
            Assert.Equal(wait, s.Single<MeshAction.Refused>().Failure.RetryAfter);
            return wait.TotalSeconds;
        })];

        Assert.All(waits, wait => Assert.InRange(wait, 20, 30));
        Assert.True(waits.Distinct().Count() > 5, "those who were refused together come back together");
    }

    [Fact]
    public void Wanted_TwoIdsAtADeadAddress_AreDialledInTurn()
    {
        MeshScript s = new();
        NodeId[] ids = [Ids.Low, Ids.High, Ids.Of(0x70)];
        foreach (NodeId id in ids)
        {
            s.Mesh.HandleAdd(null, new PeerAddress("host", 4040, id), keepForever: true, s.Now);
        }

        List<NodeId> dialled = [];
        TimeSpan end = s.Now + TimeSpan.FromHours(1);
        while (s.Now < end)
        {
            MeshAction.Dial[] dials = [.. s.Take().OfType<MeshAction.Dial>()];
            dialled.AddRange(dials.Select(d => d.Address.Id!.Value));
            foreach (MeshAction.Dial dial in dials)
            {
                s.Fail(dial.Connection, MesharaErrorCode.ConnectFailed);
            }

            s.Advance((s.Mesh.NextDeadline!.Value - s.Now).TotalSeconds);
        }

        // One pace for the address: about two a minute, as for one id.
        Assert.InRange(dialled.Count, 60, 240);
        Assert.All(ids, id => Assert.InRange(dialled.Count(d => d == id), dialled.Count / 4, dialled.Count / 2));
    }

    [Fact]
    public void Wanted_TwoIdsAtOneAddressAndOneAnswers_TheOtherStaysSlow()
    {
        MeshScript s = new();
        s.Mesh.HandleAdd(null, Pinned, keepForever: true, s.Now);
        s.Mesh.HandleAdd(null, Pinned with { Id = Ids.Low }, keepForever: true, s.Now);
        List<NodeId> dialled = [];
        TimeSpan end = s.Now + TimeSpan.FromHours(1);
        while (s.Now < end)
        {
            MeshAction.Dial[] dials = [.. s.Take().OfType<MeshAction.Dial>()];
            dialled.AddRange(dials.Select(d => d.Address.Id!.Value));
            foreach (MeshAction.Dial dial in dials)
            {
                // Whoever is there refuses, and says to come back at once.
                bool isThere = dial.Address.Id == Ids.High;
                s.Fail(dial.Connection, isThere ? MesharaErrorCode.Refused : MesharaErrorCode.PinMismatch, transient: isThere, byPeer: isThere);
            }

            s.Advance((s.Mesh.NextDeadline!.Value - s.Now).TotalSeconds);
        }

        Assert.InRange(dialled.Count(d => d == Ids.Low), 60, 121);
    }

    [Fact]
    public void Wanted_PinMismatch_IsNotRetriedFast()
    {
        MeshScript s = new();
        s.Mesh.HandleAdd(null, Pinned, keepForever: true, s.Now);
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.PinMismatch, transient: false);

        Assert.InRange(s.Mesh.NextDeadline!.Value - s.Now, TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(60));
    }

    [Fact]
    public void Wanted_LinkThatHadLivedIsLost_IsDialledNearlyAtOnce()
    {
        MeshScript s = new();
        s.Mesh.HandleAdd(null, Pinned, keepForever: true, s.Now);
        long c = s.Single<MeshAction.Dial>().Connection;
        s.Answered(c, Ids.High);
        s.Advance(100);
        s.Take();

        s.Lose(c);

        Assert.InRange(s.Mesh.NextDeadline!.Value - s.Now, TimeSpan.Zero, TimeSpan.FromMilliseconds(100));
        s.Advance(0.1);
        Assert.Equal(Pinned, s.Single<MeshAction.Dial>().Address);
    }

    [Fact]
    public void Wanted_LinksThatDieYoung_AreBackedOff()
    {
        MeshScript s = new();
        s.Mesh.HandleAdd(null, Pinned, keepForever: true, s.Now);
        int dials = 0;
        TimeSpan end = s.Now + TimeSpan.FromMinutes(10);
        while (s.Now < end)
        {
            foreach (MeshAction.Dial dial in s.Take().OfType<MeshAction.Dial>())
            {
                dials++;
                s.Answered(dial.Connection, Ids.High);
                s.Lose(dial.Connection);
            }

            s.Advance(0.1);
        }

        Assert.InRange(dials, 5, 60);
    }

    [Fact]
    public void Wanted_InboundLinkIsLost_IsDialledToo()
    {
        MeshScript s = new();
        long link = s.Link(Ids.High);
        s.Mesh.HandleAdd(null, Pinned, keepForever: true, s.Now);
        s.Advance(60);
        Assert.Empty(s.Take().OfType<MeshAction.Dial>());

        s.Lose(link);
        s.Advance(0.1);

        Assert.Single(s.Take().OfType<MeshAction.Dial>());
    }

    [Fact]
    public void Wanted_RemovedByTheOtherOperator_IsNotDialledFast()
    {
        MeshScript s = new();
        long c = s.Add(Pinned);
        s.Answered(c, Ids.High);
        s.Advance(100);
        s.Lose(c, DisconnectReason.RemoteRemoved);

        Assert.InRange(s.Mesh.NextDeadline!.Value - s.Now, TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(60));
    }

    [Fact]
    public void Wanted_TwoAddressesOfOnePeer_OneIsDialledAtATime()
    {
        MeshScript s = new();
        PeerAddress second = new("host", 5050, Ids.High);
        s.Mesh.HandleAdd(null, Pinned, keepForever: true, s.Now);
        s.Mesh.HandleAdd(null, second, keepForever: true, s.Now);
        MeshAction.Dial first = s.Single<MeshAction.Dial>();
        Assert.Equal(Pinned, first.Address);

        s.Fail(first.Connection, MesharaErrorCode.ConnectFailed);
        Assert.Equal(second, s.Single<MeshAction.Dial>().Address);
    }

    [Fact]
    public void Wanted_Hundreds_SixteenDialsAtATime()
    {
        MeshScript s = new();
        for (int i = 0; i < 200; i++)
        {
            s.Mesh.HandleAdd(null, new PeerAddress("host", 1000 + i), keepForever: true, s.Now);
        }

        MeshAction.Dial[] dials = [.. s.Take().OfType<MeshAction.Dial>()];
        Assert.Equal(16, dials.Length);
        s.Fail(dials[0].Connection, MesharaErrorCode.ConnectFailed);
        s.Answered(dials[1].Connection, Ids.High);
        Assert.Equal(2, s.Take().OfType<MeshAction.Dial>().Count());
    }

    [Fact]
    public void Wanted_NoPlace_IsDialledAllTheSame()
    {
        MeshScript s = new(maxPeers: 1);
        s.Link(Ids.Low);
        s.Mesh.HandleAdd(null, Pinned, keepForever: true, s.Now);
        MeshAction.Dial dial = s.Single<MeshAction.Dial>();

        s.Answered(dial.Connection, Ids.High);

        Assert.Single(s.Take().OfType<MeshAction.LinkUp>());
        Assert.Equal((1, 1), (s.Mesh.Counts.Static, s.Mesh.Counts.Mesh));
    }

    [Fact]
    public void Remove_Wanted_StopsDiallingAndCloses()
    {
        MeshScript s = new(Ids.Middle, AdmissionMode.KnownPeers);
        long c = s.Add(Pinned);
        s.Answered(c, Ids.High);
        s.Take();

        Assert.True(s.Mesh.HandleRemove(Ids.High, s.Now));
        Assert.Equal(DisconnectReason.LocalRemoved, s.Single<MeshAction.CloseLink>().Reason);
        s.Lose(c, DisconnectReason.LocalRemoved);
        s.Take();
        s.Advance(1000);

        Assert.Empty(s.Take());
        Assert.False(s.Mesh.IsKnown(Ids.High));
    }

    [Fact]
    public void Remove_WhileAdding_FailsTheAddAndAbortsTheDial()
    {
        MeshScript s = new(Ids.Low);
        long c = s.Add(Pinned);
        s.Hello(c, Ids.High);
        s.Take();

        Assert.True(s.Mesh.HandleRemove(Ids.High, s.Now));

        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Equal(MesharaErrorCode.Removed, Assert.Single(actions.OfType<MeshAction.AddFailed>()).Failure.Code);
        Assert.Equal(c, Assert.Single(actions.OfType<MeshAction.Abort>()).Connection);
    }

    [Fact]
    public void ConnectionFailed_AfterTheMeshRefused_IsIgnored()
    {
        MeshScript s = new(Ids.Low, AdmissionMode.KnownPeers);
        long c = s.Accept(Ids.High);
        Assert.Equal(RefuseCode.NotAdmitted, s.Single<MeshAction.SendRefuse>().Code);

        s.Fail(c, MesharaErrorCode.HelloTimeout);
        s.Mesh.HandleReadyReceived(c, s.Now);

        Assert.Empty(s.Take());
    }
}
