using Meshara.Mdns;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests;

/// <summary>Nodes that find each other in a local network, which is one in memory here; NodeLocalNetworkNamespaceTests has real ones.</summary>
public sealed class NodeLocalNetworkTests : IAsyncDisposable
{
    private readonly FakeLan _lan = new();
    private readonly MemoryTransport _wire = new();
    private readonly List<Node> _nodes = [];

    public async ValueTask DisposeAsync() => await Task.WhenAll(_nodes.Select(n => n.DisposeAsync().AsTask())).WaitAsync(NodeBed.Guard);

    [Fact]
    public async Task Start_TwoOpenNodes_LinkWithoutAWordOfConfiguration()
    {
        Node a = await StartAsync("10.0.0.5"), b = await StartAsync("10.0.0.6");

        await LinkedAsync(a, b);
        Assert.Equal(new[] { a.Id, b.Id }.Select(id => $"meshara-{id.ToShortString()}").Order(StringComparer.Ordinal), _lan.Announced);
    }

    [Fact]
    public async Task Start_TwoNodesOfOneSecret_Link()
    {
        Admission secret = Admission.Secret("a secret that is long enough for all");
        Node a = await StartAsync("10.0.0.5", o => o with { Admission = secret }), b = await StartAsync("10.0.0.6", o => o with { Admission = secret });

        await LinkedAsync(a, b);
    }

    [Fact]
    public async Task Start_TwoNodesOnOneHost_Link()
    {
        Node a = await StartAsync("10.0.0.5", port: 4040), b = await StartAsync("10.0.0.5", port: 4041);

        await LinkedAsync(a, b);
    }

    [Fact]
    public async Task Start_KnownPeersOnly_TheStrangerIsShown_AndLinkedWhenBothTrust()
    {
        Node a = await StartAsync("10.0.0.5", o => o with { Admission = Admission.KnownPeers });
        await using EventLog events = new(a);
        Node b = await StartAsync("10.0.0.6", o => o with { Admission = Admission.KnownPeers });

        PeerDiscovered told = await events.NextAsync<PeerDiscovered>();
        Assert.Equal((b.Id, "10.0.0.6:4040", b.PublicKey), (told.Peer, told.Address, told.PublicKey));
        Assert.Empty(a.ListPeers());
        await b.TrustAsync(a.PublicKey);
        await a.TrustAsync(told.PublicKey);
        await LinkedAsync(a, b);
    }

    [Fact]
    public async Task Start_OnOneAddress_AnnouncesThatOneOnly()
    {
        await StartAsync("10.0.0.5");
        await Eventually.TrueAsync(() => !_lan.Profiles.IsEmpty);

        Assert.Equal("10.0.0.5/32", Assert.Single(Assert.Single(_lan.Profiles).Networks).ToString());
    }

    // For 'meshara why ID': nobody has named it.
    [Fact]
    public async Task FindNearby_WhomTheNetworkAloneNames_IsFoundByItsIdAndTheFirstDigitsOfIt()
    {
        Node a = await StartAsync("10.0.0.5", o => o with { Admission = Admission.KnownPeers });
        await using EventLog events = new(a);
        Node b = await StartAsync("10.0.0.6", o => o with { Admission = Admission.KnownPeers });
        await events.NextAsync<PeerDiscovered>();

        Assert.Null(await a.ExplainPeerAsync(b.Id));
        Assert.Equal(new PeerAddress("10.0.0.6", 4040, b.Id), Assert.Single(await a.FindNearbyAsync(b.Id)));
        Assert.Equal([b.Id], await a.FindPeersAsync(b.Id.ToString()[..16]));
        using NodeIdentity other = NodeIdentity.Create();
        Assert.Empty(await a.FindNearbyAsync(other.Id));
    }

    [Fact]
    public async Task Start_AnotherMesh_IsPassedOver()
    {
        Node a = await StartAsync("10.0.0.5"), other = await StartAsync("10.0.0.6", o => o with { Mesh = "other" });
        Node b = await StartAsync("10.0.0.7");

        await LinkedAsync(a, b);
        Assert.Empty(other.ListPeers());
        Assert.Equal((1, 0L), (a.LocalNetwork.Found, a.LocalNetwork.Forged));
    }

    [Fact]
    public async Task Goodbye_OfALivePeer_ClosesNoLink()
    {
        Node a = await StartAsync("10.0.0.5"), b = await StartAsync("10.0.0.6");
        await LinkedAsync(a, b);

        _lan.SayGoodbye($"meshara-{b.Id.ToShortString()}");
        await Eventually.TrueAsync(() => a.LocalNetwork.Found == 0);
        Assert.True(NodeBed.AreLinked(a, b));
    }

    // And the honest one beside it is dialled.
    [Fact]
    public async Task M7_AnnouncementForged_IsCountedAndNobodyIsDialled()
    {
        Node a = await StartAsync("10.0.0.5");
        using NodeIdentity honest = NodeIdentity.Create(), forger = NodeIdentity.Create();
        ServiceInstance forged = FakeLan.Instance(forger.PublicKey, "10.0.0.66", txt: TxtRecord.Create(
            ("version", "1"), ("pubkey", forger.PublicKey.ToString()), ("node_id", honest.Id.ToString()), ("mesh", "test")));
        await using EventLog events = new(a);
        _lan.Say(forged);
        await Eventually.TrueAsync(() => a.LocalNetwork.Forged == 1);
        Node b = await StartAsync("10.0.0.6");

        await LinkedAsync(a, b);
        Assert.Equal(1, a.LocalNetwork.Found);
    }

    // What the forger writes over the announcement of another does not make that one go.
    [Fact]
    public async Task Update_Forged_TheFormerAddressStays()
    {
        Node a = await StartAsync("10.0.0.5", o => o with { Admission = Admission.KnownPeers });
        using NodeIdentity peer = NodeIdentity.Create();
        await using EventLog events = new(a);
        _lan.Say(FakeLan.Instance(peer.PublicKey, "10.0.0.6"));
        await events.NextAsync<PeerDiscovered>();
        _lan.Say(FakeLan.Instance(peer.PublicKey, "10.0.0.66", mesh: "other"));
        await Eventually.TrueAsync(() => a.LocalNetwork.Found == 0);
        await a.TrustAsync(peer.PublicKey);

        Assert.Equal("10.0.0.6:4040", (await events.NextAsync<PeerRefused>()).Address);
    }

    [Fact]
    public async Task Start_APinnedPeerAtAStaleAddress_IsFoundWhereItIs()
    {
        Node b = await StartAsync("10.0.0.6", o => o with { Admission = Admission.KnownPeers });
        Node a = await StartAsync("10.0.0.5", o => o with { Admission = Admission.KnownPeers, Peers = [new PeerAddress("10.0.0.99", 4040, b.Id)] });
        await b.TrustAsync(a.PublicKey);

        await LinkedAsync(a, b);
    }

    [Fact]
    public async Task Reconfigure_MethodAndMode_TakeEffect()
    {
        Node a = await StartAsync("10.0.0.5");
        string name = $"meshara-{a.Id.ToShortString()}";
        await Eventually.TrueAsync(() => a.LocalNetwork is { Announces: true, Browses: true, Trouble: null } && a.LocalNetwork.InstanceName == name);

        await a.ReconfigureAsync(a.Options with { Discovery = a.Options.Discovery with { MdnsMode = MdnsMode.ListenOnly } });
        await Eventually.TrueAsync(() => a.LocalNetwork is { Announces: false, Browses: true });
        Assert.Empty(_lan.Announced);

        await a.ReconfigureAsync(a.Options with { Discovery = a.Options.Discovery with { EnabledMethods = DiscoveryMethods.Manual } });
        Assert.Equal((false, false, "it is switched off"), (a.LocalNetwork.Announces, a.LocalNetwork.Browses, a.LocalNetwork.Trouble));

        await a.ReconfigureAsync(a.Options with { Discovery = a.Options.Discovery with { EnabledMethods = DiscoveryMethods.All, MdnsMode = MdnsMode.Full, MdnsInterval = TimeSpan.FromSeconds(5) } });
        await Eventually.TrueAsync(() => _lan.Announced.Contains(name));
        Assert.Equal(TimeSpan.FromSeconds(5), _lan.Opened.Last().Interval);
    }

    [Fact]
    public async Task Start_LoopbackOnly_OpensNothing()
    {
        Node node = await StartAsync("127.0.0.1");

        Assert.Contains("loopback", node.LocalNetwork.Trouble, StringComparison.Ordinal);
        Assert.Empty(_lan.Opened);
    }

    [Fact]
    public async Task Start_NoMulticastAtAll_TheNodeRuns_AndTheLogSaysSoOnce()
    {
        _lan.Fault = new System.Net.Sockets.SocketException((int)System.Net.Sockets.SocketError.AccessDenied);
        LoggedLines log = new();
        Node a = await StartAsync("10.0.0.5", o => o with { LoggerFactory = log });

        await Eventually.TrueAsync(() => a.LocalNetwork.Trouble is not null);
        Assert.Equal(NodeState.Running, a.State);
        await Eventually.TrueAsync(() => log.Of(6201).Length == 1);
    }

    // Another program held the port alone at the start, and lets go of it later.
    [Fact]
    public async Task LocalNetwork_FamiliesComeLater_TroubleIsOver()
    {
        _lan.Faults = [("IPv4", "held."), ("IPv6", "none.")];
        LoggedLines log = new();
        Node a = await StartAsync("10.0.0.5", o => o with { LoggerFactory = log });
        await Eventually.TrueAsync(() => a.LocalNetwork.Trouble == "IPv4: held. IPv6: none.");
        await Eventually.TrueAsync(() => log.Of(6204).Length == 2);
        Assert.All(log.Of(6204), static line => Assert.DoesNotContain("..", line, StringComparison.Ordinal));

        _lan.Faults = [("IPv6", "none.")];
        Assert.Null(a.LocalNetwork.Trouble);
    }

    [Fact]
    public async Task Dispose_SaysGoodbye()
    {
        Node a = await StartAsync("10.0.0.5");
        await Eventually.TrueAsync(() => _lan.Announced.Count == 1);
        await a.DisposeAsync();

        Assert.Empty(_lan.Announced);
    }

    private static Task LinkedAsync(Node a, Node b) => Eventually.TrueAsync(() => NodeBed.AreLinked(a, b));

    private async Task<Node> StartAsync(string address, Func<NodeOptions, NodeOptions>? change = null, int port = 4040)
    {
        NodeOptions options = new() { Mesh = "test", Admission = Admission.Open, Listen = [$"{address}:{port}"], Transport = _wire };
        Node node = await Node.StartAsync(change?.Invoke(options) ?? options, _lan.Host(address)).WaitAsync(NodeBed.Guard);
        _nodes.Add(node);
        return node;
    }
}
