using System.Net;
using Meshara.Core;
using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core;

public sealed class MeshExchangeTests
{
    private static readonly IPAddress Public = IPAddress.Parse("198.51.100.9");

    private readonly MeshScript _s = new(Ids.Of(0x01), target: 4, maxPeers: 8, exchanges: true);

    [Fact]
    public void LinkUp_Dialled_IsAskedAtOnce_AndAgainWhilePeersAreMissing()
    {
        _s.Start();
        long link = Dialled(0x10);
        Assert.Equal([link], Asked());

        _s.Advance(64);
        Assert.Empty(Asked());
        _s.Advance(1);
        Assert.Equal([link], Asked());
    }

    // Twelve processes that started at once asked whom they had dialled while nobody knew anybody, and callers all in the tenth second: one of them had too few for that long.
    [Fact]
    public void LinkUp_Inbound_IsAskedThreeToTenSecondsLaterWhilePeersAreMissing_EachAtItsOwnMoment()
    {
        _s.Start();
        long[] callers = [.. Enumerable.Range(1, 3).Select(i => CalledBy(_s, i))];

        List<(int Tenth, long Link)> asked = [];
        for (int tenth = 1; tenth <= 100; tenth++)
        {
            _s.Advance(0.1);
            asked.AddRange(Asked().Select(link => (tenth, link)));
        }

        Assert.Equal(callers, asked.Select(a => a.Link).Order());
        Assert.All(asked, a => Assert.InRange(a.Tenth, 30, 100));
        Assert.True(asked.Select(a => a.Tenth).Distinct().Count() > 1, string.Join(", ", asked));
    }

    [Fact]
    public void LinkUp_NobodyIsMissing_InboundOnesAreAskedWithinTheHourOnly()
    {
        MeshScript s = new(Ids.Of(0x01), target: 1, maxPeers: 8, exchanges: true);
        s.Start();
        s.Learn(new PeerAddress("10.0.0.2", 4040, Ids.Of(0x10)));
        s.Answered(s.Single<MeshAction.Dial>().Connection, Ids.Of(0x10));
        s.Learn(new PeerAddress("10.0.0.3", 4040, Ids.Of(0x30)));
        s.Take();
        long inbound = s.Link(Ids.Of(0x20));
        s.Advance(600);
        Assert.DoesNotContain(inbound, s.Take().OfType<MeshAction.AskPeers>().Select(a => a.Connection));

        s.Advance(38 * 60);

        Assert.Contains(inbound, s.Take().OfType<MeshAction.AskPeers>().Select(a => a.Connection));
    }

    // Found by `meshara-sim swarm --seed 8`: enough callers, whose addresses are all that is known, and nobody whom this node has dialled. Callers alone do not
    // satisfy the plan, so somebody is missing.
    [Fact]
    public void LinkUp_CallersEnoughAndNobodyDialled_IsShortAndAsks()
    {
        MeshScript s = new(Ids.Of(0x01), target: 2, maxPeers: 8, exchanges: true);
        s.Start();
        long[] callers = [.. Enumerable.Range(1, 4).Select(i => CalledBy(s, i))];
        s.Take();

        s.Advance(10);
        Assert.Equal(callers, AskedOf(s));
        s.Advance(65);
        Assert.Equal(callers, AskedOf(s));
    }

    // Found by `meshara-sim swarm --seed 18`: who has enough asks in half an hour; whoever gets short in between must not wait for that.
    [Fact]
    public void LinkLost_ShortFromNowOnAndNobodyToDial_ThoseAskedLongAgoAreAskedAtOnce()
    {
        MeshScript s = new(Ids.Of(0x01), target: 2, maxPeers: 8, exchanges: true);
        s.Start();
        s.Learn(new PeerAddress("10.9.0.1", 4040, Ids.Of(0x10)));
        long dialled = s.Single<MeshAction.Dial>().Connection;
        s.Answered(dialled, Ids.Of(0x10));
        long[] callers = [.. Enumerable.Range(1, 3).Select(i => CalledBy(s, i))];
        s.Advance(120);
        s.Take();

        s.Lose(dialled, DisconnectReason.RemoteShutdown, retryAfter: 3000);

        Assert.Equal(callers, AskedOf(s));
        s.Advance(64);
        Assert.Empty(AskedOf(s));
        s.Advance(1);
        Assert.Equal(callers, AskedOf(s));
    }

    // Two looks in a second for as long as a mesh is smaller than the target would be for nothing: whoever is learned of is dialled at once.
    [Fact]
    public void Start_NobodyToDial_SleepsUntilThereIsSomebody()
    {
        MeshScript s = new(Ids.Of(0x01), target: 4, maxPeers: 8, exchanges: true);
        s.Start();
        CalledBy(s, 1);
        s.Advance(20);
        s.Take();

        int wakeUps = 0;
        for (TimeSpan end = s.Now + TimeSpan.FromMinutes(10); s.Mesh.NextDeadline is { } due && due <= end; wakeUps++)
        {
            s.Advance((due - s.Now).TotalSeconds);
        }

        Assert.InRange(wakeUps, 100, 160);
        s.Learn(new PeerAddress("10.8.0.1", 4040, Ids.Of(0x40)));
        s.Single<MeshAction.Dial>();
    }

    [Fact]
    public void LinkUp_NobodyIsMissingButFewAreKnown_InboundOnesAreAskedToo()
    {
        MeshScript s = new(Ids.Of(0x01), target: 1, maxPeers: 8, exchanges: true);
        s.Start();
        long inbound = s.Link(Ids.Of(0x20));
        s.Learn(new PeerAddress("10.0.0.2", 4040, Ids.Of(0x10)));

        s.Advance(10);
        Assert.Contains(inbound, s.Take().OfType<MeshAction.AskPeers>().Select(a => a.Connection));

        // It may have known nobody yet: a mesh that forms is asked again soon.
        s.Advance(65);
        Assert.Contains(inbound, s.Take().OfType<MeshAction.AskPeers>().Select(a => a.Connection));
    }

    // All at once they would all answer before a mesh that forms has come together, and each answers once a minute.
    [Theory]
    [InlineData(3, false)]
    [InlineData(4, true)]
    public void LinkUp_ThirdThatWasDialled_IsAskedThreeToTenSecondsLater_OrAtOnceWhenOneIsMissingAndNobodyToDial(int target, bool atOnce)
    {
        MeshScript s = new(Ids.Of(0x01), target: target, maxPeers: 8, exchanges: true);
        s.Start();
        List<long> links = [];
        for (byte i = 0; i < 3; i++)
        {
            NodeId id = Ids.Of((byte)(0x10 + i));
            s.Learn(new PeerAddress($"10.0.0.{i + 2}", 4040, id));
            links.Add(s.Single<MeshAction.Dial>().Connection);
            s.Answered(links[i], id);
            long[] asked = [.. s.Take().OfType<MeshAction.AskPeers>().Select(a => a.Connection)];
            Assert.Equal(i < 2 || atOnce ? [links[i]] : [], asked);
        }

        s.Advance(2.9);
        Assert.Empty(s.Take().OfType<MeshAction.AskPeers>());
        s.Advance(7.2);
        Assert.Equal(atOnce ? [] : [links[2]], s.Take().OfType<MeshAction.AskPeers>().Select(a => a.Connection));
    }

    // Twelve processes that start together: one asked all it knew within the same second, none of whom knew the others yet, and was alone with five peers for a minute.
    [Fact]
    public void NobodyToDial_SeveralWereNotAsked_OneIsAskedEachSecond()
    {
        MeshScript s = new(Ids.Of(0x01), target: 6, maxPeers: 12, exchanges: true);
        s.Start();
        List<long> dialled = [];
        for (byte i = 0; i < 5; i++)
        {
            s.Learn(new PeerAddress($"10.0.{i}.2", 4040, Ids.Of((byte)(0x10 + i))));
            dialled.Add(s.Single<MeshAction.Dial>().Connection);
        }

        List<int> asked = [];
        for (byte i = 0; i < 5; i++)
        {
            s.Answered(dialled[i], Ids.Of((byte)(0x10 + i)));
            asked.Add(s.Take().OfType<MeshAction.AskPeers>().Count());
        }

        Assert.Equal([1, 1, 1, 0, 0], asked);
        s.Advance(0.9);
        Assert.Empty(s.Take().OfType<MeshAction.AskPeers>());
        s.Advance(0.2);
        Assert.Equal([dialled[3]], s.Take().OfType<MeshAction.AskPeers>().Select(a => a.Connection));
        s.Advance(1);
        Assert.Equal([dialled[4]], s.Take().OfType<MeshAction.AskPeers>().Select(a => a.Connection));
    }

    [Fact]
    public void LinkUp_KnownPeersOnly_OnlyWhileOneOfThemIsMissing()
    {
        MeshScript s = new(Ids.Of(0x01), AdmissionMode.KnownPeers, exchanges: true);
        s.Start();
        s.Mesh.HandleTrust(Ids.Of(0x10), s.Now);
        long link = s.Link(Ids.Of(0x10));
        s.Advance(7200);
        Assert.Empty(s.Take().OfType<MeshAction.AskPeers>());

        s.Mesh.HandleAdd(null, new PeerAddress("10.0.0.7", 4040, Ids.Of(0x20)), keepForever: true, s.Now);
        s.Advance(3600);

        Assert.Contains(link, s.Take().OfType<MeshAction.AskPeers>().Select(a => a.Connection));
    }

    [Fact]
    public void LinkUp_WithoutPeerExchange_NobodyIsAskedAndNothingIsLearned()
    {
        MeshScript s = new(Ids.Of(0x01), target: 4, maxPeers: 8);
        s.Start();
        s.Link(Ids.Of(0x10));
        s.Advance(3600);
        Assert.Empty(s.Take().OfType<MeshAction.AskPeers>());

        s.Mesh.HandleRecord(Ids.Of(0x20), [new PeerAddress("203.0.113.5", 4040, Ids.Of(0x20))], Ids.Of(0x10), Public, s.Now);

        Assert.Empty(s.Take());
    }

    [Fact]
    public void Options_PeerExchangeSwitchedOnAndOff_LinksThatLiveFollow()
    {
        NodeOptions on = new() { Mesh = "test", Discovery = new DiscoveryOptions { TargetPeers = 4, MaxPeers = 8 } };
        MeshScript s = new(Ids.Of(0x01), target: 4, maxPeers: 8);
        s.Start();
        long link = s.Link(Ids.Of(0x10));

        s.Mesh.HandleOptions(on, s.Now);
        s.Advance(10);
        Assert.Equal([link], s.Take().OfType<MeshAction.AskPeers>().Select(a => a.Connection));

        s.Mesh.HandleOptions(on with { Discovery = on.Discovery with { EnabledMethods = DiscoveryMethods.Bootstrap } }, s.Now);
        s.Advance(7200);
        Assert.DoesNotContain(s.Take(), a => a is MeshAction.AskPeers or MeshAction.SpreadRecord);
    }

    [Fact]
    public void NoLinks_NothingIsDue()
    {
        MeshScript s = new(Ids.Of(0x01), target: 0, exchanges: true);
        s.Start();
        s.Lose(s.Link(Ids.Of(0x10)));
        s.Advance(3600);

        Assert.Null(s.Mesh.NextDeadline);
    }

    [Fact]
    public void LinkUp_EachMinute_TheOwnRecordIsLookedAt()
    {
        _s.Start();
        _s.Link(Ids.Of(0x10));
        _s.Advance(600);

        Assert.InRange(_s.Take().OfType<MeshAction.SpreadRecord>().Count(), 9, 10);
    }

    [Fact]
    public void Record_OfAStranger_IsDialledWithItsKeyExpected()
    {
        _s.Start();

        Tell(0x20, giver: 0x10, Public, "203.0.113.5:4040");

        Assert.Equal(new PeerAddress("203.0.113.5", 4040, Ids.Of(0x20)), _s.Single<MeshAction.Dial>().Address);
        AddressRecord learned = Assert.Single(_s.Mesh.Snapshot(Ids.Of(0x20), _s.Now).Addresses);
        Assert.Equal((AddressSource.PeerExchange, "198.51.0.0/16"), (learned.Source, learned.SourceGroup.ToString()));
    }

    // Whoever names its own host has shown it; whoever names another could push aside what that one is known by.
    [Fact]
    public void Record_OfTheGiverItself_ItsOwnHostIsItsWord_OthersAreHearsay()
    {
        _s.Start();

        Tell(0x20, giver: 0x20, Public, "198.51.100.9:4040", "203.0.113.5:4040");

        Assert.Equal(
            [(AddressSource.Hello, "198.51.100.9"), (AddressSource.PeerExchange, "203.0.113.5")],
            _s.Mesh.Snapshot(Ids.Of(0x20), _s.Now).Addresses.Select(a => (a.Source, a.Address.Host)).OrderByDescending(a => a.Source));
    }

    [Theory]
    [InlineData("0.0.0.0:4040")]
    [InlineData("224.0.0.1:4040")]
    [InlineData("255.255.255.255:4040")]
    [InlineData("[ff02::1]:4040")]
    public void X3_NobodyCanBeThere_Ignored(string address) => AssertIgnored("127.0.0.1", address);

    [Theory]
    [InlineData("198.51.100.9", "127.0.0.1:4040")]
    [InlineData("198.51.100.9", "192.168.1.1:4040")]
    [InlineData("198.51.100.9", "10.0.0.1:4040")]
    [InlineData("198.51.100.9", "100.64.0.1:4040")]
    [InlineData("198.51.100.9", "[::1]:4040")]
    [InlineData("198.51.100.9", "[fd00::1]:4040")]
    [InlineData("198.51.100.9", "[::ffff:10.0.0.1]:4040")]
    [InlineData("198.51.100.9", "[2002:a00:1::]:4040")]
    [InlineData("2001:db8::9", "192.168.1.1:4040")]
    [InlineData("192.168.1.9", "127.0.0.1:4040")]
    public void X4_LocalAddressFromFarther_Ignored(string from, string address) => AssertIgnored(from, address);

    [Theory]
    [InlineData("192.168.1.9", "10.0.0.1:4040")]
    [InlineData("192.168.1.9", "203.0.113.5:4040")]
    [InlineData("127.0.0.1", "127.0.0.1:4040")]
    [InlineData("127.0.0.1", "192.168.1.1:4040")]
    public void X4_AsNear_Learned(string from, string address)
    {
        _s.Start();

        Tell(0x20, giver: 0x10, IPAddress.Parse(from), address);

        Assert.Single(_s.Take().OfType<MeshAction.Dial>());
    }

    [Fact]
    public void X5_OwnAddressOrId_Ignored()
    {
        Mesh mesh = new(new MeshConfig
        {
            Self = Ids.Of(0x01),
            Admission = AdmissionMode.Open,
            TargetPeers = 4,
            MaxPeers = 8,
            Exchanges = true,
            Random = new Random(7),
            IsOwn = a => a.Host == "203.0.113.1",
        });
        mesh.HandleReady(TimeSpan.Zero);

        mesh.HandleRecord(Ids.Of(0x20), [new PeerAddress("203.0.113.1", 4040, Ids.Of(0x20))], Ids.Of(0x10), Public, TimeSpan.Zero);
        mesh.HandleRecord(Ids.Of(0x01), [new PeerAddress("203.0.113.7", 4040, Ids.Of(0x01))], Ids.Of(0x10), Public, TimeSpan.Zero);

        Assert.Equal(new AddressCounts(0, 0, 0), mesh.AddressCounts);
        Assert.False(mesh.TryPoll(out _));
    }

    [Fact]
    public void X4_NameByHearsay_Ignored() => AssertIgnored("127.0.0.1", "localhost:4040");

    // The bound is documented in AddressTable: 32 buckets of 16 among 1024.
    [Fact]
    public void Flood_AHundredThousandInventedIdsFromOneSource_FillItsShareAndNoMore()
    {
        MeshScript s = new(Ids.Of(0x01), target: 0, maxPeers: 8, exchanges: true);
        s.Start();
        IPAddress honest = IPAddress.Parse("8.8.8.8");
        for (int i = 0; i < 64; i++)
        {
            Tell(s, Invented(1_000_000 + i), honest, Spread(i * 977));
        }

        int before = s.Mesh.AddressCounts.Unproven;
        for (int i = 0; i < 100_000; i++)
        {
            Tell(s, Invented(i), Public, Spread(i));
            s.TakeKept();
        }

        int got = s.Mesh.AddressCounts.Unproven;
        int bound = AddressSlots.BucketsPerSource * AddressSlots.BucketSize;
        Assert.InRange(before, 60, 64);
        Assert.InRange(got, bound / 2, bound + before);
        Assert.All(Enumerable.Range(0, 64), i => Assert.InRange(s.Mesh.Snapshot(Invented(1_000_000 + i), s.Now).Addresses.Count, 0, 1));
        Assert.InRange(Enumerable.Range(0, 64).Count(i => s.Mesh.Snapshot(Invented(1_000_000 + i), s.Now).Addresses.Count == 1), before - 3, before);
    }

    [Fact]
    public void BadRecord_Forged_BansAndCloses()
    {
        _s.Start();
        long link = _s.Link(Ids.Of(0x10));

        _s.Mesh.HandleBadRecord(Ids.Of(0x10), forged: true, "a forged record", _s.Now);

        MeshAction.CloseLink close = _s.Single<MeshAction.CloseLink>();
        Assert.Equal((link, DisconnectReason.Misbehaved), (close.Connection, close.Reason));
        Assert.NotNull(_s.Mesh.BanOf(Ids.Of(0x10), _s.Now));
    }

    [Fact]
    public void BadRecord_OfAStaticPeer_EndsTheLinkAndNoMore()
    {
        _s.Start();
        _s.Mesh.HandleTrust(Ids.Of(0x10), _s.Now);
        _s.Link(Ids.Of(0x10));

        _s.Mesh.HandleBadRecord(Ids.Of(0x10), forged: true, "a forged record", _s.Now);

        Assert.Equal(DisconnectReason.ProtocolError, _s.Single<MeshAction.CloseLink>().Reason);
        Assert.Null(_s.Mesh.BanOf(Ids.Of(0x10), _s.Now));
    }

    private static NodeId Invented(int n)
    {
        byte[] bytes = new byte[NodeId.Size];
        BitConverter.TryWriteBytes(bytes, n);
        bytes[31] = 0xEE;
        return NodeId.FromBytes(bytes);
    }

    private static string Spread(int i) => $"{11 + (i % 200)}.{1 + (i / 200 % 250)}.{1 + (i / 50_000)}.9:4040";

    private static void Tell(MeshScript s, NodeId id, IPAddress from, string address) =>
        s.Mesh.HandleRecord(id, [PeerAddress.Parse(address) with { Id = id }], Ids.Of(0x10), from, s.Now);

    private void Tell(byte id, byte giver, IPAddress from, params string[] addresses) =>
        _s.Mesh.HandleRecord(Ids.Of(id), [.. addresses.Select(a => PeerAddress.Parse(a) with { Id = Ids.Of(id) })], Ids.Of(giver), from, _s.Now);

    private void AssertIgnored(string from, string address)
    {
        _s.Start();

        Tell(0x20, giver: 0x10, IPAddress.Parse(from), address);

        Assert.Empty(_s.Take());
        Assert.Equal(new AddressCounts(0, 0, 0), _s.Mesh.AddressCounts);
    }

    private long Dialled(byte id)
    {
        _s.Learn(new PeerAddress("10.0.0.2", 4040, Ids.Of(id)));
        long connection = _s.Single<MeshAction.Dial>().Connection;
        _s.Answered(connection, Ids.Of(id));
        return connection;
    }

    // Whose address is known and, since it is linked, of no use.
    private static long CalledBy(MeshScript s, int who)
    {
        long link = s.Link(Ids.Of((byte)(0x20 + who)), from: $"10.{who}.0.1:1000");
        s.Learn(new PeerAddress($"10.{who}.0.1", 4040, Ids.Of((byte)(0x20 + who))));
        return link;
    }

    private static IEnumerable<long> AskedOf(MeshScript s) => s.Take().OfType<MeshAction.AskPeers>().Select(a => a.Connection).Order();

    private IEnumerable<long> Asked() => _s.Take().OfType<MeshAction.AskPeers>().Select(a => a.Connection);
}
