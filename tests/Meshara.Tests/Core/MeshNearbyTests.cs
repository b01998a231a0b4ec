using Meshara.Core;
using Meshara.Core.Policy;
using Meshara.Tests.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core;

/// <summary>Nodes that are announced in the local network.</summary>
public sealed class MeshNearbyTests
{
    private static readonly NodeId Peer = Ids.Of(0x10), Other = Ids.Of(0x20);

    [Fact]
    public void Nearby_Open_IsDialledWithItsPin_AndRememberedWhenItHasAnswered()
    {
        MeshScript s = Ready(AdmissionMode.Open);
        Announce(s, Peer, "10.0.0.5");

        MeshAction.Dial dial = s.Single<MeshAction.Dial>();
        Assert.Equal(("10.0.0.5:4040", Peer, AddressSource.LocalMdns, false), (dial.Address.HostAndPort, dial.Address.Id, dial.Source, dial.Probe));
        Assert.Empty(s.Mesh.Snapshot(Peer, s.Now).Addresses);
        s.Answered(dial.Connection, Peer);

        Assert.Single(s.Take().OfType<MeshAction.LinkUp>());
        Assert.False(s.Mesh.IsKnown(Peer));
        Assert.Equal(AddressSource.LocalMdns, Assert.Single(s.Mesh.Snapshot(Peer, s.Now).Addresses).Source);
    }

    [Fact]
    public void Nearby_LinkLocal_IsDialledWithItsInterface()
    {
        MeshScript s = Ready(AdmissionMode.Open);
        Announce(s, Peer, "fe80::5");

        MeshAction.Dial dial = s.Single<MeshAction.Dial>();
        Assert.Equal("[fe80::5%eth0]:4040", dial.Address.HostAndPort);
        s.Answered(dial.Connection, Peer);
        Assert.Equal("[fe80::5%eth0]:4040", Assert.Single(s.Mesh.Snapshot(Peer, s.Now).Addresses).Address.HostAndPort);
    }

    [Fact]
    public void Nearby_KnownPeersOnly_AStrangerIsToldOnceAndNotDialled()
    {
        MeshScript s = Ready(AdmissionMode.KnownPeers);
        Announce(s, Peer, "10.0.0.5");
        Announce(s, Peer, "10.0.0.5");
        Announce(s, Peer, "10.0.0.6");
        s.Advance(3600);

        MeshAction.Nearby told = Assert.IsType<MeshAction.Nearby>(Assert.Single(s.Take()));
        Assert.Equal((Peer, "10.0.0.5:4040"), (told.Peer, told.Address));
    }

    [Fact]
    public void Trust_OfOneWhoIsAnnounced_DialsItAtOnce()
    {
        MeshScript s = Ready(AdmissionMode.KnownPeers);
        Announce(s, Peer, "10.0.0.5");
        s.Take();
        s.Mesh.HandleTrust(Peer, s.Now);

        Assert.Equal("10.0.0.5:4040", s.Single<MeshAction.Dial>().Address.HostAndPort);
    }

    [Fact]
    public void Nearby_APinnedPeerElsewhereThanItsEntry_IsDialledThereAtOnce()
    {
        MeshScript s = Ready(AdmissionMode.KnownPeers);
        s.Mesh.HandleAdd(null, new PeerAddress("10.0.0.99", 4040, Peer), keepForever: true, s.Now);
        MeshAction.Dial stale = s.Single<MeshAction.Dial>();

        Announce(s, Peer, "10.0.0.5", 5050);
        MeshAction.Dial dial = s.Single<MeshAction.Dial>();
        Assert.Equal("10.0.0.5:5050", dial.Address.HostAndPort);
        s.Answered(dial.Connection, Peer);
        Assert.Single(s.Take().OfType<MeshAction.LinkUp>());

        // Lost: it is found again where it is announced, though its entry stays wrong.
        s.Fail(stale.Connection, MesharaErrorCode.ConnectFailed);
        s.Advance(20);
        s.Take();
        s.Lose(dial.Connection);
        s.Advance(1);
        Assert.Contains(s.Take().OfType<MeshAction.Dial>(), d => d.Address.HostAndPort == "10.0.0.5:5050");
    }

    [Fact]
    public void Nearby_EnoughPeers_OnlyKnownOnesAreDialled()
    {
        MeshScript s = Ready(AdmissionMode.Open, target: 1, max: 4);
        Announce(s, Peer, "10.0.0.5");
        s.Answered(s.Single<MeshAction.Dial>().Connection, Peer);
        s.Take();

        Announce(s, Other, "10.0.0.6");
        s.Advance(60);
        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
        s.Mesh.HandleTrust(Other, s.Now);
        Assert.Equal(Other, s.Single<MeshAction.Dial>().Address.Id);
    }

    [Fact]
    public void Nearby_TargetZero_NobodyIsDialled()
    {
        MeshScript s = Ready(AdmissionMode.Open, target: 0);
        Announce(s, Peer, "10.0.0.5");
        s.Advance(60);

        Assert.Empty(s.Take());
    }

    [Fact]
    public void Nearby_Self_IsNotDialled()
    {
        MeshScript s = Ready(AdmissionMode.Open);
        Announce(s, Ids.Middle, "10.0.0.5");
        s.Advance(60);

        Assert.Empty(s.Take());
    }

    [Fact]
    public void Nearby_LinkedAlready_IsNotDialled_AndAgainWhenTheLinkIsLost()
    {
        MeshScript s = Ready(AdmissionMode.Open);
        long link = s.Link(Peer);
        Announce(s, Peer, "10.0.0.5");
        s.Advance(20);
        Assert.Empty(s.Take().OfType<MeshAction.Dial>());

        s.Lose(link);
        s.Advance(1);
        Assert.Equal("10.0.0.5:4040", s.Take().OfType<MeshAction.Dial>().First().Address.HostAndPort);
    }

    [Fact]
    public void NearbyGone_ClosesNoLink()
    {
        MeshScript s = Ready(AdmissionMode.Open);
        Announce(s, Peer, "10.0.0.5");
        s.Answered(s.Single<MeshAction.Dial>().Connection, Peer);
        s.Take();

        s.Mesh.HandleNearbyGone(Peer.ToShortString(), LanTable.Grace, s.Now);
        s.Advance(120);

        Assert.NotNull(s.Mesh.LinkOf(Peer));
        Assert.Empty(s.Take().OfType<MeshAction.CloseLink>());
        Assert.Empty(s.Mesh.NearbyAddressesOf(Peer));
    }

    // Anybody can announce the id of another.
    [Fact]
    public void Nearby_AnotherKeyAnswers_NothingIsHeldAgainstTheId()
    {
        MeshScript s = Ready(AdmissionMode.Open);
        Announce(s, Peer, "10.0.0.66");
        MeshAction.Dial forged = s.Single<MeshAction.Dial>();
        s.Fail(forged.Connection, MesharaErrorCode.PinMismatch, transient: false);
        s.Take();
        Announce(s, Peer, "10.0.0.5", service: "honest");

        Assert.Equal("10.0.0.5:4040", s.Single<MeshAction.Dial>().Address.HostAndPort);
        Assert.Equal(0, s.Mesh.ReputationOf(Peer, s.Now));
    }

    [Fact]
    public void Nearby_RefusedByThePeer_WaitsAndIsToldWhen()
    {
        MeshScript s = Ready(AdmissionMode.Open);
        Announce(s, Peer, "10.0.0.5");
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.Full, byPeer: true, peer: Peer, retryAfter: 60);

        MeshAction.Refused refused = s.Single<MeshAction.Refused>();
        TimeSpan wait = refused.Failure.RetryAfter!.Value;
        Assert.InRange(wait, TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(91));
        s.Advance(wait.TotalSeconds - 1.1);
        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
        s.Advance(2);
        Assert.Single(s.Take().OfType<MeshAction.Dial>());
    }

    // The operator's own peer is not left alone for an hour because it says so: its configured address is not either.
    [Theory]
    [InlineData(MesharaErrorCode.Full)]
    [InlineData(MesharaErrorCode.NotAdmitted)]
    [InlineData(MesharaErrorCode.Banned)]
    public void Nearby_AKnownPeerRefuses_WaitsNoLongerThanTheOperatorsDialsDo(MesharaErrorCode code)
    {
        MeshScript s = Ready(AdmissionMode.KnownPeers);
        s.Mesh.HandleTrust(Peer, s.Now);
        Announce(s, Peer, "10.0.0.5");
        for (int times = 0; times < 6; times++)
        {
            s.Fail(Assert.Single(s.Take().OfType<MeshAction.Dial>()).Connection, code, transient: false, byPeer: true, peer: Peer, retryAfter: 3600);
            TimeSpan? told = Assert.Single(s.Take().OfType<MeshAction.Refused>()).Failure.RetryAfter;
            Assert.True(code != MesharaErrorCode.Full || told <= TimeSpan.FromSeconds(91), $"told {told}");
            s.Advance(59);
            Assert.Empty(s.Take().OfType<MeshAction.Dial>());
            s.Advance(32);
        }
    }

    [Theory]
    [InlineData(DisconnectReason.Evicted)]
    [InlineData(DisconnectReason.RemoteRemoved)]
    [InlineData(DisconnectReason.Misbehaved)]
    [InlineData(DisconnectReason.RemoteShutdown)]
    [InlineData(DisconnectReason.PingTimeout)]
    public void Nearby_AKnownPeerSendsUsAway_WaitsNoLongerThanTheOperatorsDialsDo(DisconnectReason reason)
    {
        MeshScript s = Ready(AdmissionMode.KnownPeers);
        s.Mesh.HandleTrust(Peer, s.Now);
        Announce(s, Peer, "10.0.0.5");
        MeshAction.Dial dial = s.Single<MeshAction.Dial>();
        s.Answered(dial.Connection, Peer);
        s.Advance(20);
        s.Take();
        s.Lose(dial.Connection, reason, retryAfter: 24 * 3600);
        s.Advance(91);

        Assert.Single(s.Take().OfType<MeshAction.Dial>());
    }

    // What it did as a stranger, or before it was removed, does not count for one whom the operator names.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Nearby_RefusedAsAStranger_ThenNamed_IsDialledAtOnce(bool byFile)
    {
        MeshScript s = Ready(AdmissionMode.Open);
        Announce(s, Peer, "10.0.0.5");
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.Full, byPeer: true, peer: Peer, retryAfter: 3600);
        s.Take();
        PeerAddress stale = new("10.0.0.99", 4040, Peer);
        if (byFile)
        {
            s.Mesh.HandleNamed([stale], s.Now);
        }
        else
        {
            s.Mesh.HandleAdd(null, stale, keepForever: true, s.Now);
        }

        s.Advance(1);
        Assert.Contains(s.Take().OfType<MeshAction.Dial>(), d => d.Address.HostAndPort == "10.0.0.5:4040");
    }

    // Two meshes of one name in one network, each with a secret of its own: neither is at the other's door every second.
    [Fact]
    public void Nearby_NotAdmittedByThisNodeItself_WaitsLongerEachTime()
    {
        MeshScript s = Ready(AdmissionMode.Secret);
        Announce(s, Peer, "10.0.0.5");
        int dials = 0;
        for (int second = 0; second < 600; second++)
        {
            foreach (MeshAction.Dial dial in s.Take().OfType<MeshAction.Dial>())
            {
                dials++;
                s.Hello(dial.Connection, Peer);
                s.Fail(dial.Connection, MesharaErrorCode.NotAdmitted, transient: false, peer: Peer);
            }

            s.Advance(1);
        }

        Assert.InRange(dials, 3, 16);
    }

    [Fact]
    public void Nearby_DoesNotSpendThePaceOfTheOthers()
    {
        MeshScript s = Ready(AdmissionMode.Open, target: 64, max: 128);
        for (int i = 2; i < 60; i++)
        {
            Announce(s, LanBed.Id(i), $"10.0.0.{i}");
        }

        Assert.Equal(LanTable.Burst, s.Take().OfType<MeshAction.Dial>().Count());
        s.Learn(new PeerAddress("203.0.113.9", 4040, Other), AddressSource.PeerExchange, "203.0.113.1");
        Assert.Equal(Other, s.Single<MeshAction.Dial>().Address.Id);
    }

    [Fact]
    public void Removed_ByTheOperator_IsNotDialledForMinutes()
    {
        MeshScript s = Ready(AdmissionMode.Open);
        Announce(s, Peer, "10.0.0.5");
        s.Answered(s.Single<MeshAction.Dial>().Connection, Peer);
        s.Take();
        s.Mesh.HandleRemove(Peer, s.Now);
        s.Advance(290);

        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
    }

    // Nothing happened in between but that a place got free.
    [Fact]
    public void Nearby_AfterEnoughPeersAndNobodyAnnounced_TheNextIsDialled()
    {
        MeshScript s = Ready(AdmissionMode.Open, target: 1, max: 4);
        long link = s.Link(Ids.Of(0x30));
        Announce(s, Peer, "10.0.0.5");
        MeshAction.Dial dial = s.Single<MeshAction.Dial>();
        s.Answered(dial.Connection, Peer);
        Announce(s, Other, "10.0.0.6");
        s.Take();
        s.Mesh.HandleNearbyEnded();
        s.Lose(link);
        s.Lose(dial.Connection);
        s.Mesh.HandleRemove(Peer, s.Now);
        s.Take();

        Announce(s, Ids.Of(0x40), "10.0.0.7");
        Assert.Contains(s.Take().OfType<MeshAction.Dial>(), d => d.Address.HostAndPort == "10.0.0.7:4040");
    }

    // As the mesh sees it. A burst once, then never more.
    [Fact]
    public void M6_TenThousandForgedServicesASecond_AtMostFiveDialsASecond_AndAKnownPeerAtOnce()
    {
        const int Seconds = 6;
        MeshScript s = Ready(AdmissionMode.Open);
        s.Mesh.HandleTrust(Peer, s.Now);
        TimeSpan began = s.Now;
        int[] dials = new int[Seconds + 1];
        for (int i = 0; i < 10_000 * Seconds; i++)
        {
            string from = $"10.0.{i % 200}.7";
            s.Mesh.HandleNearby([LanBed.Found(LanBed.Id(i), from, (i % 60_000) + 1, from, service: $"f{i}")], s.Now);
            if (i % 100 == 0)
            {
                s.Advance(0.01);
                foreach (MeshAction.Dial dial in s.Take().OfType<MeshAction.Dial>())
                {
                    dials[(int)(s.Now - began).TotalSeconds]++;
                    s.Fail(dial.Connection, MesharaErrorCode.ConnectFailed);
                }
            }
        }

        Assert.Equal((5, 16), (LanTable.Rate, LanTable.Burst));
        Assert.InRange(dials[0], LanTable.Burst, LanTable.Burst + LanTable.Rate);
        Assert.All(dials[1..], count => Assert.InRange(count, 0, LanTable.Rate));
        Assert.InRange(dials[1..^1].Sum(), 1, LanTable.Rate * (Seconds - 1));
        s.Take();
        Announce(s, Peer, "10.0.250.7");
        Assert.Equal(Peer, s.Single<MeshAction.Dial>().Address.Id);
    }

    private static MeshScript Ready(AdmissionMode admission, int target = 8, int max = 16)
    {
        MeshScript s = new(Ids.Middle, admission, max, target: target);
        s.Start();
        s.Mesh.HandleNearbyInterfaces([LanBed.Eth], LanBed.OwnPorts);
        return s;
    }

    private static void Announce(MeshScript s, NodeId id, string address, int port = 4040, string? service = null) =>
        s.Mesh.HandleNearby([LanBed.Found(id, address, port, service: service)], s.Now);
}
