using Meshara.Core;
using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core;

/// <summary>What a mesh tells probes and people, and that telling changes nothing.</summary>
public sealed class MeshOutlookTests
{
    [Fact]
    public void Probe_NoPlaceForItsSender_IsAdmittedAndToldTheLimit()
    {
        MeshScript s = new(Ids.Low, maxPeers: 1);
        long link = s.Link(Ids.High);

        long probe = s.Accept(Ids.Middle, instance: 9, probe: true, from: "10.9.0.1:1000");

        Assert.Equal([new MeshAction.SendReady(probe) { NoPlace = (new MetLimit("max_peers", 1), TimeSpan.FromSeconds(60)) }], s.Take());
        Assert.Equal(link, s.Mesh.LinkOf(Ids.High));
        Assert.Equal(1, s.Mesh.Counts.Mesh);
    }

    [Fact]
    public void Probe_SenderIsNamedByTheOperatorOrThereIsRoom_IsToldNothing()
    {
        MeshScript s = new(Ids.Low, maxPeers: 1);
        long first = s.Accept(Ids.Middle, instance: 9, probe: true);
        Assert.Equal([new MeshAction.SendReady(first)], s.Take());

        s.Link(Ids.High);
        s.Mesh.HandleTrust(Ids.Middle, s.Now);
        s.Take();
        long second = s.Accept(Ids.Middle, instance: 9, probe: true);

        Assert.Null(Assert.Single(s.Take().OfType<MeshAction.SendReady>(), r => r.Connection == second).NoPlace);
    }

    [Fact]
    public void OutlookOf_WantedPeerThatFailed_SaysWhenItIsDialledNextAndHowOftenItFailed()
    {
        MeshScript s = new(Ids.Low);
        PeerAddress address = new("10.0.0.2", 4040, Ids.High);
        s.Mesh.HandleAdd(null, address, keepForever: true, s.Now);
        long dial = s.Single<MeshAction.Dial>().Connection;
        Assert.True(s.Mesh.OutlookOf(address, s.Now).IsDialling);
        s.Fail(dial, MesharaErrorCode.ConnectFailed);
        s.Take();

        DialOutlook outlook = s.Mesh.OutlookOf(address, s.Now);

        Assert.Equal((1, true, true, false, false), (outlook.Attempts, outlook.IsWanted, outlook.IsKnown, outlook.IsDialling, outlook.IsSelf));
        Assert.True(outlook.NextDial > s.Now);
        Assert.Equal(outlook, s.Mesh.OutlookOf(address, s.Now) with { OlderKeys = outlook.OlderKeys });
        Assert.Empty(s.Take());
    }

    [Fact]
    public void OutlookOf_OwnId_IsSelf() => Assert.True(new MeshScript(Ids.Low).Mesh.OutlookOf(new PeerAddress("10.0.0.2", 4040, Ids.Low), TimeSpan.FromSeconds(100)).IsSelf);

    // Asked for by host and port alone, or with the id that answered there: it is the one that the operator named.
    [Fact]
    public void OutlookOf_TheHostAndPortOfWhatIsWanted_IsFound_AnotherIdThereIsNot()
    {
        MeshScript s = new(Ids.Low);
        s.Mesh.HandleAdd(null, new PeerAddress("10.0.0.2", 4040, Ids.High), keepForever: true, s.Now);
        s.Mesh.HandleAdd(null, new PeerAddress("10.0.0.3", 4040, Ids.Of(0x77)), keepForever: true, s.Now);
        Assert.True(s.Mesh.OutlookOf(new PeerAddress("10.0.0.2", 4040), s.Now) is { IsWanted: true, IsDialling: true, Id: null, IsKnown: false, IsLinked: false });
        Assert.True(s.Mesh.OutlookOf(new PeerAddress("10.0.0.2", 4040, Ids.Middle), s.Now) is { IsWanted: false, IsDialling: false, Attempts: 0, NextDial: null, Source: null });
        Assert.False(s.Mesh.OutlookOf(new PeerAddress("10.0.0.9", 4040), s.Now).IsWanted);
        Assert.False(s.Mesh.OutlookOf(new PeerAddress("10.0.0.9", 4040, Ids.High), s.Now).IsWanted);
    }

    [Fact]
    public void OutlookOf_WhatAnsweredAtAnAddressWithoutAnId_IsThatPeer()
    {
        MeshScript s = new(Ids.Low);
        s.Mesh.HandleAdd(null, new PeerAddress("10.0.0.2", 4040), keepForever: true, s.Now);
        s.Answered(s.Single<MeshAction.Dial>().Connection, Ids.High);
        s.Take();
        Assert.True(s.Mesh.OutlookOf(new PeerAddress("10.0.0.2", 4040, Ids.High), s.Now) is { IsWanted: true, IsLinked: true, IsDialling: false });
        Assert.False(s.Mesh.OutlookOf(new PeerAddress("10.0.0.2", 4040, Ids.Middle), s.Now).IsWanted);
    }

    [Fact]
    public void OutlookOf_ALearnedAddress_SaysWhereItIsFromAndHowOftenItFailed()
    {
        MeshScript s = new(Ids.Low, target: 2, maxPeers: 4);
        s.Start();
        PeerAddress address = new("10.0.0.2", 4040, Ids.High);
        s.Learn(address);
        long dial = s.Single<MeshAction.Dial>().Connection;
        Assert.True(s.Mesh.OutlookOf(address, s.Now) is { IsDialling: true, IsWanted: false, IsKnown: false, Source: AddressSource.Manual, Attempts: 0 });
        s.Fail(dial, MesharaErrorCode.ConnectFailed);
        Assert.True(s.Mesh.OutlookOf(address, s.Now) is { IsDialling: false, Attempts: 1, NextDial: null });
    }

    [Fact]
    public void Sizes_SayWhatIsHeld()
    {
        MeshScript s = new(Ids.Low, maxPeers: 8);
        s.Start();
        s.Link(Ids.High, from: "10.1.0.1:1");
        s.Accept(Ids.Middle, from: "10.2.0.1:1");
        s.Mesh.HandleAccepted("10.3.0.1:1");
        s.Mesh.HandleAdd(null, new PeerAddress("10.0.0.2", 4040, Ids.Of(0x77)), keepForever: true, s.Now);
        MeshSizes sizes = s.Mesh.Sizes;
        Assert.Equal((2, 1, 4, 2, 1), (sizes.Peers, sizes.Linked, sizes.Connections, sizes.Greeting, sizes.Targets));
        Assert.Equal((0, 0, 0, 0), (sizes.Nearby, sizes.Reputations, sizes.Bans, sizes.RefusedKeys));
        Assert.InRange(sizes.Deadlines, 1, 8);
    }

    // Who is let in beyond the bounds: whom the operator named where he named them, and where they are linked from; and all that answered once.
    [Fact]
    public void PinnedHosts_WantedOnesAndLinkedKnownOnes_ProvenHosts_ThoseThatAnswered()
    {
        MeshScript s = new(Ids.Low, target: 4, maxPeers: 8);
        s.Start();
        s.Mesh.HandleAdd(null, new PeerAddress("10.0.0.2", 4040, Ids.Of(0x77)), keepForever: true, s.Now);
        s.Mesh.HandleTrust(Ids.High, s.Now);
        s.Mesh.HandleTrust(Ids.Of(0x78), s.Now);
        s.Link(Ids.High, from: "10.1.0.1:1");
        s.Link(Ids.Middle, from: "10.2.0.1:1");
        Assert.Equal(["10.0.0.2", "10.1.0.1"], s.Mesh.PinnedHosts().Order());
        s.Learn(new PeerAddress("10.5.0.1", 4040, Ids.Of(0x55)));
        s.Learn(new PeerAddress("10.6.0.1", 4040, Ids.Of(0x66)));
        foreach (MeshAction.Dial dial in s.Take().OfType<MeshAction.Dial>().Where(d => d.Address.Id == Ids.Of(0x55)))
        {
            s.Answered(dial.Connection, Ids.Of(0x55));
        }

        Assert.Equal(["10.5.0.1"], s.Mesh.ProvenHosts());
    }
}
