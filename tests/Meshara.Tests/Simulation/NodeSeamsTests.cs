using System.Net;
using System.Security.Cryptography;
using Meshara.Core.Policy;
using Meshara.Discovery;
using Meshara.Mdns.Net;
using Meshara.Net;
using Meshara.Security;
using Meshara.Tests.Support;
using Xunit;
using LocalAddress = Meshara.Net.LocalAddress;

namespace Meshara.Tests.Simulation;

/// <summary>What a simulation puts in the place of chance and of the machine; and that without it nothing is predictable.</summary>
public sealed class NodeSeamsTests
{
    [Fact]
    public async Task NewTableKey_Seam_IsTheKeyOfTheStore_AndSeedAloneIsNot()
    {
        byte[] key = RandomNumberGenerator.GetBytes(PeerStoreContent.TableKeySize);

        Assert.Equal(key, await TableKeyOfAsync(new NodeSeams { NewTableKey = () => key }));
        byte[] one = await TableKeyOfAsync(seams: null), two = await TableKeyOfAsync(seams: null), three = await TableKeyOfAsync(new NodeSeams());
        Assert.NotEqual(one, two);
        Assert.NotEqual(two, three);
    }

    // The order of a reply, which a simulation has to repeat, hangs on nothing else.
    [Fact]
    public void TableKey_TheSame_RepliesHaveTheSameOrder_AnotherHasAnother()
    {
        ManualTimeProvider clock = new();
        SignedRecords made = new(clock);
        IReadOnlyList<string> ReplyOf(byte secret)
        {
            RecordBook book = new([.. Enumerable.Repeat(secret, PeerStoreContent.TableKeySize)], new NodeClock(clock));
            for (int i = 0; i < 100; i++)
            {
                book.Put(made.Invented(i), IPAddress.Parse("198.51.100.9"));
            }

            return [.. book.Choose(RecordBook.MostGiven, made.IdOf(0), IPAddress.Parse("203.0.113.9")).Select(r => Convert.ToHexString(r.Span))];
        }

        Assert.Equal(ReplyOf(1), ReplyOf(1));
        Assert.NotEqual(ReplyOf(1), ReplyOf(2));
    }

    [Fact]
    public async Task NewInstance_Seam_TwoNodesOfOneInstanceAndKey_TakeEachOtherForThemselves()
    {
        await using NodeBed bed = new();
        using NodeIdentity identity = NodeIdentity.Create();
        NodeSeams seams = new() { NewInstance = static () => 7 };
        Node one = await bed.StartAsync(Admission.Open, o => o with { Identity = identity, Seams = seams });
        Node two = await bed.StartAsync(Admission.Open, o => o with { Identity = identity, Seams = seams });
        Node other = await bed.StartAsync(Admission.Open, o => o with { Identity = identity });

        Assert.Equal(MesharaErrorCode.Self, (await Assert.ThrowsAsync<MesharaException>(() => NodeBed.AddAsync(one, two, pinned: false))).Code);
        Assert.Equal(MesharaErrorCode.IdentityInUse, (await Assert.ThrowsAsync<MesharaException>(() => NodeBed.AddAsync(one, other, pinned: false))).Code);
    }

    [Fact]
    public void SteadySignatures_ManyTexts_AllOfOneLengthAndRight()
    {
        using NodeIdentity identity = NodeIdentity.Create();
        using NodeCertificate steady = new(identity, steady: true), plain = new(identity);
        byte[][] texts = [.. Enumerable.Range(0, 200).Select(static i => BitConverter.GetBytes(i))];

        Assert.All(texts, text =>
        {
            byte[] signature = steady.Sign(text);
            Assert.Equal(71, signature.Length);
            Assert.True(identity.PublicKey.Verify(text, signature));
        });
        Assert.True(texts.Select(text => plain.Sign(text).Length).Distinct().Count() > 1);
    }

    [Fact]
    public void FromKey_Scalar_IsItsKey()
    {
        using ECDsa key = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = SHA256.HashData("seed/name"u8).AsSpan().ToArray() });
        PublicKey expected = PublicKey.FromDer(key.ExportSubjectPublicKeyInfo());
        using NodeIdentity identity = NodeIdentity.FromKey(key);

        Assert.Equal(expected, identity.PublicKey);
        using ECDsa other = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        Assert.Throws<ArgumentException>(() => NodeIdentity.FromKey(other));
    }

    // Over memory nobody watches the machine; with the seam its addresses are what the wildcard stands for, and a change is found.
    [Fact]
    public async Task Scan_OtherTransportThanTcp_WildcardAndWatcherFollowIt()
    {
        await using NodeBed bed = new();
        ManualTimeProvider clock = new();
        HashSet<LocalAddress> machine = [At("192.0.2.1")];
        Node node = await bed.StartAsync(Admission.Open, o => o with { Listen = ["0.0.0.0:4040"], TimeProvider = clock, Seams = new NodeSeams { Scan = () => machine } });
        Assert.Equal("192.0.2.1:4040", Assert.Single(node.Addresses).HostAndPort);

        machine = [At("192.0.2.2"), At("10.9.8.7") with { IsUp = false }];
        clock.Advance(NetworkWatcher.Period + NetworkWatcher.Settle);

        Assert.Equal("192.0.2.2:4040", Assert.Single(node.Addresses).HostAndPort);
        machine = [];
        clock.Advance(NetworkWatcher.Period + NetworkWatcher.Settle);
        Assert.Equal("192.0.2.2:4040", Assert.Single(node.Addresses).HostAndPort);
        await bed.DisposeAsync(clock);
    }

    [Fact]
    public async Task NoSeams_OtherTransportThanTcp_NobodyWatchesTheMachine()
    {
        async Task<int> TimersOfAsync(NodeSeams? seams)
        {
            await using NodeBed bed = new();
            ManualTimeProvider clock = new();
            await bed.StartAsync(Admission.KnownPeers, o => o with { TimeProvider = clock, Seams = seams });
            int timers = clock.PendingTimers;
            await bed.DisposeAsync(clock);
            return timers;
        }

        int without = await TimersOfAsync(seams: null);
        Assert.Equal(without, await TimersOfAsync(new NodeSeams()));
        Assert.Equal(without + 1, await TimersOfAsync(new NodeSeams { Scan = static () => null }));
    }

    [Fact]
    public async Task Networks_Seam_DecidesWhoIsOnLink()
    {
        await using NodeBed bed = new();
        int asked = 0;
        Node node = await bed.StartAsync(Admission.Open, o => o with
        {
            Seams = new NodeSeams
            {
                Networks = () =>
                {
                    asked++;
                    return [IPNetwork.Parse("192.0.2.0/24")];
                },
            },
        });
        Assert.Equal(1, asked);

        node.NetworkChanged();
        Assert.Equal(2, asked);
    }

    [Fact]
    public async Task LocalNetwork_Seam_TwoNodesFindEachOtherWhateverTheirTransport()
    {
        await using NodeBed bed = new();
        MemoryLan lan = new();
        MemoryTransport transport = new();
        NodeOptions Options(string address)
        {
            MemoryHost host = new MemoryHost().Attach(lan, 2, "eth0", $"{address}/24");
            LanInterface near = new(2, "eth0", [IPAddress.Parse(address)], [IPNetwork.Parse("10.0.0.0/24")]);
            return bed.Options(Admission.Open) with
            {
                Transport = transport,
                Listen = [$"{address}:4040"],
                Discovery = DiscoveryOptions.Standard with { EnabledMethods = DiscoveryMethods.LocalMdns },
                Seams = new NodeSeams { LocalNetwork = (settings, options, self) => MdnsNetwork.OpenAsync(o => o with { Transport = host }, () => [near], settings, options, self) },
            };
        }

        Node one = await bed.StartAsync(Options("10.0.0.1"));
        Node two = await bed.StartAsync(Options("10.0.0.2"));

        await Eventually.TrueAsync(() => NodeBed.AreLinked(one, two));
        Assert.True(lan.Carried > 0);
    }

    [Fact]
    public async Task WatchFiles_False_LooksByTheClockAlone()
    {
        using TempFolder folder = new();
        await using NodeBed bed = new();
        ManualTimeProvider clock = new();
        using NodeIdentity named = NodeIdentity.Create(), later = NodeIdentity.Create();
        await File.WriteAllTextAsync(folder["peers"], Peers(named.Id, "192.0.2.1"));
        Node node = await bed.StartAsync(Admission.Open, o => o with
        {
            TimeProvider = clock,
            Discovery = DiscoveryOptions.Standard with { StaticPeersFile = folder["peers"], EnabledMethods = DiscoveryMethods.StaticFile },
            Seams = new NodeSeams(),
        });
        await File.WriteAllTextAsync(folder["peers"], Peers(later.Id, "192.0.2.200"));

        PeerSource Source() => Assert.Single(node.ListSources());
        Assert.Equal(named.Id, Assert.Single(Source().Addresses).Id);
        await Eventually.TrueAsync(() =>
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            return Source().Addresses.Any(a => a.Id == later.Id);
        });
        await bed.DisposeAsync(clock);
    }

    [Fact]
    public async Task Observer_LinkAndProbe_SeesEachStepOnceAndInOrder()
    {
        await using NodeBed bed = new();
        SeenByObserver seen = new();
        Node watched = await bed.StartAsync(Admission.Open, o => o with { Seams = new NodeSeams { Observer = seen } });
        Node peer = await bed.StartAsync(Admission.Open);
        string id = peer.Id.ToShortString();

        await NodeBed.AddAsync(watched, peer);
        await peer.DisposeAsync();
        await Eventually.TrueAsync(() => seen.Lines.Contains("event PeerDisconnected"));
        Assert.Equal(
            [$"proven {id} {peer.Addresses[0].HostAndPort}", $"up {id}", "event PeerConnected", $"down {id} RemoteShutdown", "event PeerDisconnected"],
            seen.Lines);

        int before = seen.Lines.Count;
        using NodeIdentity stranger = NodeIdentity.Create();
        string asker = stranger.Id.ToShortString();
        DialDiagnosis diagnosis = await Node.DiagnoseAsync(bed.Options(Admission.Open) with { Listen = [], Identity = stranger }, watched.Addresses[0]).WaitAsync(NodeBed.Guard);
        Assert.True(diagnosis.IsReachable, diagnosis.ToString());
        await Eventually.TrueAsync(() => seen.Lines.Contains($"down {asker} ProbeDone"));
        string[] probe = [.. seen.Lines.Skip(before).Where(line => line.Contains(asker, StringComparison.Ordinal))];
        Assert.Equal([$"up {asker} inbound probe", $"down {asker} ProbeDone"], probe[1..]);
        Assert.StartsWith($"proven {asker} ", probe[0], StringComparison.Ordinal);
        Assert.Equal(1, seen.MostLinks);
    }

    // Two who dial each other over and over: of every two links of a pair the older has been reported down before the newer is up.
    [Fact]
    public async Task Observer_LinkReplaced_NeverSeesTwoOfOnePeer()
    {
        await using NodeBed bed = new();
        SeenByObserver seen = new();
        MemoryTransport memory = new();
        FreezingTransport network = new(memory);
        using NodeIdentity identity = NodeIdentity.Create();
        Node watched = await bed.StartAsync(Admission.Open, o => o with { Transport = memory, Timeouts = o.Timeouts with { DuplicateCheck = TimeSpan.FromMilliseconds(50) }, Seams = new NodeSeams { Observer = seen } });
        Node first = await bed.StartAsync(Admission.Open, o => o with { Transport = network, Identity = identity });
        await NodeBed.AddAsync(first, watched);
        network.Freeze();
        first.Abandon();

        Node second = await bed.StartAsync(Admission.Open, o => o with { Transport = memory, Identity = identity });
        await NodeBed.AddAsync(second, watched);

        await Eventually.TrueAsync(() => NodeBed.AreLinked(watched, second));
        Assert.Equal(2, seen.Lines.Count(line => line.StartsWith("up ", StringComparison.Ordinal)));
        Assert.Equal(1, seen.MostLinks);
    }

    private static async Task<byte[]> TableKeyOfAsync(NodeSeams? seams)
    {
        await using NodeBed bed = new();
        MemoryPeerStore store = new();
        await bed.StartAsync(Admission.Open, o => o with { PeerStore = store, Seed = 5, Seams = seams });
        ReadOnlyMemory<byte>? key = null;
        await Eventually.TrueAsync(async () => (key = (await store.LoadAsync()).TableKey) is not null);
        return key!.Value.ToArray();
    }

    private static string Peers(NodeId id, string address) => $$"""{ "static_peers": [ { "multiaddr": "/ip4/{{address}}/tcp/4040/p2p/{{id}}" } ] }""";

    private static LocalAddress At(string address) => new("eth0", IPAddress.Parse(address), IsUp: true);
}
