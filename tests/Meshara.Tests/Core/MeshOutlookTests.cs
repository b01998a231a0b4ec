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
}
