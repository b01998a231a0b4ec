using Meshara.Tests.Discovery;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests;

/// <summary>Nodes whose peers stand in a file, or on a list over HTTPS.</summary>
public sealed class NodeStaticPeersTests : IDisposable
{
    private const string List = "https://lists.example/peers.json";

    private readonly TempFolder _folder = new();

    private string Path => _folder["peers.json"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task StaticPeersFile_AtStart_PeersAreDialledPinnedAndNamed()
    {
        await using NodeBed bed = new();
        Node hub = await bed.StartAsync(Admission.Open);
        Write($"{{ \"name\": \"Hub\", \"multiaddr\": \"/dns/node/tcp/{hub.Addresses[0].Port}/p2p/{hub.Id}\" }}");

        Node node = await StartAsync(bed, Admission.KnownPeers);

        await Eventually.TrueAsync(() => node.ListPeers() is [{ Pinned: true, Class: PeerClass.Static }]);
        Assert.Equal("Hub", (await node.ExplainPeerAsync(hub.Id))!.Alias);
        Assert.Empty(node.ListTrusted());
        PeerSource source = Assert.Single(node.ListSources());
        Assert.Equal((AddressSource.StaticFile, Path, 1, null), (source.Kind, source.Location, source.Addresses.Count, source.Trouble));
    }

    // Each side's file names the other by its key: neither trusts first, and who is dialled knows who comes.
    [Fact]
    public async Task StaticPeersFile_NamesWhoCalls_HeMayJoinUnderKnownPeers()
    {
        await using NodeBed bed = new();
        using NodeIdentity guest = NodeIdentity.Create();
        Write($"{{ \"address\": \"nowhere:9\", \"public_key\": \"{guest.PublicKey}\" }}");
        Node node = await StartAsync(bed, Admission.KnownPeers);

        Node caller = await bed.StartAsync(Admission.KnownPeers, options => options with { Identity = guest, Peers = [node.Addresses[0]] });

        await Eventually.TrueAsync(() => NodeBed.AreLinked(node, caller));
    }

    [Fact]
    public async Task StaticPeersFile_ChangedWhileRunning_OnlyWhoWasTakenOutIsDropped()
    {
        await using NodeBed bed = new();
        Node[] hubs = [await bed.StartAsync(Admission.Open), await bed.StartAsync(Admission.Open), await bed.StartAsync(Admission.Open)];
        Write(Entry(hubs[0]), Entry(hubs[1]));
        Node node = await StartAsync(bed, Admission.KnownPeers);
        await Eventually.TrueAsync(() => node.ListPeers().Count == 2);
        await using EventLog events = new(node);

        Write(Entry(hubs[1]), Entry(hubs[2]));

        PeerDisconnected down = await events.NextAsync<PeerDisconnected>();
        Assert.Equal((hubs[0].Id, DisconnectReason.LocalRemoved), (down.Peer, down.Reason));
        await Eventually.TrueAsync(() => NodeBed.AreLinked(node, hubs[2]) && NodeBed.AreLinked(node, hubs[1]) && !NodeBed.AreLinked(node, hubs[0]));
    }

    [Fact]
    public async Task StaticPeersFile_TakenOutUnderOpen_LinkStays()
    {
        await using NodeBed bed = new();
        Node hub = await bed.StartAsync(Admission.Open);
        Write(Entry(hub));
        Node node = await StartAsync(bed, Admission.Open);
        await Eventually.TrueAsync(() => node.ListPeers() is [{ Class: PeerClass.Static }]);
        DateTimeOffset since = node.ListPeers()[0].ConnectedSince;

        Write();

        await Eventually.TrueAsync(() => node.ListPeers() is [{ Class: PeerClass.Mesh, Pinned: false }]);
        Assert.Equal(since, node.ListPeers()[0].ConnectedSince);
    }

    [Fact]
    public async Task StaticPeersFile_Wrong_StartFailsAndNamesTheLine()
    {
        await using NodeBed bed = new();
        Write("{ \"address\": \"host:70000\" }");

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => StartAsync(bed, Admission.KnownPeers));

        Assert.Equal(MesharaErrorCode.StaticPeersFile, e.Code);
        Assert.Contains("line 1, column", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StaticPeersFile_MethodIsOff_IsNotRead()
    {
        await using NodeBed bed = new();
        Write("{ \"address\": \"host:70000\" }");

        Node node = await bed.StartAsync(
            Admission.KnownPeers,
            o => o with { Discovery = o.Discovery with { StaticPeersFile = Path, EnabledMethods = DiscoveryMethods.All & ~DiscoveryMethods.StaticFile } });

        Assert.Empty(node.ListSources());
    }

    // One file for all nodes of a mesh.
    [Fact]
    public async Task StaticPeersFile_NamesThisNodeToo_ItIsPassedOver()
    {
        await using NodeBed bed = new();
        using NodeIdentity own = NodeIdentity.Create();
        Node hub = await bed.StartAsync(Admission.Open);
        Write(Entry(hub), $"{{ \"address\": \"{own.Id}@node:1\" }}");

        Node node = await StartAsync(bed, Admission.KnownPeers, o => o with { Identity = own });

        await Eventually.TrueAsync(() => NodeBed.AreLinked(node, hub));
    }

    [Fact]
    public async Task BootstrapLists_Fetched_PeerOfItIsDialledAndNotPinned()
    {
        await using NodeBed bed = new();
        using FakeWeb web = new();
        Node hub = await bed.StartAsync(Admission.Open);
        web.Serve(List, $"{{ \"static_peers\": [ {Entry(hub)}, {{ \"address\": \"nowhere:1\" }} ] }}");

        Node node = await bed.StartAsync(Admission.Open, o => o with { Discovery = o.Discovery with { BootstrapLists = [new Uri(List)] }, ListHandler = () => web });

        await Eventually.TrueAsync(() => node.ListPeers() is [{ Class: PeerClass.Mesh, Pinned: false }]);
        Assert.Equal((AddressSource.Bootstrap, List, 2), (node.ListSources()[0].Kind, node.ListSources()[0].Location, node.ListSources()[0].Addresses.Count));
    }

    private static string Entry(Node node) => $"{{ \"address\": \"{node.Addresses[0]}\" }}";

    private Task<Node> StartAsync(NodeBed bed, Admission admission, Func<NodeOptions, NodeOptions>? change = null) => bed.StartAsync(admission, o =>
    {
        NodeOptions options = o with { Discovery = o.Discovery with { StaticPeersFile = Path } };
        return change?.Invoke(options) ?? options;
    });

    private void Write(params string[] entries)
    {
        File.WriteAllText(_folder["new"], $"{{ \"static_peers\": [ {string.Join(", ", entries)} ] }}");
        File.Move(_folder["new"], Path, overwrite: true);
    }
}
