using Meshara.Core;
using Meshara.Core.Policy;
using Meshara.Tests.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core;

/// <summary>Dials on the node's own account: which are made at once, which are given up, and what their end says.</summary>
public sealed class MeshCandidatesTests
{
    private static readonly NodeId Self = Ids.Of(0x01), Peer = Ids.Of(0x10), Other = Ids.Of(0x20), Third = Ids.Of(0x30);

    [Fact]
    public void Learned_TwoIdsAtOneHostAndPort_AreDialledOneAfterTheOther()
    {
        MeshScript s = Ready(target: 4, max: 8);
        s.Learn(new PeerAddress("10.1.0.1", 4040, Peer));
        s.Learn(new PeerAddress("10.1.0.1", 4040, Other));
        MeshAction.Dial first = s.Single<MeshAction.Dial>();
        s.Advance(5);
        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
        s.Fail(first.Connection, MesharaErrorCode.PinMismatch, transient: false);
        s.Advance(120);
        Assert.Equal(first.Address.Id == Peer ? Other : Peer, s.Take().OfType<MeshAction.Dial>().First(d => !d.Probe).Address.Id);
    }

    [Fact]
    public void Learned_OneIdAtTwoAddresses_IsDialledAtOneOfThem()
    {
        MeshScript s = Ready(target: 4, max: 8);
        s.Learn(new PeerAddress("10.1.0.1", 4040, Peer));
        s.Learn(new PeerAddress("10.2.0.1", 4040, Peer));
        MeshAction.Dial dial = s.Single<MeshAction.Dial>();
        s.Advance(5);
        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
        s.Answered(dial.Connection, Peer);
        s.Take();
        s.Advance(60);
        Assert.DoesNotContain(s.Take().OfType<MeshAction.Dial>(), d => !d.Probe);
    }

    // What the operator named is dialled for him, at his pace: also while that waits.
    [Fact]
    public void Learned_TheOperatorsAddressToo_IsNotDialledBesideHisDial()
    {
        MeshScript s = Ready(target: 4, max: 8);
        s.Mesh.HandleAdd(null, new PeerAddress("10.1.0.1", 4040), keepForever: true, s.Now);
        MeshAction.Dial his = s.Single<MeshAction.Dial>();
        s.Learn(new PeerAddress("10.1.0.1", 4040, Peer));
        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
        for (int i = 0; i < 5; i++)
        {
            s.Fail(his.Connection, MesharaErrorCode.ConnectFailed);
            s.Advance(70);
            his = Assert.Single(s.Take().OfType<MeshAction.Dial>());
            Assert.Null(his.Address.Id);
        }
    }

    [Fact]
    public void Learned_OwnId_IsNotDialled()
    {
        MeshScript s = Ready(target: 4, max: 8);
        s.Learn(new PeerAddress("10.1.0.1", 4040, Self));
        s.Advance(300);
        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
    }

    // It came another way: its dial is not needed.
    [Fact]
    public void Live_FoundInTheLocalNetworkMeanwhile_TheOtherDialOfThatIdIsGivenUp()
    {
        MeshScript s = Ready(target: 4, max: 8);
        s.Mesh.HandleNearbyInterfaces([LanBed.Eth], LanBed.OwnPorts);
        s.Learn(new PeerAddress("10.1.0.1", 4040, Peer));
        MeshAction.Dial learned = s.Single<MeshAction.Dial>();
        s.Learn(new PeerAddress("10.2.0.1", 4040, Other));
        s.Take();
        s.Mesh.HandleNearby([LanBed.Found(Peer, "10.0.0.5")], s.Now);
        MeshAction.Dial near = s.Single<MeshAction.Dial>();
        s.Answered(near.Connection, Peer);
        Assert.Equal([learned.Connection], s.Take().OfType<MeshAction.Abort>().Select(a => a.Connection));
    }

    // Whatever is learned of an id is stored: at the start of a link, at its end, and where a dial came to nothing.
    [Fact]
    public void Kept_EachTimeSomethingIsLearnedOfIt()
    {
        MeshScript s = Ready(target: 4, max: 8);
        s.Learn(new PeerAddress("10.1.0.1", 4040, Peer));
        MeshAction.Dial dial = s.Single<MeshAction.Dial>();
        s.Fail(dial.Connection, MesharaErrorCode.ConnectFailed);
        Assert.Contains(new MeshAction.Keep(Peer), s.TakeKept());
        s.Advance(5);
        dial = s.Single<MeshAction.Dial>();
        s.Hello(dial.Connection, Peer);
        s.TakeKept();
        s.Mesh.HandleReadyReceived(dial.Connection, s.Now);
        Assert.Contains(new MeshAction.Keep(Peer), s.TakeKept());
        s.Advance(60);
        s.TakeKept();
        s.Lose(dial.Connection);
        Assert.Contains(new MeshAction.Keep(Peer), s.TakeKept());
    }

    // A dial for the operator says something about an address that is known besides.
    [Fact]
    public void Kept_TheOperatorsDialFails_WhatTheTableKnowsOfItIsWorse()
    {
        MeshScript s = Ready(target: 0, max: 8);
        PeerAddress address = new("10.1.0.1", 4040, Peer);
        s.Learn(address);
        s.Mesh.HandleAdd(null, address, keepForever: true, s.Now);
        MeshAction.Dial dial = s.Single<MeshAction.Dial>();
        s.Wait(3);
        s.Fail(dial.Connection, MesharaErrorCode.ConnectFailed);
        Assert.Contains(new MeshAction.Keep(Peer), s.TakeKept());
        AddressRecord known = Assert.Single(s.Mesh.Snapshot(Peer, s.Now).Addresses);
        Assert.Equal((s.Now, 1), (known.LastTried, known.FailedDials));
        s.Advance(2);
        dial = s.Take().OfType<MeshAction.Dial>().First();
        s.Hello(dial.Connection, Peer);
        s.TakeKept();
        s.Mesh.HandleReadyReceived(dial.Connection, s.Now);
        Assert.Contains(new MeshAction.Keep(Peer), s.TakeKept());
        Assert.Equal(s.Now, Assert.Single(s.Mesh.Snapshot(Peer, s.Now).Addresses).LastSuccess);
    }

    [Theory]
    [InlineData(MesharaErrorCode.Full, 60)]
    [InlineData(MesharaErrorCode.Removed, 0)]
    public void Failed_ByThisNodeItself_NothingSpeaksAgainstTheAddress(MesharaErrorCode code, double wait)
    {
        MeshScript s = Ready(target: 4, max: 8);
        s.Learn(new PeerAddress("10.1.0.1", 4040, Peer));
        s.Mesh.HandleConnectionFailed(s.Single<MeshAction.Dial>().Connection, new ConnectionFailure(code, "") { IsOwnDoing = true }, s.Now);
        if (wait > 0)
        {
            s.Advance(wait - 0.1);
            Assert.Empty(s.Take().OfType<MeshAction.Dial>());
        }

        s.Advance(0.3);
        Assert.Single(s.Take().OfType<MeshAction.Dial>());
        Assert.Equal(0, Assert.Single(s.Mesh.Snapshot(Peer, s.Now).Addresses).FailedDials);
    }

    [Fact]
    public void Failed_LeadsBackToThisNode_IsForgotten()
    {
        MeshScript s = Ready(target: 4, max: 8);
        s.Learn(new PeerAddress("10.1.0.1", 4040, Peer));
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.Self, transient: false);
        Assert.Equal(0, s.Mesh.AddressCounts.Unproven);
        s.Learn(new PeerAddress("10.1.0.1", 4040, Other));
        Assert.Equal(0, s.Mesh.AddressCounts.Unproven);
    }

    // The name in the configuration leads to somebody who is linked already: that is who it is.
    [Fact]
    public void Failed_BootstrapNameOfOneWhoIsLinked_IsKnownToBeHis()
    {
        MeshScript s = new(Self, target: 4, maxPeers: 8, bootstrap: [new PeerAddress("10.9.0.1", 4040)]);
        s.Link(Peer, from: "10.9.0.1:999");
        s.Start();
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.Duplicate, byPeer: true, peer: Peer);
        Assert.Equal(new PeerAddress("10.9.0.1", 4040, Peer), Assert.Single(s.Mesh.Snapshot(Peer, s.Now).Addresses).Address);
        s.Advance(200);
        Assert.DoesNotContain(s.Take().OfType<MeshAction.Dial>(), d => !d.Probe);
    }

    // [least, most] seconds until its address is dialled again, with what it asked for.
    [Theory]
    [InlineData(DisconnectReason.Misbehaved, null, 3600, 5400)]
    [InlineData(DisconnectReason.Evicted, null, 300, 450)]
    [InlineData(DisconnectReason.RemoteProtocolError, null, 300, 450)]
    [InlineData(DisconnectReason.IdentityInUse, 1000d, 1000, 1500)]
    [InlineData(DisconnectReason.IdentityInUse, 100d, 300, 450)]
    [InlineData(DisconnectReason.RemoteShutdown, 40d, 40, 60)]
    [InlineData(DisconnectReason.RemoteShutdown, null, 0, 12)]
    [InlineData(DisconnectReason.ConnectionLost, 50d, 50, 75)]
    [InlineData(DisconnectReason.ConnectionLost, null, 0, 0.2)]
    public void Lost_APeerOfItsOwnChoice_IsDialledAgainWhenTheReasonAllows(DisconnectReason reason, double? asked, double least, double most)
    {
        MeshScript s = Ready(target: 4, max: 8);
        s.Learn(new PeerAddress("10.1.0.1", 4040, Peer));
        MeshAction.Dial dial = s.Single<MeshAction.Dial>();
        s.Answered(dial.Connection, Peer);
        s.Advance(60);
        s.Take();
        s.Lose(dial.Connection, reason, retryAfter: asked);
        s.Take();
        s.Advance(Math.Max(0, least - 0.1));
        if (least > 0)
        {
            Assert.Empty(s.Take().OfType<MeshAction.Dial>());
        }

        s.Advance(most - Math.Max(0, least - 0.1) + 1);
        Assert.NotEmpty(s.Take().OfType<MeshAction.Dial>());
    }

    // Those linked longest, of two groups; who is named by the operator, calls in, or was only tested is none.
    [Fact]
    public void Anchors_TheTwoOldestOfItsOwnChoice_KeptUntilThereAreBetterOnes()
    {
        MeshScript s = Ready(target: 6, max: 12);
        s.Link(Ids.Of(0x70), from: "10.7.0.1:1");
        s.TakeKept();
        long[] links = new long[3];
        NodeId[] peers = [Peer, Other, Third];
        PeerAddress[] addresses = [.. peers.Select((id, i) => new PeerAddress($"{20 + i}.0.0.1", 4040, id))];
        for (int i = 0; i < 3; i++)
        {
            s.Learn(addresses[i]);
            MeshAction.Dial dial = s.TakeKept().OfType<MeshAction.Dial>().Single();
            s.Answered(links[i] = dial.Connection, peers[i]);
            IReadOnlyList<PeerAddress>? kept = s.TakeKept().OfType<MeshAction.KeepAnchors>().LastOrDefault()?.Anchors;
            Assert.Equal(i == 2 ? null : addresses[..(i + 1)], kept);
            s.Advance(1);
            s.TakeKept();
        }

        // The oldest has gone: the next two.
        s.Lose(links[0], DisconnectReason.Evicted);
        Assert.Equal([addresses[1], addresses[2]], s.TakeKept().OfType<MeshAction.KeepAnchors>().Last().Anchors);

        // Nobody is left: those it had.
        s.Lose(links[1], DisconnectReason.Evicted);
        s.Lose(links[2], DisconnectReason.Evicted);
        foreach (MeshAction.KeepAnchors keep in s.TakeKept().OfType<MeshAction.KeepAnchors>())
        {
            Assert.Equal(addresses[1..].Select(a => a.Id).Order(), keep.Anchors.Select(a => a.Id).Order());
        }

        // The operator names one of them: it is no anchor.
        s.Mesh.HandleTrust(Other, s.Now);
        s.Advance(1);
        Assert.Equal([addresses[2]], s.TakeKept().OfType<MeshAction.KeepAnchors>().Last().Anchors);
    }

    // One test at a time, however long it takes; dials for a place are no test.
    [Fact]
    public void Feeler_TheOneBeforeHasNotEnded_NoOther()
    {
        MeshScript s = Ready(target: 1, max: 4);
        s.Learn(new PeerAddress("10.1.0.1", 4040, Peer));
        s.Answered(s.Single<MeshAction.Dial>().Connection, Peer);
        for (byte i = 0; i < 6; i++)
        {
            s.Learn(new PeerAddress($"{30 + i}.0.0.1", 4040, Ids.Of((byte)(0x40 + i))));
        }

        s.Take();
        s.Advance(121);
        s.TakeProbes();
        Assert.Single(s.Probes);
        Assert.Equal((1, 1), (s.Mesh.Counts.Feelers, s.Mesh.Counts.Mesh));
        s.Advance(121);
        s.TakeProbes();
        Assert.Single(s.Probes);
        s.Fail(s.Probes[0].Connection, MesharaErrorCode.ConnectFailed);
        Assert.Equal(0, s.Mesh.Counts.Feelers);
        s.Advance(121);
        s.TakeProbes();
        Assert.Equal(2, s.Probes.Count);
    }

    // The operator's dial takes over: of the same peer, or of the same host and port; others go on.
    [Theory]
    [InlineData("10.1.0.1", true, true)]
    [InlineData("10.1.0.1", false, true)]
    [InlineData("10.99.0.1", true, true)]
    [InlineData("10.99.0.1", false, false)]
    public void Add_CandidatesUnderWay_ThoseThatHeMeansAreGivenUp(string host, bool withId, bool givenUp)
    {
        MeshScript s = Ready(target: 2, max: 4);
        s.Learn(new PeerAddress("10.1.0.1", 4040, Peer));
        s.Learn(new PeerAddress("10.2.0.1", 4040, Other));
        MeshAction.Dial[] dials = [.. s.Take().OfType<MeshAction.Dial>()];
        Assert.Equal(2, dials.Length);
        s.Mesh.HandleAdd(1, new PeerAddress(host, 4040, withId ? Peer : null), keepForever: false, s.Now);
        Assert.Equal(givenUp ? [dials.Single(d => d.Address.Id == Peer).Connection] : [], s.Take().OfType<MeshAction.Abort>().Select(a => a.Connection));
    }

    // Packets may leave by an address that has gone: those that connect begin anew, those that have come to HELLO go on.
    [Fact]
    public void NetworkChanged_DialsUnderWay_BeginAnew_AndWhatFailedIsDialled()
    {
        MeshScript s = Ready(target: 3, max: 6);
        s.Mesh.HandleNearbyInterfaces([LanBed.Eth], LanBed.OwnPorts);
        s.Mesh.HandleNearby([LanBed.Found(Third, "10.0.0.5")], s.Now);
        for (int i = 0; i < 4; i++)
        {
            s.Fail(s.Take().OfType<MeshAction.Dial>().Single().Connection, MesharaErrorCode.ConnectFailed);
            s.Advance(120);
        }

        s.Fail(s.Take().OfType<MeshAction.Dial>().Single().Connection, MesharaErrorCode.ConnectFailed);
        s.Learn(new PeerAddress("10.1.0.1", 4040, Peer));
        s.Learn(new PeerAddress("10.2.0.1", 4040, Other));
        MeshAction.Dial[] dials = [.. s.Take().OfType<MeshAction.Dial>()];
        Assert.Equal([Peer, Other], dials.Select(d => d.Address.Id!.Value));
        s.Hello(dials[0].Connection, Peer);
        s.Take();
        s.Mesh.HandleNetworkChanged(s.Now);
        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Equal([dials[1].Connection], actions.OfType<MeshAction.Abort>().Select(a => a.Connection));
        Assert.Equal([Other, Third], actions.OfType<MeshAction.Dial>().Select(d => d.Address.Id!.Value).Order());
    }

    private static MeshScript Ready(int target, int max)
    {
        MeshScript s = new(Self, target: target, maxPeers: max);
        s.Start();
        return s;
    }
}
