using Meshara.Core;
using Xunit;

namespace Meshara.Tests.Core;

/// <summary>Refused for want of a place: when to come back, and that not everybody does at once.</summary>
public sealed class MeshRefusedTests
{
    private static readonly NodeId Peer = Ids.Of(0x80);
    private static readonly PeerAddress At = new("10.80.0.1", 4040, Peer);

    [Fact]
    public void RefusedAsFull_TheTimeThatIsToldIsTheTimeThatPasses()
    {
        MeshScript s = Ready(seed: 7);
        foreach ((int least, int most) in new[] { (60, 90), (120, 180), (240, 360), (300, 450), (300, 450) })
        {
            Refuse(s, s.Take().OfType<MeshAction.Dial>().Last(d => !d.Probe).Connection);
            TimeSpan told = s.Take().OfType<MeshAction.Refused>().Single().Failure.RetryAfter!.Value;
            Assert.InRange(told.TotalSeconds, least, most + 1);

            s.Advance(told.TotalSeconds - 1.1);
            Assert.DoesNotContain(s.Take(), a => a is MeshAction.Dial { Probe: false });
            Assert.Equal(0, Assert.Single(s.Mesh.Snapshot(Peer, s.Now).Addresses).Failures);
            s.Advance(1.2);
        }
    }

    [Fact]
    public void RefusedAsFull_AnotherAddressOfThePeer_WaitsToo()
    {
        MeshScript s = Ready(seed: 7);
        s.Learn(At);
        s.Learn(new PeerAddress("10.81.0.1", 4040, Peer));
        Refuse(s, s.Take().OfType<MeshAction.Dial>().First().Connection);

        s.Advance(59);

        Assert.DoesNotContain(s.Take(), a => a is MeshAction.Dial { Probe: false });
    }

    [Fact]
    public void RefusedAsFull_PeerAsksForLong_IsNeverDialledSooner()
    {
        MeshScript s = Ready(seed: 7);
        Refuse(s, s.Take().OfType<MeshAction.Dial>().Last().Connection, retryAfter: 1800);
        s.Take();

        s.Advance(1799);

        Assert.DoesNotContain(s.Take(), a => a is MeshAction.Dial { Probe: false });
        s.Advance(902);
        Assert.Contains(s.Take(), a => a is MeshAction.Dial { Probe: false });
    }

    // Doors that stay shut: at most a dozen times an hour.
    [Fact]
    public void RefusedAsFull_ForADay_IsKnockedAtTwelveTimesAnHourAtMost()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            MeshScript s = Ready(seed);
            int dials = 0;
            TimeSpan end = s.Now + TimeSpan.FromDays(1);
            while (s.Now < end)
            {
                foreach (MeshAction.Dial dial in s.Take().OfType<MeshAction.Dial>().Where(d => !d.Probe))
                {
                    dials++;
                    Refuse(s, dial.Connection);
                }

                s.Advance(10);
            }

            Assert.InRange(dials, 100, 3 + (24 * 12));
        }
    }

    // A hub is back after a restart and sends hundreds away in the same instant: they come back one by one.
    [Theory]
    [InlineData(null, 60, 90)]
    [InlineData(60.0, 60, 90)]
    [InlineData(200.0, 200, 300)]
    public void RefusedAsFull_ManyInTheSameInstant_ComeBackSpreadOut(double? retryAfter, int least, int most)
    {
        const int Nodes = 300;
        int[] perSecond = new int[most + 2];
        for (int seed = 0; seed < Nodes; seed++)
        {
            MeshScript s = Ready(seed);
            Refuse(s, s.Take().OfType<MeshAction.Dial>().Last().Connection, retryAfter);
            s.Take();
            TimeSpan start = s.Now;
            while (!s.Take().OfType<MeshAction.Dial>().Any(d => !d.Probe))
            {
                s.Advance(0.25);
            }

            int second = (int)(s.Now - start - TimeSpan.FromSeconds(0.25)).TotalSeconds;
            Assert.InRange(second, least - 1, most);
            perSecond[second]++;
        }

        // Thirty seconds at least for them, so ten each on average.
        Assert.True(perSecond.Max() <= Nodes / 10, string.Join(" ", perSecond));
    }

    [Fact]
    public void Closed_BesideALinkToTheSamePeer_IsToldAsDuplicate()
    {
        MeshScript s = new(Ids.Low);
        long first = s.Accept(Ids.High);
        long second = s.Accept(Ids.High, from: "10.0.0.1:1001");
        s.Mesh.HandleReadyReceived(second, s.Now);
        s.Take();

        s.Fail(first, MesharaErrorCode.LinkClosed);

        Assert.Equal((MesharaErrorCode.Duplicate, Ids.High), Told(s));
    }

    [Theory]
    [InlineData("10.0.0.9", MesharaErrorCode.Duplicate)]
    [InlineData("10.0.0.8", MesharaErrorCode.TlsFailed)]
    public void Closed_DuringTlsWhileWeDialThatHost_IsToldAsDuplicate(string from, MesharaErrorCode told)
    {
        MeshScript s = new(Ids.Low);
        s.Start();
        s.Mesh.HandleAdd(1, new PeerAddress("10.0.0.9", 4040) { Id = Ids.High }, keepForever: true, s.Now);
        long theirs = s.Mesh.HandleAccepted($"{from}:50000");
        s.Take();

        s.Fail(theirs, MesharaErrorCode.TlsFailed);

        Assert.Equal((told, null), Told(s));
    }

    [Theory]
    [InlineData(MesharaErrorCode.TlsFailed, false)]
    [InlineData(MesharaErrorCode.HelloTimeout, true)]
    public void Failed_ForAReasonOfItsOwnBesideALink_IsToldAsItIs(MesharaErrorCode code, bool transient)
    {
        MeshScript s = new(Ids.Low);
        long first = s.Accept(Ids.High);
        s.Accept(Ids.High, from: "10.0.0.1:1001");
        s.Take();

        s.Fail(first, code, transient);

        Assert.Equal((code, Ids.High), Told(s));
    }

    [Fact]
    public void Closed_BesideALinkToAnotherPeer_IsToldAsItIs()
    {
        MeshScript s = new(Ids.Low);
        s.Link(Ids.Middle);
        long first = s.Accept(Ids.High);
        s.Take();

        s.Fail(first, MesharaErrorCode.LinkClosed);

        Assert.Equal((MesharaErrorCode.LinkClosed, Ids.High), Told(s));
    }

    private static (MesharaErrorCode Code, NodeId? Peer) Told(MeshScript s)
    {
        MeshAction.Refused refused = s.Single<MeshAction.Refused>();
        return (refused.Failure.Code, refused.Peer);
    }

    private static void Refuse(MeshScript s, long connection, double? retryAfter = 60) =>
        s.Fail(connection, MesharaErrorCode.Full, byPeer: true, peer: Peer, retryAfter: retryAfter);

    private static MeshScript Ready(int seed)
    {
        MeshScript s = new(Ids.Of(0x01), target: 1, maxPeers: 2, seed: seed);
        s.Start();
        s.Learn(At);
        return s;
    }
}
