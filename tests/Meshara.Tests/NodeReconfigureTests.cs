using Meshara.Configuration;
using Meshara.Tests.Support;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Meshara.Tests;

public sealed class NodeReconfigureTests
{
    [Fact]
    public async Task Reconfigure_TheSame_ChangesNothing()
    {
        await using NodeBed bed = new();
        NodeOptions options = bed.Options(Admission.Secret("0123456789abcdef")) with { Peers = [new PeerAddress("h", 1)] };
        Node node = await bed.StartAsync(options);

        Assert.Empty(await node.ReconfigureAsync(options with { Admission = Admission.Secret("0123456789abcdef"), Peers = [new PeerAddress("h", 1)], Listen = ["node:0"] }));
    }

    [Fact]
    public async Task Reconfigure_EveryOption_IsAppliedOrRefusedWithAReason()
    {
        using TempFolder folder = new();
        await using NodeBed bed = new();
        Node node = await bed.StartAsync(Admission.Open);
        NodeOptions before = bed.Options(Admission.Open);
        NodeOptions wanted = Everything(folder);

        IReadOnlyList<OptionChange> changes = await node.ReconfigureAsync(wanted);

        Assert.Equal(OptionTable.All.Where(e => !e.IsSame(before, wanted)).Select(e => e.Name), changes.Select(c => c.Option));
        Assert.True(changes.Count > 75, $"only {changes.Count} of {OptionTable.All.Count} were changed");
        Assert.All(changes, c => Assert.Equal(c.IsApplied, c.Reason is null));
        Assert.Equal(
            ["Mesh", "Admission", "DataDirectory", "Identity", "Listen", "Transport", "TimeProvider", "Seed", "LoggerFactory", "MinimumTls", "PeerStore"],
            changes.Where(c => !c.IsApplied).Select(c => c.Option));

        // What was refused is asked for still, and what was applied is not.
        Assert.Equal(changes.Where(c => !c.IsApplied), await node.ReconfigureAsync(wanted));
        Assert.Equal((20, 40), await node.CountPeersAsync() is { } c ? (c.Target, c.Max) : default);
        Assert.Equal("advertised:7", Assert.Single(node.Addresses).HostAndPort);
    }

    [Fact]
    public async Task Reconfigure_LinkedNodes_TheLinkStaysAndTheNextOneHasTheNewLimits()
    {
        await using NodeBed bed = new();
        Node a = await bed.StartAsync(Admission.Open, o => o with { Limits = new LinkLimits { MaxMessage = 4096 } });
        Node b = await bed.StartAsync(Admission.Open);
        a.Handle("p", (_, _) => default);
        await NodeBed.AddAsync(b, a);
        PeerInfo link = Assert.Single(b.ListPeers());

        await a.ReconfigureAsync(bed.Options(Admission.Open) with { Limits = new LinkLimits { MaxMessage = 8192 }, Agent = "other/1", Timeouts = new NodeTimeouts { PingAfter = TimeSpan.FromSeconds(3) } });

        Assert.Equal(link.ConnectedSince, Assert.Single(b.ListPeers()).ConnectedSince);
        MesharaException tooLarge = await Assert.ThrowsAsync<MesharaException>(() => b.SendAsync(a.Id, "p", new byte[5000]).AsTask());
        Assert.Equal(MesharaErrorCode.MessageTooLarge, tooLarge.Code);

        // A new link.
        Assert.True(await b.RemovePeerAsync(a.Id).WaitAsync(NodeBed.Guard));
        await NodeBed.AddAsync(b, a);
        await b.SendAsync(a.Id, "p", new byte[5000]).AsTask().WaitAsync(NodeBed.Guard);
        Assert.Equal("other/1", Assert.Single(b.ListPeers()).Agent);
    }

    [Fact]
    public async Task Reconfigure_OtherPeers_TheNewIsDialledAndTheOldStaysWhereItMay()
    {
        await using NodeBed bed = new();
        Node old = await bed.StartAsync(Admission.Open);
        Node added = await bed.StartAsync(Admission.Open);
        NodeOptions options = bed.Options(Admission.Open) with { Peers = [old.Addresses[0]] };
        Node node = await bed.StartAsync(options);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(node, old));

        OptionChange change = Assert.Single(await node.ReconfigureAsync(options with { Peers = [added.Addresses[0]] }));

        Assert.Equal(("Peers", $"{old.Addresses[0]}", $"{added.Addresses[0]}", true), (change.Option, change.Before, change.After, change.IsApplied));
        await Eventually.TrueAsync(() => NodeBed.AreLinked(node, added));
        Assert.True(NodeBed.AreLinked(node, old));
        Assert.Equal(1, (await node.CountPeersAsync()).Static);
    }

    [Fact]
    public async Task Reconfigure_PeerOfKnownPeersIsTakenOut_ItsLinkEnds()
    {
        await using NodeBed bed = new();
        Node peer = await bed.StartAsync(Admission.Open);
        NodeOptions options = bed.Options(Admission.KnownPeers) with { Peers = [peer.Addresses[0]] };
        Node node = await bed.StartAsync(options);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(node, peer));
        await using EventLog events = new(node);

        await node.ReconfigureAsync(options with { Peers = [] });

        PeerDisconnected ended = await events.NextAsync<PeerDisconnected>();
        Assert.Equal((DisconnectReason.LocalRemoved, "taken out of the options"), (ended.Reason, ended.Detail));
    }

    [Fact]
    public async Task Reconfigure_PinnedPeerIsTakenOut_TheChangeSaysThatItStaysAndWhatEndsThat()
    {
        await using NodeBed bed = new();
        Node peer = await bed.StartAsync(Admission.Open);
        NodeOptions options = bed.Options(Admission.KnownPeers) with { Peers = [peer.Addresses[0] with { Id = null }] };
        Node node = await bed.StartAsync(options);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(node, peer) && node.ListTrusted().Count == 1);

        OptionChange change = Assert.Single(await node.ReconfigureAsync(options with { Peers = [] }));

        Assert.True(change.IsApplied);
        Assert.Equal(
            $"{peer.Id.ToShortString()} is pinned in known_peers and so named still, with the addresses there; to end that: meshara trust forget {peer.Id.ToShortString()}",
            change.Note);
        Assert.Equal(1, (await node.CountPeersAsync()).Static);
        Assert.True(NodeBed.AreLinked(node, peer));

        // Named again, and taken out with the pin gone, there is nothing to say.
        Assert.Null(Assert.Single(await node.ReconfigureAsync(options)).Note);
        await node.RemovePeerAsync(peer.Id);
        Assert.Null(Assert.Single(await node.ReconfigureAsync(options with { Peers = [] })).Note);
    }

    [Fact]
    public async Task Reconfigure_MethodManualIsOff_PeersAreNoLongerNamed()
    {
        await using NodeBed bed = new();
        Node peer = await bed.StartAsync(Admission.Open);
        NodeOptions options = bed.Options(Admission.Open) with { Peers = [peer.Addresses[0]] };
        Node node = await bed.StartAsync(options);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(node, peer));

        await node.ReconfigureAsync(options with { Discovery = options.Discovery with { EnabledMethods = DiscoveryMethods.None } });

        Assert.Equal(0, (await node.CountPeersAsync()).Static);
        Assert.True(NodeBed.AreLinked(node, peer));
    }

    [Fact]
    public async Task Reconfigure_StaticPeersFile_ItsPeerIsDialled()
    {
        using TempFolder folder = new();
        await using NodeBed bed = new();
        Node peer = await bed.StartAsync(Admission.Open);
        NodeOptions options = bed.Options(Admission.KnownPeers);
        Node node = await bed.StartAsync(options);
        await File.WriteAllTextAsync(folder["peers.json"], $$"""{ "static_peers": [ { "name": "p", "address": "{{peer.Addresses[0].HostAndPort}}", "public_key": "{{peer.PublicKey}}" } ] }""");

        await node.ReconfigureAsync(options with { Discovery = options.Discovery with { StaticPeersFile = folder["peers.json"] } });

        await Eventually.TrueAsync(() => NodeBed.AreLinked(node, peer));
    }

    [Fact]
    public async Task Reconfigure_WrongStaticPeersFile_IsRefusedAndTheRestIsApplied()
    {
        using TempFolder folder = new();
        await using NodeBed bed = new();
        NodeOptions options = bed.Options(Admission.KnownPeers);
        Node node = await bed.StartAsync(options);
        await File.WriteAllTextAsync(folder["peers.json"], "{ \"static_peers\": [ 7 ] }");

        IReadOnlyList<OptionChange> changes = await node.ReconfigureAsync(options with { Agent = "a/1", Discovery = options.Discovery with { StaticPeersFile = folder["peers.json"] } });

        OptionChange refused = Assert.Single(changes, c => !c.IsApplied);
        Assert.Equal("Discovery.StaticPeersFile", refused.Option);
        Assert.Contains(folder["peers.json"], refused.Reason, StringComparison.Ordinal);
        Assert.Equal("Agent", Assert.Single(changes, c => c.IsApplied).Option);
    }

    [Fact]
    public async Task Reconfigure_OutOfRange_NothingIsChanged()
    {
        await using NodeBed bed = new();
        NodeOptions options = bed.Options(Admission.Open);
        Node node = await bed.StartAsync(options);

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() =>
            node.ReconfigureAsync(options with { Agent = "a/1", Discovery = new DiscoveryOptions { TargetPeers = 3, MaxPeers = 2 } }));

        Assert.Equal("Discovery.TargetPeers", e.Option);
        Assert.Empty(await node.ReconfigureAsync(options));
    }

    [Fact]
    public async Task Reconfigure_RefusedAndAppliedDoNotFit_NothingIsChanged()
    {
        await using NodeBed bed = new();
        NodeOptions options = bed.Options(Admission.KnownPeers);
        Node node = await bed.StartAsync(options);

        // Bootstraps without Open, which would need a restart.
        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() =>
            node.ReconfigureAsync(options with { Admission = Admission.Open, Discovery = options.Discovery with { BootstrapNodes = [new PeerAddress("h", 1)] } }));

        Assert.Equal("Discovery.BootstrapNodes", e.Option);
        Assert.Empty(await node.ReconfigureAsync(options));
    }

    [Fact]
    public async Task Reconfigure_StoppedNode_SaysSo()
    {
        await using NodeBed bed = new();
        NodeOptions options = bed.Options(Admission.Open);
        Node node = await bed.StartAsync(options);
        await node.DisposeAsync();

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => node.ReconfigureAsync(options with { Agent = "a/1" }));

        Assert.Equal(MesharaErrorCode.NodeStopped, e.Code);
    }

    // Every option is another one than the default.
    private static NodeOptions Everything(TempFolder folder)
    {
        NodeOptions options = new()
        {
            Mesh = "other",
            Admission = Admission.Secret("0123456789abcdef"),
            DataDirectory = folder["data"],
            Identity = NodeIdentity.Create(),
            Seed = 8,
            MinimumTls = MinimumTls.Tls13,
            Transport = new MemoryTransport(),
            TimeProvider = new ManualTimeProvider(),
            LoggerFactory = new Silent(),
            PeerStore = new MemoryPeerStore(),
            AdvertisedAddresses = ["advertised:7"],
            Peers = [new PeerAddress("h", 1)],
            Agent = "a/1",
            Discovery = new DiscoveryOptions
            {
                TargetPeers = 20,
                MaxPeers = 40,
                EnabledMethods = DiscoveryMethods.Manual,
                MdnsMode = MdnsMode.ListenOnly,
                StaticPeersFile = folder["peers.json"],
                BootstrapNodes = [new PeerAddress("h", 2)],
                BootstrapLists = [new Uri("https://h/")],
            },
        };
        foreach (OptionEntry entry in OptionTable.All.Where(e => e.IsReadable && e.Name.Contains('.', StringComparison.Ordinal) && e.IsSame(options, new NodeOptions { Mesh = "m" })))
        {
            options = Another(entry, options);
        }

        return options;
    }

    // A little more than it is: still in its range.
    private static NodeOptions Another(OptionEntry entry, NodeOptions options)
    {
        string now = entry.Show(options);
        string text = now is "true" or "false" ? (now == "true" ? "false" : "true")
            : TimeSpan.TryParse(now, System.Globalization.CultureInfo.InvariantCulture, out TimeSpan span) && now.Contains(':', StringComparison.Ordinal) ? (span - TimeSpan.FromMilliseconds(1)).ToString()
            : now == "none" ? entry.IsList ? "10.0.0.0/8" : "1000000"
            : entry.Name == "Limits.MaxMessage" ? "1000000"
            : entry.Name == "Reputation.ForgedSignature" ? "99"
            : double.Parse(now, System.Globalization.CultureInfo.InvariantCulture) is var number && number == Math.Floor(number) ? $"{number + 1}" : "0.5";
        return entry.Read([text], options);
    }

    private sealed class Silent : ILoggerFactory
    {
        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public ILogger CreateLogger(string categoryName) => NullLogger.Instance;

        public void Dispose()
        {
            // Holds nothing.
        }
    }
}
