using Meshara.Core;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Core;

/// <summary>Keys that take the place of others: wire protocol section 3.1, as far as the mesh decides it.</summary>
public sealed class MeshSuccessionTests
{
    private const double Overlap = 1000;
    private static readonly NodeId Old = Ids.Of(0xA0), New = Ids.Of(0xB0), Newer = Ids.Of(0xB5), Fork = Ids.Of(0xC0), Other = Ids.Of(0x20);
    private static readonly PeerAddress AtOld = new("host", 4040, Old), AtNew = new("host", 4040, New);

    [Fact]
    public void Hello_ChainFromAKnownKey_IsAdmittedAndPinnedInItsPlace()
    {
        MeshScript s = KnowingOld();
        s.Mesh.HandleAdd(null, AtOld, keepForever: true, s.Now);
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
        s.Take();

        long c = Accept(s, New, [Old]);
        s.Mesh.HandleReadyReceived(c, s.Now);

        IReadOnlyList<MeshAction> actions = s.Take();
        MeshAction.Succeeded told = actions.OfType<MeshAction.Succeeded>().Single();
        Assert.Equal((c, Old, New), (told.Connection, told.Old, told.New));
        Assert.Contains(actions, a => a is MeshAction.LinkUp { Peer: var id } && id == New);
        Assert.Equal(New, s.Mesh.CurrentOf(Old));

        // What was dialled at the old key's address is dialled for the new one, and once.
        s.Lose(c);
        s.Take();
        s.Advance(5);
        MeshAction.Dial dial = s.Single<MeshAction.Dial>();
        Assert.Equal(AtNew, dial.Address);
        Assert.Equal([Old], dial.AlsoAccepted);
    }

    [Theory]
    [InlineData(AdmissionMode.KnownPeers)]
    [InlineData(AdmissionMode.Open)]
    [InlineData(AdmissionMode.Secret)]
    public void Hello_SecondSuccessorOfAKey_IsNotFollowedAndIsNobodysPin(object mode)
    {
        MeshScript s = KnowingOld((AdmissionMode)mode);
        s.Mesh.HandleAdd(null, AtOld, keepForever: true, s.Now);
        long dialled = s.Single<MeshAction.Dial>().Connection;
        s.Lose(Link(s, New, [Old]));
        s.Take();

        // The dial had begun with the old pin, so TLS let the fork through.
        Hello(s, dialled, Fork, [Old]);

        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Equal((Old, Fork), actions.OfType<MeshAction.NotFollowed>().Select(a => (a.Old, a.New)).Single());
        Assert.Equal(MesharaErrorCode.PinMismatch, actions.OfType<MeshAction.Refused>().Single().Failure.Code);
        Assert.Empty(actions.OfType<MeshAction.SendReady>());
        Assert.Equal(New, s.Mesh.CurrentOf(Old));
        Assert.False(s.Mesh.IsKnown(Fork));

        // By itself it is what any stranger is.
        Accept(s, Fork, [Old]);
        Assert.Equal((AdmissionMode)mode == AdmissionMode.Open ? 0 : 1, s.Take().OfType<MeshAction.SendRefuse>().Count());
    }

    [Fact]
    public void Hello_ForkAndOperatorNamesTheOldKey_FollowsAgain()
    {
        MeshScript s = KnowingOld();
        s.Lose(Link(s, New, [Old]));

        s.Mesh.HandleTrust(Old, s.Now);

        Assert.Equal(Old, s.Mesh.CurrentOf(Old));
        Assert.Equal([0], s.Mesh.FindKnown([Old], Fork));
        Link(s, Fork, [Old]);
        Assert.Equal(Fork, s.Mesh.CurrentOf(Old));
    }

    [Fact]
    public void Hello_ChainFromOurOwnKey_IsNotFollowed()
    {
        MeshScript s = new(Ids.Middle, AdmissionMode.KnownPeers);
        Assert.Equal([1], s.Mesh.FindKnown([Other, Ids.Middle], New));

        Accept(s, New, [Ids.Middle]);

        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Single(actions.OfType<MeshAction.NotFollowed>());
        Assert.Equal(RefuseCode.NotAdmitted, actions.OfType<MeshAction.SendRefuse>().Single().Code);
        Assert.False(s.Mesh.IsKnown(New));
    }

    [Fact]
    public void Hello_BackToAnOlderKey_IsNotFollowed()
    {
        MeshScript s = KnowingOld();
        s.Lose(Link(s, New, [Old]));
        s.Take();
        Assert.Equal([0], s.Mesh.FindKnown([New], Old));

        Accept(s, Old, [New]);

        Assert.Single(s.Take().OfType<MeshAction.NotFollowed>());
        Assert.Equal(New, s.Mesh.CurrentOf(Old));
    }

    [Fact]
    public void Hello_OneKeyForTwoPeers_OnlyTheFirstIsFollowed()
    {
        MeshScript s = KnowingOld();
        s.Mesh.HandleTrust(Other, s.Now);
        s.Lose(Link(s, New, [Old]));
        s.Take();

        s.Lose(Link(s, New, [Other]));

        Assert.Single(s.Take().OfType<MeshAction.NotFollowed>());
        Assert.Equal(Other, s.Mesh.CurrentOf(Other));
        Assert.True(s.Mesh.IsKnown(Other));
    }

    [Fact]
    public void Hello_UnknownKeysInTheChain_SayNothing()
    {
        MeshScript s = new(Ids.Middle, AdmissionMode.KnownPeers);
        Assert.Empty(s.Mesh.FindKnown([Old, Other], New));

        Accept(s, New, [Old]);

        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Empty(actions.OfType<MeshAction.Succeeded>());
        Assert.Equal(RefuseCode.NotAdmitted, actions.OfType<MeshAction.SendRefuse>().Single().Code);
    }

    [Fact]
    public void FindKnown_FollowedAlready_NothingToVerify()
    {
        MeshScript s = KnowingOld();
        Assert.Equal([0], s.Mesh.FindKnown([Old], New));
        s.Lose(Link(s, New, [Old]));
        Assert.Empty(s.Mesh.FindKnown([Old], New));
        Assert.Equal([1], s.Mesh.FindKnown([Old, New], Newer));
        s.Lose(Link(s, Newer, [New]));
        Assert.Empty(s.Mesh.FindKnown([Old, New], Newer));

        // An older key with the chain that it had says nothing new; one with another chain does.
        Assert.Empty(s.Mesh.FindKnown([Old], New));
        Assert.Equal([0], s.Mesh.FindKnown([Old], Fork));
        Assert.Equal(Newer, s.Mesh.CurrentOf(Old));
    }

    [Fact]
    public void Hello_TwoRotationsAtOnce_TheChainIsFollowedToItsEnd()
    {
        MeshScript s = KnowingOld();
        s.Mesh.HandleTrust(New, s.Now);

        s.Lose(Link(s, Newer, [Old, New]));

        Assert.Equal([Old, New], s.Take().OfType<MeshAction.Succeeded>().Select(a => a.Old));
        Assert.Equal((Newer, Newer), (s.Mesh.CurrentOf(Old), s.Mesh.CurrentOf(New)));
    }

    [Fact]
    public void Hello_FiveRotations_OnlyTheLastFourKeysAreRemembered()
    {
        MeshScript s = KnowingOld();
        NodeId last = Old;
        for (byte i = 1; i <= 5; i++)
        {
            NodeId next = Ids.Of((byte)(0xD0 + i));
            s.Lose(Link(s, next, [last]));
            last = next;
        }

        Assert.Equal(Old, s.Mesh.CurrentOf(Old));
        Assert.False(s.Mesh.IsKnown(Old));
        Assert.All(Enumerable.Range(1, 4), i => Assert.Equal(last, s.Mesh.CurrentOf(Ids.Of((byte)(0xD0 + i)))));
    }

    [Fact]
    public void OldKey_InTheOverlap_IsAdmittedBothWaysAndThenRefused()
    {
        MeshScript s = KnowingOld();
        s.Mesh.HandleAdd(null, AtOld, keepForever: true, s.Now);
        long dialled = s.Single<MeshAction.Dial>().Connection;
        s.Lose(Link(s, New, [Old]));
        s.Take();

        // It calls.
        s.Lose(s.Link(Old), DisconnectReason.RemoteShutdown);
        s.Take();

        // It answers where the new key is dialled.
        s.Answered(dialled, Old);
        Assert.Contains(s.Take(), a => a is MeshAction.LinkUp);
        s.Lose(dialled);
        s.Take();
        s.Advance(1);
        dialled = s.Single<MeshAction.Dial>().Connection;

        s.Advance(Overlap);
        s.Take();
        long late = s.Accept(Old);
        MeshAction.SendRefuse refusal = s.Take().OfType<MeshAction.SendRefuse>().Single(a => a.Connection == late);
        Assert.Equal(RefuseCode.NotAdmitted, refusal.Code);
        Assert.Contains(New.ToString(), refusal.Message, StringComparison.Ordinal);
        s.Hello(dialled, Old);
        Assert.Equal(MesharaErrorCode.PinMismatch, s.Take().OfType<MeshAction.Refused>().Single().Failure.Code);
    }

    [Fact]
    public void OldKey_AfterTheOverlapUnderOpen_IsRefusedToo()
    {
        MeshScript s = KnowingOld(AdmissionMode.Open);
        s.Lose(Link(s, New, [Old], overlap: 0));
        s.Take();

        s.Accept(Old);

        Assert.Equal(RefuseCode.NotAdmitted, s.Single<MeshAction.SendRefuse>().Code);
    }

    [Fact]
    public void OldKey_LinkedAtTheEndOfTheOverlap_IsClosedThen()
    {
        MeshScript s = KnowingOld();
        s.Lose(Link(s, New, [Old]));
        s.Take();
        s.Advance(Overlap - 100);
        long link = s.Link(Old);
        s.Take();

        s.Advance(99);
        Assert.Empty(s.Take().OfType<MeshAction.CloseLink>());
        s.Advance(2);

        Assert.Equal((link, DisconnectReason.Replaced), s.Take().OfType<MeshAction.CloseLink>().Select(a => (a.Connection, a.Reason)).Single());
    }

    [Fact]
    public void NewKey_OldLinkLives_WinsAtOnceWithoutACheck()
    {
        MeshScript s = KnowingOld();
        long old = s.Link(Old);

        long c = Accept(s, New, [Old]);

        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Equal((old, DisconnectReason.Replaced), actions.OfType<MeshAction.CloseLink>().Select(a => (a.Connection, a.Reason)).Single());
        Assert.Empty(actions.OfType<MeshAction.Ping>());
        s.Mesh.HandleReadyReceived(c, s.Now);
        Assert.Equal(New, s.Single<MeshAction.LinkUp>().Peer);
        s.Lose(old, DisconnectReason.Replaced);
        s.Advance(60);
        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
        Assert.NotNull(s.Mesh.LinkOf(New));
    }

    [Fact]
    public void NewKey_MeshIsFull_TakesTheOldKeysPlace()
    {
        MeshScript s = new(Ids.Middle, AdmissionMode.KnownPeers, maxPeers: 1);
        s.Mesh.HandleTrust(Old, s.Now);
        s.Link(Old);

        Link(s, New, [Old]);

        Assert.NotNull(s.Mesh.LinkOf(New));
    }

    [Fact]
    public void NewKey_Probe_DisplacesNothing()
    {
        MeshScript s = KnowingOld();
        long old = s.Link(Old);
        long probe = s.Mesh.HandleAccepted("10.0.0.2:1");

        s.Mesh.HandleHello(probe, new PeerFacts(New, 1) { Probe = true, Succeeds = [Older(s, Old, Overlap)] }, s.Now);

        Assert.Empty(s.Take().OfType<MeshAction.CloseLink>());
        Assert.Equal(old, s.Mesh.LinkOf(Old));
    }

    [Fact]
    public void OldKey_NewKeyIsLinked_IsRefusedAsInUse()
    {
        MeshScript s = KnowingOld();
        Link(s, New, [Old]);

        s.Accept(Old);

        Assert.Equal(RefuseCode.IdentityInUse, s.Single<MeshAction.SendRefuse>().Code);
    }

    [Fact]
    public void Add_OldIdAnswersWithTheNewKey_SucceedsWithIt()
    {
        MeshScript s = new(Ids.Low, AdmissionMode.KnownPeers);
        long c = s.Add(AtOld, addId: 3);

        Hello(s, c, New, [Old]);
        s.Mesh.HandleReadyReceived(c, s.Now);

        Assert.Equal(new MeshAction.AddSucceeded(3, New, AtNew), s.Single<MeshAction.AddSucceeded>());
        Assert.True(s.Mesh.IsKnown(New));
    }

    [Fact]
    public void Add_OldIdLater_MeansTheNewKeyAndTheKeyItselfDoesNot()
    {
        MeshScript s = KnowingOld();
        s.Lose(Link(s, New, [Old]));
        s.Take();

        Assert.Equal(AtNew, Dialled(1, isKey: false).Address);
        MeshAction.Dial byKey = Dialled(2, isKey: true);
        Assert.Equal(AtOld, byKey.Address);
        Assert.Empty(byKey.AlsoAccepted);
        Assert.Equal(Old, s.Mesh.CurrentOf(Old));

        MeshAction.Dial Dialled(long add, bool isKey)
        {
            s.Mesh.HandleAdd(add, AtOld, keepForever: false, s.Now, isKey);
            return s.Single<MeshAction.Dial>();
        }
    }

    [Fact]
    public void Succeed_BothKeysWereDialled_OneTargetIsLeftAndTheAddEnds()
    {
        MeshScript s = KnowingOld();
        s.Mesh.HandleAdd(null, AtNew, keepForever: true, s.Now);
        long atNew = s.Single<MeshAction.Dial>().Connection;
        s.Mesh.HandleAdd(9, AtOld, keepForever: false, s.Now);
        long atOld = s.Single<MeshAction.Dial>().Connection;

        Hello(s, atOld, New, [Old]);
        s.Mesh.HandleReadyReceived(atOld, s.Now);
        Assert.Equal(New, s.Single<MeshAction.AddSucceeded>().Peer);
        Hello(s, atNew, New, []);
        s.Mesh.HandleReadyReceived(atNew, s.Now);
        s.Mesh.HandlePong(atOld, 1, s.Now);
        s.Take();

        s.Lose(atOld);
        s.Advance(30);
        Assert.Single(s.Take().OfType<MeshAction.Dial>());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Remove_ByEitherId_ForgetsAllKeys(bool byOld)
    {
        MeshScript s = KnowingOld();
        s.Mesh.HandleAdd(null, AtOld, keepForever: true, s.Now);
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
        long link = Link(s, New, [Old]);

        Assert.True(s.Mesh.HandleRemove(byOld ? Old : New, s.Now));

        Assert.Equal(link, s.Single<MeshAction.CloseLink>().Connection);
        s.Lose(link, DisconnectReason.LocalRemoved);
        Assert.False(s.Mesh.IsKnown(Old) || s.Mesh.IsKnown(New));
        s.Accept(Old);
        Assert.Equal(RefuseCode.NotAdmitted, s.Single<MeshAction.SendRefuse>().Code);
        s.Advance(600);
        Assert.Empty(s.Take());
    }

    [Fact]
    public void Stored_Succession_HoldsAfterARestart()
    {
        MeshScript s = new(Ids.Middle, AdmissionMode.Open);
        s.Mesh.HandleSuccession(Older(s, Old, Overlap), New);
        s.Mesh.HandleTrust(New, s.Now);

        Assert.Equal([0], s.Mesh.FindKnown([Old], Fork));
        Accept(s, Fork, [Old]);
        Assert.Single(s.Take().OfType<MeshAction.NotFollowed>());
        s.Mesh.HandleAdd(null, AtOld, keepForever: true, s.Now);
        Assert.Equal(AtNew, s.Single<MeshAction.Dial>().Address);
    }

    [Fact]
    public void Stored_SuccessionsInACircle_AreNotTaken()
    {
        MeshScript s = new(Ids.Middle);
        s.Mesh.HandleSuccession(Older(s, Old, Overlap), New);
        s.Mesh.HandleSuccession(Older(s, New, Overlap), Old);

        Assert.Equal((New, New), (s.Mesh.CurrentOf(Old), s.Mesh.CurrentOf(New)));
    }

    [Fact]
    public void Add_NewKeyAnswersAndTheAddFails_NothingIsKnown()
    {
        MeshScript s = new(Ids.Low, AdmissionMode.KnownPeers);
        long c = s.Add(AtOld, addId: 3);
        Hello(s, c, New, [Old]);
        Assert.True(s.Mesh.IsKnown(New) && s.Mesh.IsKnown(Old));

        s.Fail(c, MesharaErrorCode.NotAdmitted, transient: false, byPeer: true);

        Assert.Equal(MesharaErrorCode.NotAdmitted, s.Single<MeshAction.AddFailed>().Failure.Code);
        Assert.False(s.Mesh.IsKnown(New) || s.Mesh.IsKnown(Old));
    }

    private static MeshScript KnowingOld(AdmissionMode mode = AdmissionMode.KnownPeers)
    {
        MeshScript s = new(Ids.Middle, mode);
        s.Mesh.HandleTrust(Old, s.Now);
        return s;
    }

    private static Predecessor Older(MeshScript s, NodeId id, double overlap) =>
        new(id, new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero), s.Now + TimeSpan.FromSeconds(overlap));

    private static void Hello(MeshScript s, long connection, NodeId id, NodeId[] succeeds, double overlap = Overlap) =>
        s.Mesh.HandleHello(connection, new PeerFacts(id, 1) { Succeeds = [.. succeeds.Select(o => Older(s, o, overlap))] }, s.Now);

    private static long Accept(MeshScript s, NodeId id, NodeId[] succeeds, double overlap = Overlap)
    {
        long connection = s.Mesh.HandleAccepted("10.0.0.1:1000");
        Hello(s, connection, id, succeeds, overlap);
        return connection;
    }

    private static long Link(MeshScript s, NodeId id, NodeId[] succeeds, double overlap = Overlap)
    {
        long connection = Accept(s, id, succeeds, overlap);
        s.Mesh.HandleReadyReceived(connection, s.Now);
        return connection;
    }
}
