using Meshara.Core;
using Xunit;

namespace Meshara.Tests.Core;

/// <summary>Dials under way, or waited for, when the network changes.</summary>
public sealed class MeshNetworkDialsTests
{
    private static readonly PeerAddress At = new("10.1.0.1", 4040, Ids.Of(0x10));

    // It has answered: its packets arrive.
    [Fact]
    public void NetworkChanged_TheOtherSideHasSaidHello_TheDialGoesOn()
    {
        (MeshScript s, long dial) = Dialling();
        s.Hello(dial, Ids.Of(0x10));
        s.Take();

        s.Mesh.HandleNetworkChanged(s.Now);

        Assert.DoesNotContain(s.Take(), a => a is MeshAction.Abort or MeshAction.Dial);
        s.Mesh.HandleReadyReceived(dial, s.Now);
        Assert.Equal(dial, s.Single<MeshAction.LinkUp>().Connection);
    }

    // Begun anew, it has the time that a dial may take.
    [Fact]
    public void NetworkChanged_AgainAndAgain_ADialIsBegunAnewOnceInItsTime()
    {
        (MeshScript s, _) = Dialling();
        int aborted = 0;
        for (double at = 0; at < new NodeTimeouts().Connect.TotalSeconds; at += 2)
        {
            s.Mesh.HandleNetworkChanged(s.Now);
            s.Advance(2);
            aborted += s.Take().OfType<MeshAction.Abort>().Count();
        }

        Assert.Equal(1, aborted);
    }

    [Fact]
    public void NetworkChanged_LinkedTargets_AreNeitherEndedNorDialled()
    {
        (MeshScript s, long dial) = Dialling();
        s.Answered(dial, Ids.Of(0x10));
        s.Take();

        s.Mesh.HandleNetworkChanged(s.Now);
        s.Advance(3);

        Assert.DoesNotContain(s.Take(), a => a is MeshAction.Abort or MeshAction.Dial or MeshAction.CloseLink);
    }

    // Each change draws a time within the second: the soonest of them holds.
    [Fact]
    public void NetworkChanged_WhileADialIsDueSoon_ItIsNotPutOff()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            MeshScript s = new(Ids.Of(0x01), AdmissionMode.KnownPeers, seed: seed);
            s.Mesh.HandleAdd(null, At, keepForever: true, s.Now);
            s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
            s.Mesh.HandleNetworkChanged(s.Now);
            TimeSpan? due = s.Mesh.NextDeadline;

            for (int i = 0; i < 4; i++)
            {
                s.Mesh.HandleNetworkChanged(s.Now);
                Assert.True(s.Mesh.NextDeadline <= due);
                due = s.Mesh.NextDeadline;
            }
        }
    }

    private static (MeshScript Script, long Dial) Dialling()
    {
        MeshScript s = new(Ids.Of(0x01), AdmissionMode.KnownPeers);
        s.Mesh.HandleAdd(null, At, keepForever: true, s.Now);
        return (s, s.Single<MeshAction.Dial>().Connection);
    }
}
