using Meshara.Core;
using Meshara.Core.Policy;
using Meshara.Tests.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core;

/// <summary>Dials to nodes that are announced in the local network: when, how many, and what their end says.</summary>
public sealed class MeshNearbyDialsTests
{
    private static readonly NodeId Peer = Ids.Of(0x10), Other = Ids.Of(0x20), Third = Ids.Of(0x30);

    // The sixteen of the first moment are used up: the next is dialled when its turn comes, not when somebody else speaks.
    [Fact]
    public void Nearby_TheSeventeenth_IsDialledAFifthOfASecondLater()
    {
        MeshScript s = Ready(target: 64, max: 128);
        for (int i = 2; i < 18; i++)
        {
            Announce(s, LanBed.Id(i), $"10.0.0.{i}");
            s.Answered(Assert.Single(Dials(s)).Connection, LanBed.Id(i));
        }

        s.Take();
        Announce(s, Peer, "10.0.9.9");
        Assert.Empty(Dials(s));
        s.Advance(0.19);
        Assert.Empty(Dials(s));
        s.Advance(0.02);
        Assert.Equal(Peer, Assert.Single(Dials(s)).Address.Id);
    }

    // Forged announcements, at which nobody answers: an honest node waits a second for them, not until their dials end.
    [Fact]
    public void Nearby_SixteenThatNobodyAnswersAt_TheNextIsDialledAfterASecond()
    {
        MeshScript s = Ready(target: 64, max: 128);
        for (int i = 2; i < 18; i++)
        {
            Announce(s, LanBed.Id(i), $"10.0.0.{i}");
        }

        Assert.Equal(LanTable.Burst, Dials(s).Count);
        Announce(s, Peer, "10.0.9.9");
        s.Advance(0.9);
        Assert.Empty(Dials(s));
        s.Advance(0.2);
        Assert.Equal(Peer, Assert.Single(Dials(s)).Address.Id);
    }

    [Fact]
    public void Nearby_NobodyAnswers_SixtyFourDialsAtOnceAndNoMore()
    {
        MeshScript s = Ready(target: 100, max: 128);
        for (int i = 2; i < 102; i++)
        {
            Announce(s, LanBed.Id(i), $"10.0.0.{i}");
        }

        s.Advance(60);
        List<MeshAction.Dial> dials = Dials(s);
        Assert.Equal(64, dials.Count);
        s.Fail(dials[0].Connection, MesharaErrorCode.ConnectFailed);
        s.Advance(0.5);
        Assert.Single(Dials(s));
    }

    [Fact]
    public void Nearby_TwoIdsAtOneAddress_AreDialledOneAfterTheOther()
    {
        MeshScript s = Ready();
        s.Mesh.HandleNearby([LanBed.Found(Peer, "10.0.0.5"), LanBed.Found(Other, "10.0.0.5")], s.Now);
        MeshAction.Dial first = Assert.Single(Dials(s));
        s.Advance(5);
        Assert.Empty(Dials(s));
        HashSet<NodeId?> dialled = [first.Address.Id];
        long under = first.Connection;
        for (int i = 0; i < 60; i++)
        {
            s.Fail(under, MesharaErrorCode.PinMismatch, transient: false);
            s.Advance(60);
            if (Dials(s) is [var next])
            {
                under = next.Connection;
                dialled.Add(next.Address.Id);
            }
        }

        Assert.Equal(2, dialled.Count);
    }

    // A caller's port is no place where somebody listens.
    [Fact]
    public void Nearby_ACallerFromThatAddress_DoesNotKeepItFromBeingDialled()
    {
        MeshScript s = Ready();
        s.Link(Other, from: "10.0.0.5:4040");
        Announce(s, Peer, "10.0.0.5");
        Assert.Equal(Peer, Assert.Single(Dials(s)).Address.Id);
    }

    [Fact]
    public void Nearby_LeadsBackToThisNode_IsForgotten_AndNobodyIsDialledThereAgain()
    {
        MeshScript s = Ready();
        Announce(s, Peer, "10.0.0.5");
        s.Fail(Assert.Single(Dials(s)).Connection, MesharaErrorCode.Self, transient: false);
        Assert.Empty(s.Mesh.NearbyIds);
        Announce(s, Other, "10.0.0.5");
        s.Advance(60);
        Assert.Empty(Dials(s));
    }

    [Fact]
    public void NearbyGone_NobodyElseSpeaks_ItsAddressesAreForgottenWhenTheTimeIsOver()
    {
        MeshScript s = Ready(AdmissionMode.KnownPeers);
        Announce(s, Peer, "10.0.0.5");
        s.Take();
        s.Mesh.HandleNearbyGone(Peer.ToShortString(), LanTable.Grace, s.Now);
        s.Advance(59.9);
        Assert.Equal([Peer], s.Mesh.NearbyIds);
        s.Advance(0.2);
        Assert.Empty(s.Mesh.NearbyIds);
    }

    [Fact]
    public void NearbyEnded_NothingIsLeft_AndNothingIsDue()
    {
        MeshScript s = Ready(AdmissionMode.KnownPeers);
        for (int i = 2; i < 22; i++)
        {
            Announce(s, LanBed.Id(i), $"10.0.0.{i}");
        }

        Assert.NotNull(s.Mesh.NextDeadline);
        s.Mesh.HandleNearbyEnded();
        Assert.Empty(s.Mesh.NearbyIds);
        Assert.Null(s.Mesh.NextDeadline);
    }

    [Fact]
    public void Nearby_AfterTheStop_IsNotEvenRemembered()
    {
        MeshScript s = Ready();
        s.Mesh.HandleStop(s.Now);
        Announce(s, Peer, "10.0.0.5");
        Assert.Empty(s.Mesh.NearbyIds);
        Assert.Empty(Dials(s));
    }

    [Fact]
    public void Nearby_BeforeTheStartIsDone_IsDialledThen()
    {
        MeshScript s = new(Ids.Middle, AdmissionMode.Open, 16, target: 8);
        s.Mesh.HandleNearbyInterfaces([LanBed.Eth], LanBed.OwnPorts);
        Announce(s, Peer, "10.0.0.5");
        s.Advance(5);
        Assert.Empty(Dials(s));
        s.Start();
        Assert.Equal(Peer, Assert.Single(Dials(s)).Address.Id);
    }

    // The right key has answered, READY not yet: the machine bears others again, and the id's other addresses are not needed.
    [Fact]
    public void Nearby_HelloHasCome_TheMachineIsFree_AndTheOtherAddressIsGivenUp()
    {
        MeshScript s = Ready();
        Announce(s, Peer, "10.0.0.5", 5001);
        Announce(s, Peer, "fe80::5", 5001, "b");
        Announce(s, Other, "10.0.0.5", 5002);
        Announce(s, Third, "10.0.0.5", 5003);
        s.Advance(0.9);
        List<MeshAction.Dial> dials = Dials(s);
        Assert.Equal(3, dials.Count);
        MeshAction.Dial[] ofPeer = [.. dials.Where(d => d.Address.Id == Peer)];
        Assert.Equal(2, ofPeer.Length);

        s.Hello(ofPeer[0].Connection, Peer);
        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Equal([ofPeer[1].Connection], actions.OfType<MeshAction.Abort>().Select(a => a.Connection));
        Assert.Equal("10.0.0.5:5003", Assert.Single(actions.OfType<MeshAction.Dial>()).Address.HostAndPort);
    }

    // Somebody who is called by it already needs no dial, and gets none.
    [Fact]
    public void Nearby_IsAboutToJoinAsACaller_IsNotDialled()
    {
        MeshScript s = Ready();
        long caller = s.Accept(Peer, from: "10.0.0.5:999");
        s.Take();
        Announce(s, Peer, "10.0.0.5");
        s.Advance(2);
        Assert.Empty(Dials(s));
        s.Fail(caller, MesharaErrorCode.HelloTimeout);
        s.Advance(2);
        Assert.Single(Dials(s));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Nearby_Banned_IsNotDialled_UnlessTheOperatorNamesIt(bool named)
    {
        MeshScript s = Ready();
        for (int i = 0; i < 3; i++)
        {
            s.Mesh.HandleConnectionFailed(s.Mesh.HandleAccepted("10.0.0.1:7"), new ConnectionFailure(MesharaErrorCode.ProtocolError, "", Peer: Peer, Penalise: true), s.Now);
        }

        Assert.NotNull(s.Mesh.BanOf(Peer, s.Now));
        if (named)
        {
            s.Mesh.HandleTrust(Peer, s.Now);
        }

        Announce(s, Peer, "10.0.0.5");
        s.Advance(2);
        Assert.Equal(named ? 1 : 0, Dials(s).Count);
    }

    // One is wanted and one is on its way: the next only when the first has kept it waiting.
    [Fact]
    public void Nearby_OneIsMissing_TheSecondIsDialledWhenTheFirstHasNotAnsweredForASecond()
    {
        MeshScript s = Ready(target: 1, max: 4);
        Announce(s, Peer, "10.0.0.5");
        Assert.Equal(Peer, Assert.Single(Dials(s)).Address.Id);
        Announce(s, Other, "10.0.0.6");
        Assert.Empty(Dials(s));
        s.Advance(0.9);
        Announce(s, Third, "10.0.0.7");
        Assert.Empty(Dials(s));
        s.Advance(0.2);
        Assert.Single(Dials(s));

        // One is missing and one more is young: the last waits for that.
        s.Advance(0.7);
        Assert.Empty(Dials(s));
        s.Advance(0.3);
        Assert.Single(Dials(s));
    }

    // Whom the operator named takes nobody's place.
    [Fact]
    public void Nearby_ANamedOneIsOnItsWay_AStrangerIsDialledToo()
    {
        MeshScript s = Ready(target: 1, max: 4);
        s.Mesh.HandleTrust(Peer, s.Now);
        Announce(s, Peer, "10.0.0.5");
        Assert.Equal(Peer, Assert.Single(Dials(s)).Address.Id);
        Announce(s, Other, "10.0.0.6");
        Assert.Equal(Other, Assert.Single(Dials(s)).Address.Id);
    }

    [Fact]
    public void Nearby_EnoughPeersMeanwhile_StrangersDialsAreGivenUp_NotTheNamedOnes()
    {
        MeshScript s = Ready(target: 2, max: 4);
        s.Mesh.HandleTrust(Third, s.Now);
        Announce(s, Third, "10.0.0.7");
        Announce(s, Peer, "10.0.0.5");
        Announce(s, Other, "10.0.0.6");
        List<MeshAction.Dial> dials = Dials(s);
        Assert.Equal(3, dials.Count);
        s.Link(Ids.Of(0x71), from: "10.1.0.1:1");
        s.Answered(dials.Single(d => d.Address.Id == Peer).Connection, Peer);
        s.Advance(1);
        Assert.Equal([dials.Single(d => d.Address.Id == Other).Connection], s.Take().OfType<MeshAction.Abort>().Select(a => a.Connection));
    }

    [Fact]
    public void Nearby_HasAnswered_IsKeptAsProven()
    {
        MeshScript s = Ready();
        Announce(s, Peer, "10.0.0.5");
        MeshAction.Dial dial = Assert.Single(Dials(s));
        s.Wait(1);
        s.Answered(dial.Connection, Peer);
        Assert.Contains(new MeshAction.Keep(Peer), s.TakeKept());
        Assert.Equal(s.Now, Assert.Single(s.Mesh.Snapshot(Peer, s.Now).Addresses).LastSuccess);
        Assert.Equal(1, s.Mesh.AddressCounts.Proven);
    }

    [Fact]
    public void Nearby_TheOperatorsOwn_IsNotPutIntoTheAddressTable()
    {
        MeshScript s = Ready();
        s.Mesh.HandleTrust(Peer, s.Now);
        Announce(s, Peer, "10.0.0.5");
        s.Answered(Assert.Single(Dials(s)).Connection, Peer);
        Assert.Empty(s.Mesh.Snapshot(Peer, s.Now).Addresses);
        Assert.Equal(0, s.Mesh.AddressCounts.Proven);
    }

    // It has no place here: that is no word against the address, but it is not at the door again at once.
    [Fact]
    public void Nearby_NoPlaceHere_WaitsAMinute()
    {
        MeshScript s = Ready();
        Announce(s, Peer, "10.0.0.5");
        long dial = Assert.Single(Dials(s)).Connection;
        s.Mesh.HandleConnectionFailed(dial, new ConnectionFailure(MesharaErrorCode.Full, "") { IsOwnDoing = true }, s.Now);
        s.Advance(59.9);
        Assert.Empty(Dials(s));
        s.Advance(0.2);
        Assert.Single(Dials(s));
    }

    [Fact]
    public void Nearby_GivenUpByThisNode_IsDialledAgainAtOnce()
    {
        MeshScript s = Ready();
        Announce(s, Peer, "10.0.0.5");
        long dial = Assert.Single(Dials(s)).Connection;
        s.Mesh.HandleConnectionFailed(dial, new ConnectionFailure(MesharaErrorCode.Removed, "") { IsOwnDoing = true }, s.Now);
        s.Advance(0.3);
        Assert.Single(Dials(s));
    }

    // What a link's end says about the next dial: [least, most] seconds, with what it asked for.
    [Theory]
    [InlineData(DisconnectReason.Misbehaved, null, 3600, 5400)]
    [InlineData(DisconnectReason.RemoteRemoved, null, 300, 450)]
    [InlineData(DisconnectReason.RemoteRemoved, 1000d, 1000, 1500)]
    [InlineData(DisconnectReason.RemoteRemoved, 90_000d, 3600, 5400)]
    [InlineData(DisconnectReason.RemoteShutdown, 30d, 30, 30.3)]
    [InlineData(DisconnectReason.RemoteShutdown, null, 0, 8)]
    [InlineData(DisconnectReason.ConnectionLost, null, 0, 0.11)]
    public void Nearby_ALinkHasEnded_IsDialledAgainWhenItsReasonAllows(DisconnectReason reason, double? asked, double least, double most)
    {
        MeshScript s = Ready();
        Announce(s, Peer, "10.0.0.5");
        MeshAction.Dial dial = Assert.Single(Dials(s));
        s.Answered(dial.Connection, Peer);
        s.Advance(60);
        s.Take();
        s.Mesh.HandleNearbyInterfaces([LanBed.Eth], LanBed.OwnPorts);
        s.Lose(dial.Connection, reason, retryAfter: asked);
        s.Take();
        s.Advance(Math.Max(0, least - 0.1));
        if (least > 0)
        {
            Assert.Empty(Dials(s));
        }

        s.Advance(most - Math.Max(0, least - 0.1) + 0.1);
        Assert.NotEmpty(Dials(s));
    }

    // A link that ends as soon as it began is made again more slowly each time.
    [Fact]
    public void Nearby_LinksThatEndAtOnce_AreMadeMoreAndMoreSlowly()
    {
        MeshScript s = Ready();
        s.Mesh.HandleTrust(Peer, s.Now);
        Announce(s, Peer, "10.0.0.5");
        int links = 0;
        for (int tenth = 0; tenth < 3000; tenth++)
        {
            foreach (MeshAction.Dial dial in Dials(s))
            {
                links++;
                s.Answered(dial.Connection, Peer);
                s.Take();
                s.Lose(dial.Connection);
            }

            s.Advance(0.1);
        }

        Assert.InRange(links, 5, 40);
    }

    private static List<MeshAction.Dial> Dials(MeshScript s) => [.. s.Take().OfType<MeshAction.Dial>().Where(d => d.Source == AddressSource.LocalMdns)];

    private static MeshScript Ready(AdmissionMode admission = AdmissionMode.Open, int target = 8, int max = 16)
    {
        MeshScript s = new(Ids.Middle, admission, max, target: target);
        s.Start();
        s.Mesh.HandleNearbyInterfaces([LanBed.Eth], LanBed.OwnPorts);
        return s;
    }

    private static void Announce(MeshScript s, NodeId id, string address, int port = 4040, string? service = null) =>
        s.Mesh.HandleNearby([LanBed.Found(id, address, port, service: service)], s.Now);
}
