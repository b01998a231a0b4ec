using Meshara.Core;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Core;

/// <summary>Pins: what sets them, what an operator's word starts, and what he is told when another key answers.</summary>
public sealed class MeshTrustTests
{
    private static readonly PeerAddress Anyone = new("host", 4040);
    private static readonly PeerAddress Pinned = new("host", 4040, Ids.High);

    [Theory]
    [InlineData(AdmissionMode.Secret, false)]
    [InlineData(AdmissionMode.Secret, true)]
    [InlineData(AdmissionMode.KnownPeers, false)]
    public void FirstUse_PeerHadDialledFirst_OwnDialLosesAndPinsAllTheSame(object mode, bool refusedThere)
    {
        MeshScript s = new(refusedThere ? Ids.Of(0xFF) : Ids.Low, (AdmissionMode)mode);
        s.Mesh.HandleTrust(Ids.High, s.Now);
        long link = Linked(s, Ids.High, secret: true);
        s.Mesh.HandleAdd(null, Anyone, keepForever: true, s.Now);
        long dial = s.Single<MeshAction.Dial>().Connection;

        if (refusedThere)
        {
            s.Fail(dial, MesharaErrorCode.Duplicate, byPeer: true, peer: Ids.High);
        }
        else
        {
            s.Mesh.HandleHello(dial, new PeerFacts(Ids.High, default) { SecretProven = true }, s.Now);
            s.Mesh.HandlePong(link, s.Single<MeshAction.Ping>().Number, s.Now);
        }

        Assert.Equal(new MeshAction.Pinned(Ids.High, Pinned), s.Single<MeshAction.Pinned>());
        Assert.True(s.Mesh.IsKnown(Ids.High));
    }

    [Fact]
    public void FirstUse_InboundLinkComesWhileTheOwnDialFailsWithoutAKey_NothingIsPinned()
    {
        MeshScript s = new(Ids.Low, AdmissionMode.Secret);
        s.Mesh.HandleAdd(null, Anyone, keepForever: true, s.Now);
        long dial = s.Single<MeshAction.Dial>().Connection;
        Linked(s, Ids.High, secret: true);

        s.Fail(dial, MesharaErrorCode.ConnectFailed);

        Assert.Empty(s.Take().OfType<MeshAction.Pinned>());
        Assert.False(s.Mesh.IsKnown(Ids.High));
    }

    [Fact]
    public void FirstUse_AddressWaitsForItsNextDialWhenThePeerComes_IsDialledAtOnceAndPinned()
    {
        MeshScript s = new(Ids.Low, AdmissionMode.Secret);
        s.Mesh.HandleAdd(null, Anyone, keepForever: true, s.Now);
        for (int i = 0; i < 8; i++)
        {
            s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
            s.Advance(60);
        }

        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
        Assert.True(s.Mesh.NextDeadline - s.Now > TimeSpan.FromSeconds(2));
        long link = Linked(s, Ids.High, secret: true);
        s.Advance(1);

        long dial = s.Single<MeshAction.Dial>().Connection;
        s.Mesh.HandleHello(dial, new PeerFacts(Ids.High, default) { SecretProven = true }, s.Now);
        s.Mesh.HandlePong(link, s.Single<MeshAction.Ping>().Number, s.Now);
        Assert.Equal(new MeshAction.Pinned(Ids.High, Pinned), s.Single<MeshAction.Pinned>());
    }

    [Theory]
    [InlineData(0x10)]
    [InlineData(0xFF)]
    public void Add_CloneOfALinkedPeerAnswers_FailsAndSaysSo(byte self)
    {
        MeshScript s = new(Ids.Of(self));
        long link = s.Link(Ids.High, instance: 1);
        long dial = s.Add(Anyone);

        s.Hello(dial, Ids.High, instance: 2);
        s.Mesh.HandleReadyReceived(dial, s.Now);
        s.Mesh.HandlePong(link, s.Single<MeshAction.Ping>().Number, s.Now);

        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Equal(MesharaErrorCode.IdentityInUse, Assert.Single(actions.OfType<MeshAction.AddFailed>()).Failure.Code);
        Assert.Empty(actions.OfType<MeshAction.AddSucceeded>());
        Assert.Empty(actions.OfType<MeshAction.Pinned>());
        Assert.False(s.Mesh.IsKnown(Ids.High));
        s.Advance(1000);
        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
    }

    [Fact]
    public void Wanted_CloneOfALinkedPeerAnswers_IsNotPinnedAndDialledAgainWithBackoff()
    {
        MeshScript s = new(Ids.Low, AdmissionMode.Secret);
        long link = Linked(s, Ids.High, secret: true, instance: 1);
        s.Mesh.HandleAdd(null, Anyone, keepForever: true, s.Now);
        for (int i = 0; i < 8; i++)
        {
            s.Mesh.HandleHello(s.Single<MeshAction.Dial>().Connection, new PeerFacts(Ids.High, 2) { SecretProven = true }, s.Now);
            s.Mesh.HandlePong(link, s.Take().OfType<MeshAction.Ping>().Last().Number, s.Now);

            IReadOnlyList<MeshAction> actions = s.Take();
            Assert.Equal(RefuseCode.IdentityInUse, Assert.Single(actions.OfType<MeshAction.SendRefuse>()).Code);
            Assert.Empty(actions.OfType<MeshAction.Pinned>());
            s.Advance(60);
        }
    }

    [Fact]
    public void Open_WantedAddressWithoutAnId_DoesNotMakeThePeerKnown()
    {
        MeshScript s = new();
        s.Mesh.HandleAdd(null, Anyone, keepForever: true, s.Now);
        s.Answered(s.Single<MeshAction.Dial>().Connection, Ids.High);

        Assert.Empty(s.Take().OfType<MeshAction.Pinned>());
        Assert.False(s.Mesh.IsKnown(Ids.High));
    }

    [Fact]
    public void Trust_RemovedPeerThatHadDialled_IsDialledAtOnceWhereItSaidItListens()
    {
        MeshScript s = new(Ids.Low, AdmissionMode.KnownPeers);
        s.Mesh.HandleTrust(Ids.High, s.Now);
        long link = Linked(s, Ids.High, secret: false, back: Pinned);
        s.Mesh.HandleRemove(Ids.High, s.Now);
        s.Lose(link, DisconnectReason.LocalRemoved);
        s.Advance(100);
        Assert.Empty(s.Take().OfType<MeshAction.Dial>());

        s.Mesh.HandleTrust(Ids.High, s.Now);

        MeshAction.Dial dial = s.Single<MeshAction.Dial>();
        Assert.Equal(Pinned, dial.Address);
        s.Answered(dial.Connection, Ids.High);
        s.Take();

        // Only for once: it dialled us before, and will again.
        s.Advance(100);
        s.Lose(dial.Connection);
        s.Advance(1000);
        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
    }

    [Fact]
    public void Trust_RemovedPeerThatWasDialled_IsDialledAtOnceThere()
    {
        MeshScript s = new(Ids.Low, AdmissionMode.KnownPeers);
        long link = s.Add(Anyone);
        s.Answered(link, Ids.High);
        s.Mesh.HandleRemove(Ids.High, s.Now);
        s.Lose(link, DisconnectReason.LocalRemoved);
        s.Take();

        s.Mesh.HandleTrust(Ids.High, s.Now);

        Assert.Equal(Pinned, s.Single<MeshAction.Dial>().Address);
    }

    [Fact]
    public void Trust_StrangerThatWasRefused_IsDialledForAMinute()
    {
        MeshScript s = new(Ids.Low, AdmissionMode.KnownPeers);
        long connection = s.Mesh.HandleAccepted("host:1000");
        s.Mesh.HandleHello(connection, new PeerFacts(Ids.High, default) { Back = Pinned }, s.Now);
        Assert.Equal(RefuseCode.NotAdmitted, s.Single<MeshAction.SendRefuse>().Code);
        TimeSpan start = s.Now;

        s.Mesh.HandleTrust(Ids.High, s.Now);

        int dials = 0;
        while (s.Take().OfType<MeshAction.Dial>().SingleOrDefault() is { } dial && ++dials < 1000)
        {
            s.Fail(dial.Connection, MesharaErrorCode.ConnectFailed);
            s.Advance(60);
        }

        Assert.InRange(dials, 2, 20);
        Assert.Null(s.Mesh.NextDeadline);
        Assert.True(s.Now - start < TimeSpan.FromMinutes(4));
    }

    [Fact]
    public void Trust_ThousandsWereRefused_TheLastAreRememberedAndNoMore()
    {
        MeshScript s = new(Ids.Low, AdmissionMode.KnownPeers);
        NodeId[] strangers = [.. Enumerable.Range(0, 1000).Select(i => NodeId.FromBytes([(byte)(i >> 8), (byte)i, .. new byte[30]])).Where(id => id != Ids.Low)];
        foreach (NodeId stranger in strangers)
        {
            s.Mesh.HandleHello(s.Mesh.HandleAccepted("host:1000"), new PeerFacts(stranger, default) { Back = new PeerAddress("host", 4040, stranger) }, s.Now);
        }

        s.Take();
        foreach (NodeId stranger in strangers)
        {
            s.Mesh.HandleTrust(stranger, s.Now);
        }

        // Sixteen dials go at a time.
        int dialled = 0;
        while (s.Take().OfType<MeshAction.Dial>().ToArray() is { Length: > 0 } dials)
        {
            dialled += dials.Length;
            foreach (MeshAction.Dial dial in dials)
            {
                s.Fail(dial.Connection, MesharaErrorCode.WrongProtocol, transient: false);
            }
        }

        Assert.Equal(256, dialled);
    }

    [Fact]
    public void Trust_ConfiguredAddressWaitsLong_IsDialledAtOnce()
    {
        MeshScript s = new(Ids.Low, AdmissionMode.KnownPeers);
        s.Mesh.HandleAdd(null, Pinned, keepForever: true, s.Now);
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.PinMismatch, transient: false);
        s.Take();

        s.Mesh.HandleTrust(Ids.High, s.Now);
        s.Advance(0.1);

        Assert.Equal(Pinned, s.Single<MeshAction.Dial>().Address);
    }

    [Fact]
    public void Lost_RemovedByTheOtherOperator_DetailSaysWhenItIsDialledAgain()
    {
        MeshScript s = new(Ids.Low);
        long link = s.Add(Pinned);
        s.Answered(link, Ids.High);
        s.Take();

        s.Mesh.HandleLinkClosed(link, new LinkEnd(DisconnectReason.RemoteRemoved, "removed by the operator", Penalise: false), s.Now);

        Assert.Equal("removed by the operator; this node dials again in 30 to 60 s", s.Single<MeshAction.LinkDown>().Detail);
        long other = s.Link(Ids.Middle);
        s.Lose(other, DisconnectReason.RemoteRemoved);
        Assert.Equal("", s.Single<MeshAction.LinkDown>().Detail);
    }

    [Fact]
    public void PinMismatch_WantedAddress_IsNewOnceUntilItSucceeds()
    {
        MeshScript s = new(Ids.Low);
        s.Mesh.HandleAdd(null, Pinned, keepForever: true, s.Now);
        Assert.True(Mismatch(s));
        Assert.False(Mismatch(s));

        s.Advance(60);
        long link = s.Single<MeshAction.Dial>().Connection;
        s.Answered(link, Ids.High);
        s.Advance(60);
        s.Take();
        s.Lose(link);
        Assert.True(Mismatch(s));
    }

    [Fact]
    public void PinMismatch_OnceAdded_IsTheCallersToTell()
    {
        MeshScript s = new(Ids.Low);
        s.Fail(s.Add(Pinned), MesharaErrorCode.PinMismatch, transient: false);

        Assert.False(s.Single<MeshAction.Refused>().IsNewMismatch);
    }

    private static bool Mismatch(MeshScript s)
    {
        s.Advance(60);
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.PinMismatch, transient: false);
        return s.Single<MeshAction.Refused>().IsNewMismatch;
    }

    private static long Linked(MeshScript s, NodeId peer, bool secret, ulong instance = 0, PeerAddress? back = null)
    {
        long connection = s.Mesh.HandleAccepted("10.0.0.1:1000");
        s.Mesh.HandleHello(connection, new PeerFacts(peer, instance) { SecretProven = secret, Back = back }, s.Now);
        s.Mesh.HandleReadyReceived(connection, s.Now);
        return s.Single<MeshAction.LinkUp>().Connection;
    }
}
