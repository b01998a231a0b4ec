using Meshara.Core;
using Meshara.Tests.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core;

/// <summary>Events that come too late, too early, or of connections that nobody knows: a driver and its mesh are not in step, so they must change nothing.</summary>
public sealed class MeshStrayEventsTests
{
    private static readonly NodeId Peer = Ids.Of(0x10), Other = Ids.Of(0x20);

    [Fact]
    public void EveryEvent_OfAConnectionThatIsNotKnown_ChangesNothing()
    {
        MeshScript s = Ready();
        s.Link(Peer);
        TimeSpan? due = s.Mesh.NextDeadline;
        MeshSizes sizes = s.Mesh.Sizes;
        Everything(s, 999);
        s.Mesh.HandleBadRecord(Other, forged: true, "a record", s.Now);
        Assert.Empty(s.TakeKept());
        Assert.Equal((due, sizes), (s.Mesh.NextDeadline, s.Mesh.Sizes));
    }

    [Fact]
    public void EveryEvent_OfALinkThatIsClosing_ChangesNothing()
    {
        MeshScript s = Ready();
        long link = s.Link(Peer);
        s.Mesh.HandleRemove(Peer, s.Now);
        s.TakeKept();
        MeshSizes sizes = s.Mesh.Sizes;
        s.Mesh.HandleHello(link, new PeerFacts(Peer, 0), s.Now);
        s.Mesh.HandleReadyReceived(link, s.Now);
        s.Mesh.HandlePong(link, 1, s.Now);
        s.Mesh.HandleLiveness(link, new LinkLiveness(s.Now - TimeSpan.FromHours(1), s.Now - TimeSpan.FromHours(1), s.Now - TimeSpan.FromHours(1)) { Useful = 7 }, s.Now);
        s.Mesh.HandleConnectionFailed(link, new ConnectionFailure(MesharaErrorCode.ProtocolError, "", Peer: Peer, Penalise: true), s.Now);
        s.Mesh.HandleAddressGone(link, "10.0.0.1", s.Now);
        s.Mesh.HandleOverLimit(link, "too much", s.Now);
        s.Mesh.HandleBadRecord(Peer, forged: true, "a record", s.Now);
        Assert.Empty(s.TakeKept());
        Assert.Equal(sizes, s.Mesh.Sizes);
        Assert.Equal(0, s.Mesh.ReputationOf(Peer, s.Now));
    }

    [Fact]
    public void LivenessAndPong_OfOneThatIsOnlyGreeting_ChangeNothing()
    {
        MeshScript s = Ready();
        long connection = s.Accept(Peer);
        s.TakeKept();
        s.Mesh.HandlePong(connection, 1, s.Now);
        s.Mesh.HandleLiveness(connection, new LinkLiveness(s.Now - TimeSpan.FromHours(1), null, s.Now - TimeSpan.FromHours(1)) { Useful = 7 }, s.Now);
        s.Mesh.HandleOverLimit(connection, "too much", s.Now);
        Assert.Empty(s.TakeKept());
        s.Mesh.HandleReadyReceived(connection, s.Now);
        Assert.Single(s.Take().OfType<MeshAction.LinkUp>());
    }

    [Fact]
    public void EveryEvent_AfterTheStop_DialsAdmitsAndPlansNothing()
    {
        MeshScript s = Ready();
        s.Mesh.HandleNearbyInterfaces([LanBed.Eth], LanBed.OwnPorts);
        s.Mesh.HandleAdd(null, new PeerAddress("10.0.0.2", 4040, Other), keepForever: true, s.Now);
        s.Learn(new PeerAddress("10.5.0.1", 4040, Ids.Of(0x55)));
        long link = s.Link(Peer);
        s.Mesh.HandleStop(s.Now);
        s.TakeKept();
        Assert.Null(s.Mesh.NextDeadline);
        Assert.Equal(0, s.Mesh.Sizes.Targets);
        s.Lose(link, DisconnectReason.LocalShutdown);
        Assert.DoesNotContain(s.TakeKept(), a => a is MeshAction.Dial);

        s.Mesh.HandleTrust(Ids.Of(0x30), s.Now);
        s.Mesh.HandleNamed([new PeerAddress("10.0.0.3", 4040, Ids.Of(0x31))], s.Now);
        s.Mesh.HandleAdd(null, new PeerAddress("10.0.0.4", 4040, Ids.Of(0x32)), keepForever: true, s.Now);
        s.Mesh.HandleNearby([LanBed.Found(Ids.Of(0x33), "10.0.0.5")], s.Now);
        s.Mesh.HandleNetworkChanged(s.Now);
        s.Mesh.HandleRecord(Other, [new PeerAddress("10.0.0.6", 4040, Other)], Other, System.Net.IPAddress.Parse("10.0.0.6"), s.Now);
        s.Learn(new PeerAddress("10.6.0.1", 4040, Ids.Of(0x56)));
        Everything(s, 999);
        s.Mesh.HandleDeadline(s.Now + TimeSpan.FromHours(1));
        Assert.DoesNotContain(s.TakeKept(), a => a is MeshAction.Dial or MeshAction.SendReady or MeshAction.LinkUp or MeshAction.AskPeers);
        Assert.Null(s.Mesh.NextDeadline);
        Assert.Equal((0, 0), (s.Mesh.Sizes.Targets, s.Mesh.Sizes.Nearby));
    }

    // The operator takes it back, all of it: the file's word too, and it is left in peace where it is announced.
    [Fact]
    public void Remove_WhatTheFileNamed_IsStoredAndLeftInPeace()
    {
        MeshScript s = Ready();
        s.Mesh.HandleNearbyInterfaces([LanBed.Eth], LanBed.OwnPorts);
        s.Mesh.HandleNamed([new PeerAddress("10.0.0.5", 4040, Peer)], s.Now);
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
        s.TakeKept();
        Assert.True(s.Mesh.HandleRemove(Peer, s.Now));
        Assert.Contains(new MeshAction.Keep(Peer), s.TakeKept());
        Assert.False(s.Mesh.IsKnown(Peer));
        Assert.Equal((0, 0), (s.Mesh.Sizes.Targets, s.Mesh.Sizes.Peers));
        s.Mesh.HandleNearby([LanBed.Found(Peer, "10.0.0.5")], s.Now);
        s.Advance(299);
        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
        s.Advance(200);
        Assert.NotEmpty(s.Take().OfType<MeshAction.Dial>());
    }

    // Of one that nobody had named the addresses are forgotten too.
    [Fact]
    public void Remove_APeerThatNobodyHadNamed_IsNotDialledAgain()
    {
        MeshScript s = Ready();
        s.Learn(new PeerAddress("10.5.0.1", 4040, Peer));
        s.Answered(s.Single<MeshAction.Dial>().Connection, Peer);
        s.Take();
        s.Mesh.HandleRemove(Peer, s.Now);
        Assert.Empty(s.Mesh.Snapshot(Peer, s.Now).Addresses);
        s.Advance(600);
        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
    }

    // Nothing is held of those that came and went.
    [Fact]
    public void Strangers_ComeAndGo_NothingIsHeldOfThem()
    {
        MeshScript s = Ready();
        for (int i = 0; i < 50; i++)
        {
            long failed = s.Accept(NodeIds.At(i), from: $"10.7.{i}.1:1");
            s.Fail(failed, MesharaErrorCode.HelloTimeout);
            long link = s.Accept(NodeIds.At(i), from: $"10.7.{i}.1:1");
            s.Mesh.HandleReadyReceived(link, s.Now);
            s.Lose(link);
        }

        s.Take();
        Assert.Equal((0, 0, 0), (s.Mesh.Sizes.Peers, s.Mesh.Sizes.Connections, s.Mesh.Sizes.Linked));
    }

    private static void Everything(MeshScript s, long connection)
    {
        s.Mesh.HandleHello(connection, new PeerFacts(Other, 0), s.Now);
        s.Mesh.HandleReadyReceived(connection, s.Now);
        s.Mesh.HandlePong(connection, 1, s.Now);
        s.Mesh.HandleLiveness(connection, new LinkLiveness(s.Now, null, null), s.Now);
        s.Mesh.HandleConnectionFailed(connection, new ConnectionFailure(MesharaErrorCode.ConnectFailed, ""), s.Now);
        s.Mesh.HandleLinkClosed(connection, new LinkEnd(DisconnectReason.ConnectionLost, "", Penalise: true), s.Now);
        s.Mesh.HandleAddressGone(connection, "10.0.0.1", s.Now);
        s.Mesh.HandleOverLimit(connection, "too much", s.Now);
        s.Mesh.HandleCancelAdd(connection, s.Now);
    }

    private static MeshScript Ready()
    {
        MeshScript s = new(Ids.Middle, AdmissionMode.Open, maxPeers: 16, target: 8);
        s.Start();
        return s;
    }
}
