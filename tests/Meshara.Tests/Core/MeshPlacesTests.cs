using Meshara.Core;
using Meshara.Core.Policy;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Core;

public sealed class MeshPlacesTests
{
    [Fact]
    public void Full_CallerFromElsewhere_TheYoungestOfTheLargestGroupGivesWayInTheSameStep()
    {
        MeshScript s = Full(4, "10.1.0.1", "10.1.1.1", "10.2.0.1", "10.3.0.1");
        s.Advance(61);
        s.Take();

        long newcomer = s.Accept(Ids.Of(0xF0), from: "10.9.0.1:1");

        // Nobody is sent away for one who may never be ready.
        Assert.Empty(s.Take().OfType<MeshAction.CloseLink>());
        Assert.Equal((4, 1), (s.Mesh.Counts.Mesh, s.Mesh.Counts.Passing));
        s.Mesh.HandleReadyReceived(newcomer, s.Now);
        IReadOnlyList<MeshAction> actions = s.Take();
        int closed = actions.ToList().FindIndex(a => a is MeshAction.CloseLink { Reason: DisconnectReason.Evicted });
        int up = actions.ToList().FindIndex(a => a is MeshAction.LinkUp);
        Assert.True(closed >= 0 && closed < up, string.Join('\n', actions));
        Assert.Contains(actions, a => a is MeshAction.LinkDown { Reason: DisconnectReason.Evicted });
        Assert.Equal((4, 0), (s.Mesh.Counts.Mesh, s.Mesh.Counts.Passing));
    }

    [Fact]
    public void Full_EverybodyIsYoung_RefusedWithTheLimitItsValueAndWhenToRetry()
    {
        MeshScript s = Full(2, "10.1.0.1", "10.2.0.1");

        s.Accept(Ids.Of(0xF0), from: "10.9.0.1:1");

        MeshAction.SendRefuse refuse = s.Single<MeshAction.SendRefuse>();
        Assert.Equal((RefuseCode.Full, "max_peers", 2L, TimeSpan.FromSeconds(60)), (refuse.Code, refuse.Limit, refuse.Value, refuse.RetryAfter));
        Assert.Contains("max_peers is 2", refuse.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Full_TwoNewcomersAtOnce_OnlyOneMayPass()
    {
        MeshScript s = Full(4, "10.1.0.1", "10.1.1.1", "10.2.0.1", "10.3.0.1");
        s.Advance(61);
        s.Take();
        s.Accept(Ids.Of(0xF0), from: "10.8.0.1:1");
        Assert.Empty(s.Take().OfType<MeshAction.SendRefuse>());

        s.Accept(Ids.Of(0xF1), from: "10.9.0.1:1");

        Assert.Equal("max_peers", s.Single<MeshAction.SendRefuse>().Limit);
    }

    [Fact]
    public void Passing_NewcomerFails_TheNextMayPass()
    {
        MeshScript s = Full(4, "10.1.0.1", "10.1.1.1", "10.2.0.1", "10.3.0.1");
        s.Advance(61);
        s.Take();
        long first = s.Accept(Ids.Of(0xF0), from: "10.8.0.1:1");
        s.Fail(first, MesharaErrorCode.HelloTimeout);
        s.Take();

        s.Accept(Ids.Of(0xF1), from: "10.9.0.1:1");

        Assert.Empty(s.Take().OfType<MeshAction.SendRefuse>());
        Assert.Equal((4, 1), (s.Mesh.Counts.Mesh, s.Mesh.Counts.Passing));
    }

    [Fact]
    public void Passing_APlaceGetsFree_NobodyIsSentAway()
    {
        (MeshScript s, long[] links) = FullWithLinks(4, "10.1.0.1", "10.1.1.1", "10.2.0.1", "10.3.0.1");
        s.Advance(61);
        s.Take();
        long newcomer = s.Accept(Ids.Of(0xF0), from: "10.9.0.1:1");
        s.Lose(links[3]);
        s.Take();

        s.Mesh.HandleReadyReceived(newcomer, s.Now);

        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Empty(actions.OfType<MeshAction.CloseLink>());
        Assert.Single(actions.OfType<MeshAction.LinkUp>());
    }

    [Fact]
    public void Passing_NobodyGivesWayAnyMore_IsSentAwayBeforeItLives()
    {
        (MeshScript s, long[] links) = FullWithLinks(3, "10.1.0.1", "10.2.0.1", "10.3.0.1");
        s.Advance(61);
        s.Take();
        long newcomer = s.Accept(Ids.Of(0xF0), from: "10.9.0.1:1");
        Assert.Empty(s.Take().OfType<MeshAction.SendRefuse>());

        // All others are replaced by young ones in the meantime.
        for (int i = 0; i < 3; i++)
        {
            s.Lose(links[i]);
            s.Link(Ids.Of((byte)(0xA0 + i)), from: $"10.{i + 20}.0.1:1");
        }

        s.Mesh.HandleReadyReceived(newcomer, s.Now);

        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Empty(actions.OfType<MeshAction.LinkUp>());
        Assert.Equal([new MeshAction.SendGoodbye(newcomer, GoodbyeCode.Evicted)], actions.OfType<MeshAction.SendGoodbye>());
        Assert.Equal(3, s.Mesh.Counts.Mesh);
    }

    [Fact]
    public void Full_NewcomerThatIsSlow_GivesWayToTheNext()
    {
        MeshScript s = Ready(target: 0, max: 1);
        long slow = s.Accept(Ids.Of(0x10), from: "10.1.0.1:1");
        s.Take();
        s.Accept(Ids.Of(0x20), from: "10.2.0.1:1");
        Assert.Single(s.Take().OfType<MeshAction.SendRefuse>());

        s.Wait(1.1);
        s.Accept(Ids.Of(0x30), from: "10.3.0.1:1");

        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Equal([new MeshAction.SendGoodbye(slow, GoodbyeCode.Evicted)], actions.OfType<MeshAction.SendGoodbye>());
        Assert.Single(actions.OfType<MeshAction.SendReady>());
    }

    [Fact]
    public void Full_StaticPeers_AreExtraAndStay()
    {
        MeshScript s = Full(2, "10.1.0.1", "10.2.0.1");
        s.Mesh.HandleTrust(Ids.Of(0xF0), s.Now);

        s.Link(Ids.Of(0xF0), from: "10.1.0.1:1");

        Assert.Equal((1, 2), (s.Mesh.Counts.Static, s.Mesh.Counts.Mesh));
        s.Advance(120);
        s.Take();
        long newcomer = s.Accept(Ids.Of(0xF1), from: "10.9.0.1:1");
        s.Mesh.HandleReadyReceived(newcomer, s.Now);
        Assert.DoesNotContain(s.Take(), a => a is MeshAction.LinkDown { Peer: var p } && p == Ids.Of(0xF0));
        Assert.NotNull(s.Mesh.LinkOf(Ids.Of(0xF0)));
    }

    [Fact]
    public void Static_BecomesOrdinaryBeyondTheMaximum_SomebodyIsSentAwayAtOnce()
    {
        MeshScript s = Full(2, "10.1.0.1", "10.2.0.1");
        s.Mesh.HandleAdd(5, new PeerAddress("h", 1, Ids.Of(0xF0)), keepForever: false, s.Now);
        long greeting = s.Accept(Ids.Of(0xF0), from: "10.3.0.1:1");
        s.Take();
        Assert.Equal((1, 2), (s.Mesh.Counts.Static, s.Mesh.Counts.Mesh));

        s.Mesh.HandleCancelAdd(5, s.Now);

        Assert.Equal([new MeshAction.SendGoodbye(greeting, GoodbyeCode.Evicted)], s.Take().OfType<MeshAction.SendGoodbye>());
        Assert.Equal(2, s.Mesh.Counts.Mesh);
    }

    [Fact]
    public void Inbound_OneAddress_TheLimitOfAnAddressIsNamed()
    {
        MeshScript s = Ready(target: 4, max: 40);
        for (byte i = 0; i < 4; i++)
        {
            s.Link(Ids.Of((byte)(0x10 + i)), from: $"11.0.0.1:{1000 + i}");
        }

        s.Accept(Ids.Of(0x40), from: "11.0.0.1:1");

        MeshAction.SendRefuse refuse = s.Single<MeshAction.SendRefuse>();
        Assert.Equal(("inbound_per_ipv4_address", 4L, TimeSpan.FromSeconds(60)), (refuse.Limit, refuse.Value, refuse.RetryAfter));
        for (int i = 0; i < 12; i++)
        {
            s.Accept(Ids.Of(0x40), from: "11.0.0.1:1");
        }

        // Who comes again and again is told to wait longer.
        Assert.Equal(TimeSpan.FromSeconds(65), s.Take().OfType<MeshAction.SendRefuse>().Last().RetryAfter);
    }

    [Fact]
    public void Inbound_OneOnLinkAddressWithManyNodes_IsToldOnce()
    {
        MeshScript s = Ready(target: 4, max: 40);
        s.Mesh.HandleGroups(new AddressGroups([], [System.Net.IPNetwork.Parse("192.168.0.0/24")]));
        for (byte i = 0; i < 4; i++)
        {
            s.Link(Ids.Of((byte)(0x10 + i)), from: $"192.168.0.7:{1000 + i}");
        }

        for (byte i = 0; i < 20; i++)
        {
            s.Accept(Ids.Of((byte)(0x40 + i)), from: "192.168.0.7:1");
        }

        Assert.Equal([new MeshAction.ManyAtOneAddress(5, "192.168.0.7", "inbound_per_ipv4_address", 4)], s.Take().OfType<MeshAction.ManyAtOneAddress>());
    }

    [Fact]
    public void Inbound_TheLastPlacesAreForPeersThatThisNodeDials()
    {
        MeshScript s = Ready(target: 6, max: 6);
        for (byte i = 0; i < 4; i++)
        {
            s.Link(Ids.Of((byte)(0x10 + i)), from: $"10.{i}.0.1:1");
        }

        s.Accept(Ids.Of(0x40), from: "10.77.0.1:1");
        Assert.Equal(("max_inbound_peers", 4L), s.Take().OfType<MeshAction.SendRefuse>().Select(r => (r.Limit, r.Value)).Single());

        s.Learn(new PeerAddress("10.80.0.1", 1, Ids.Of(0x80)));
        s.Answered(s.Single<MeshAction.Dial>().Connection, Ids.Of(0x80));
        Assert.Single(s.Take().OfType<MeshAction.LinkUp>());
    }

    [Fact]
    public void TooFewOutbound_AllPlacesTaken_OneInboundPeerIsReplacedWhenTheDialedOneIsReady()
    {
        MeshScript s = Ready(target: 2, max: 2);
        s.Link(Ids.Of(0x10), from: "10.1.0.1:1");
        s.Link(Ids.Of(0x20), from: "10.2.0.1:1");
        s.Learn(new PeerAddress("10.80.0.1", 1, Ids.Of(0x80)));
        s.Take();

        // Nobody younger than a minute gives way, so nobody is dialled for it.
        s.Advance(55);
        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
        s.Advance(10);
        MeshAction.Dial dial = s.Single<MeshAction.Dial>();
        s.Hello(dial.Connection, Ids.Of(0x80));
        Assert.Empty(s.Take().OfType<MeshAction.CloseLink>());
        s.Mesh.HandleReadyReceived(dial.Connection, s.Now);

        Assert.Equal(DisconnectReason.Evicted, Assert.Single(s.Take().OfType<MeshAction.CloseLink>()).Reason);
        Assert.Equal((1, 1), (s.Mesh.Counts.Inbound, s.Mesh.Counts.Outbound));
    }

    [Fact]
    public void DiscouragedOutbound_ABetterOneIsKnown_GoesOnlyWhenThatIsReady()
    {
        MeshScript s = Ready(target: 1, max: 2);
        s.Learn(new PeerAddress("10.80.0.1", 1, Ids.Of(0x80)));
        long worse = s.Single<MeshAction.Dial>().Connection;
        s.Answered(worse, Ids.Of(0x80));
        s.Advance(120);
        s.Take();

        s.Mesh.HandleConnectionFailed(s.Accept(Ids.Of(0x80), instance: 9, probe: true), new ConnectionFailure(MesharaErrorCode.ProtocolError, "", Peer: Ids.Of(0x80), Penalise: true), s.Now);
        Assert.Equal(-30, s.Mesh.ReputationOf(Ids.Of(0x80), s.Now), 3);
        s.Take();
        s.Learn(new PeerAddress("10.90.0.1", 1, Ids.Of(0x90)));
        MeshAction.Dial dial = s.Single<MeshAction.Dial>();
        Assert.NotNull(s.Mesh.LinkOf(Ids.Of(0x80)));

        s.Answered(dial.Connection, Ids.Of(0x90));

        Assert.Equal((worse, DisconnectReason.Evicted), Assert.Single(s.Take().OfType<MeshAction.CloseLink>().Select(c => (c.Connection, c.Reason))));
        Assert.Equal(1, s.Mesh.Counts.Mesh);
    }

    [Fact]
    public void Refusals_ManyInASecond_MostAreWithoutWords()
    {
        MeshScript s = Full(1, "10.1.0.1");
        for (int i = 0; i < 100; i++)
        {
            s.Accept(NodeIds.At(i), from: $"10.2.{i}.1:1");
        }

        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Equal((20, 80), (actions.OfType<MeshAction.SendRefuse>().Count(), actions.OfType<MeshAction.Abort>().Count()));
    }

    [Fact]
    public void Misbehaviour_TwoViolationsWhileLinked_TheLinkIsClosedAndAThirdBans()
    {
        MeshScript s = Ready(target: 0, max: 4);
        long link = s.Link(Ids.Of(0x80));
        Violate(s, Ids.Of(0x80));
        Assert.Empty(s.Take().OfType<MeshAction.CloseLink>());
        Violate(s, Ids.Of(0x80));
        Assert.Equal((link, DisconnectReason.Misbehaved), Assert.Single(s.Take().OfType<MeshAction.CloseLink>().Select(c => (c.Connection, c.Reason))));
        s.Lose(link, DisconnectReason.Misbehaved);

        Violate(s, Ids.Of(0x80));
        s.Take();
        s.Accept(Ids.Of(0x80));
        MeshAction.SendRefuse refuse = s.Single<MeshAction.SendRefuse>();
        Assert.Equal((RefuseCode.Banned, TimeSpan.FromHours(1)), (refuse.Code, refuse.RetryAfter));
        Assert.Contains("60 min", refuse.Message, StringComparison.Ordinal);
        Assert.Equal(3, s.Mesh.Snapshot(Ids.Of(0x80), s.Now).Conduct!.History.Sum(h => h.Count));
    }

    [Fact]
    public void Timeouts_OfMostPeersAtOnce_AreNobodysFaultButOurs()
    {
        MeshScript s = Ready(target: 0, max: 8);
        long[] links = [.. Enumerable.Range(1, 4).Select(i => s.Link(Ids.Of((byte)(i * 16)), from: $"10.{i}.0.1:1"))];
        foreach (long link in links)
        {
            s.Lose(link, DisconnectReason.PingTimeout);
        }

        Assert.All(Enumerable.Range(1, 4), i => Assert.Equal(0, s.Mesh.ReputationOf(Ids.Of((byte)(i * 16)), s.Now)));
    }

    // Whether the cable was cut here or there nobody can say.
    [Fact]
    public void Timeout_OfTheOnlyPeer_IsNobodysFault()
    {
        MeshScript s = Ready(target: 0, max: 8);
        long link = s.Link(Ids.Of(0x10));

        s.Lose(link, DisconnectReason.PingTimeout);

        Assert.Equal(0, s.Mesh.ReputationOf(Ids.Of(0x10), s.Now));
        Assert.Empty(s.Mesh.Snapshot(Ids.Of(0x10), s.Now).Conduct?.History ?? []);
    }

    [Fact]
    public void Timeout_OfOnePeerAmongMany_CostsALittle()
    {
        MeshScript s = Ready(target: 0, max: 8);
        long[] links = [.. Enumerable.Range(1, 4).Select(i => s.Link(Ids.Of((byte)(i * 16)), from: $"10.{i}.0.1:1"))];

        s.Lose(links[0], DisconnectReason.PingTimeout);

        Assert.Equal(-2, s.Mesh.ReputationOf(Ids.Of(0x10), s.Now), 3);
        Assert.Equal(0, s.Mesh.ReputationOf(Ids.Of(0x20), s.Now));
    }

    [Fact]
    public void B4_PongsOnly_WhoWorksIsSparedAndWhoDoesNotIsEvictable()
    {
        MeshScript s = Ready(target: 0, max: 9);
        Dictionary<long, NodeId> peers = [];
        for (byte i = 0; i < 9; i++)
        {
            // All alike: each of its own group, the round trips the same; the one that works is the youngest and would go first.
            peers.Add(s.Link(Ids.Of((byte)(0x10 + i)), from: $"10.{i}.0.1:1"), Ids.Of((byte)(0x10 + i)));
            s.Advance(1);
        }

        long works = peers.Keys.Last();
        for (int i = 0; i < 20; i++)
        {
            s.AdvanceWith(5, link => new LinkLiveness(s.Now, null, null) { Useful = link == works ? i + 1 : 0 });
        }

        Assert.True(s.Mesh.ReputationOf(peers[works], s.Now) > 0);
        s.Take();
        long newcomer = s.Accept(Ids.Of(0xF0), from: "10.99.0.1:1");
        s.Mesh.HandleReadyReceived(newcomer, s.Now);

        MeshAction.CloseLink closed = Assert.Single(s.Take().OfType<MeshAction.CloseLink>());
        Assert.NotEqual(works, closed.Connection);
    }

    [Fact]
    public void Pong_SlowWay_WaitsFourTimesAsLongButNoticesWithinAMinute()
    {
        MeshScript s = Ready(target: 0, max: 4);
        long link = s.Link(Ids.Of(0x80));
        TimeSpan heard = s.Now;
        LinkLiveness Silent(TimeSpan now) => new(heard, null, null);

        // A first PING after 16 s, whose PONG takes 5 s.
        s.Advance(16.1, Silent);
        MeshAction.Ping ping = s.Single<MeshAction.Ping>();
        s.Wait(5);
        heard = s.Now;
        s.Mesh.HandlePong(link, ping.Number, s.Now);

        s.Advance(16 + 20 + 19, Silent);
        Assert.Empty(s.Take().OfType<MeshAction.CloseLink>());
        s.Advance(2, Silent);
        Assert.Equal(DisconnectReason.PingTimeout, s.Single<MeshAction.CloseLink>().Reason);
        Assert.True(s.Now - heard < TimeSpan.FromSeconds(60));
    }

    private static void Violate(MeshScript s, NodeId id) => s.Mesh.HandleConnectionFailed(
        s.Mesh.HandleAccepted("10.0.0.1:7"), new ConnectionFailure(MesharaErrorCode.ProtocolError, "", Peer: id, Penalise: true), s.Now);

    private static MeshScript Ready(int target, int max)
    {
        MeshScript s = new(Ids.Of(0x01), target: target, maxPeers: max);
        s.Start();
        return s;
    }

    [Theory]
    [InlineData("[2001:db8:7:1{0:x2}::1]:1", "2001:db8:7:100::/56", 200)] // 200 pods in one named /56 all join
    [InlineData("[2001:db8:7:1{0:x2}::1]:1", null, 4)]
    [InlineData("203.0.113.{0}:1", null, 6)] // 200 Sybils in one public /24 don't
    public void Accept_TwoHundredOfOneNetwork_JoinOnlyWhereItsRangeIsNamed(string from, string? named, int joined)
    {
        MeshScript s = Ready(target: 16, max: 256);
        s.Mesh.HandleGroups(new AddressGroups(named is null ? [] : [System.Net.IPNetwork.Parse(named)], []));
        for (int i = 0; i < 200; i++)
        {
            long connection = s.Accept(Policy.AddressBed.Id(i), from: string.Format(System.Globalization.CultureInfo.InvariantCulture, from, i));
            s.Mesh.HandleReadyReceived(connection, s.Now);
        }

        Assert.Equal(joined, s.Mesh.Counts.Mesh);
        Assert.All(s.Take().OfType<MeshAction.SendRefuse>(), r => Assert.True(r is { Code: RefuseCode.Full, RetryAfter.TotalSeconds: >= 60 } && r.Value == joined, r.ToString()));
    }

    private static MeshScript Full(int max, params string[] from) => FullWithLinks(max, from).Script;

    private static (MeshScript Script, long[] Links) FullWithLinks(int max, params string[] from)
    {
        MeshScript s = Ready(target: 0, max);
        long[] links = [.. from.Select((host, i) => s.Link(Ids.Of((byte)(0x10 + i)), from: $"{host}:1000"))];
        return (s, links);
    }
}
