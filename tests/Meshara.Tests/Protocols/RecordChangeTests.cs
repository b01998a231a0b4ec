using System.Net;
using Meshara.Security;
using Meshara.Tests.Support;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Protocols;

/// <summary><c>meshara/record/1</c> from end to end: a node is elsewhere than it has said, and tells so on its live links.</summary>
public sealed class RecordChangeTests : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly NodeBed _bed = new();

    public async ValueTask DisposeAsync()
    {
        await _bed.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task Moved_PinnedByALinkedPeer_ItStoresTheNewAddressOnceItHasAnswered()
    {
        (Node moving, NodeOptions options, string before, string now) = await StartMovingAsync(Admission.Open);
        Node peer = await _bed.StartAsync(new NodeOptions { Mesh = "test", DataDirectory = _folder["peer"], Listen = ["127.0.0.1:0"] });
        await peer.TrustAsync(moving.PublicKey);

        // The moving one dials: where its own dial has led, a node would stay as long as that link lives.
        await NodeBed.AddAsync(moving, peer);
        await peer.AddPeerAsync(PeerAddress.Parse(before), moving.PublicKey).WaitAsync(NodeBed.Guard);
        DateTimeOffset since = Assert.Single(peer.ListPeers()).ConnectedSince;

        await moving.ReconfigureAsync(options with { AdvertisedAddresses = [now] });

        await Eventually.TrueAsync(() => string.Join(' ', peer.ListTrusted().Single().Addresses) == $"{moving.Id}@{now}");
        string stored = await File.ReadAllTextAsync(Path.Combine(_folder["peer"], "known_peers"));
        Assert.Contains(now, stored, StringComparison.Ordinal);
        Assert.DoesNotContain(before, stored, StringComparison.Ordinal);
        Assert.Equal(since, Assert.Single(peer.ListPeers()).ConnectedSince);
    }

    [Fact]
    public async Task Moved_MeshPeer_TheLinkedOneLearnsStoresAndPassesOnTheNewRecord()
    {
        (Node moving, NodeOptions options, string before, string now) = await StartMovingAsync(Admission.Open);
        MemoryPeerStore store = new();
        Node peer = await _bed.StartAsync(new NodeOptions
        {
            Mesh = "test",
            Admission = Admission.Open,
            Listen = ["127.0.0.1:0"],
            PeerStore = store,
            Discovery = new DiscoveryOptions { TargetPeers = 4, MaxPeers = 8, BootstrapNodes = [PeerAddress.Parse(before)] },
        });
        await Eventually.TrueAsync(() => NodeBed.AreLinked(moving, peer));

        // What READY had told.
        Assert.Equal([before], (await AskAsync(peer)).Addresses);
        ulong sequence = (await AskAsync(peer)).Sequence;

        await moving.ReconfigureAsync(options with { AdvertisedAddresses = [now] });

        await Eventually.TrueAsync(async () => (await peer.ExplainPeerAsync(moving.Id))!.Addresses.Any(a => $"{a.Host}:{a.Port}" == now));
        SignedRecord passedOn = await AskAsync(peer);
        Assert.True(passedOn.Verify());
        Assert.Equal((moving.Id, true), (passedOn.Id, passedOn.Sequence > sequence));
        Assert.Equal([now], passedOn.Addresses);
        await peer.DisposeAsync();
        PeerStoreContent content = await store.LoadAsync(CancellationToken.None);
        Assert.Contains(content.Peers.Single(p => p.Id == moving.Id).Addresses, a => $"{a.Host}:{a.Port}" == now);
    }

    // Two listeners, of which others are told one: the other one is where it will have moved to.
    private async Task<(Node Node, NodeOptions Options, string Before, string Now)> StartMovingAsync(Admission admission)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "127.0.0.2 is an address of its own on Linux only.");
        NodeOptions options = new() { Mesh = "test", Admission = admission, Listen = ["127.0.0.1:0", "127.0.0.2:0"], Discovery = new DiscoveryOptions { TargetPeers = 0 } };
        Node node = await _bed.StartAsync(options);
        string[] at = [.. node.Addresses.Select(a => a.HostAndPort)];
        string before = at.Single(a => IPEndPoint.Parse(a).Address.Equals(IPAddress.Loopback));
        await node.ReconfigureAsync(options = options with { AdvertisedAddresses = [before] });
        return (node, options, before, at.Single(a => a != before));
    }

    // Each time as another peer: who has asked a minute ago is told nothing.
    private async Task<SignedRecord> AskAsync(Node node)
    {
        using NodeIdentity identity = NodeIdentity.Create();
        await using RawNode raw = new(identity);
        await raw.DialAsync(node);
        return SignedRecord.Parse(Assert.Single(PeerLists.ParseReply((await raw.RequestAsync("meshara/peers/1", [0]))!)));
    }
}
