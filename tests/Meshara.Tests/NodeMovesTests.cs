using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests;

/// <summary>Pinned peers that come back at another port: found there, and stored, only after their key has answered.</summary>
public sealed class NodeMovesTests : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly NodeBed _bed = new();

    public async ValueTask DisposeAsync()
    {
        await _bed.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task Restart_OnAnotherPort_KnownPeersHasTheNewAddress_AndDialsIt()
    {
        Node a = await StartAsync("a");
        Node b = await StartAsync("b");
        await b.TrustAsync(a.PublicKey);
        await NodeBed.AddAsync(a, b);
        await b.AddPeerAsync(a.Addresses[0]).WaitAsync(NodeBed.Guard);
        PeerAddress old = b.Addresses[0];
        await b.DisposeAsync();

        Node again = await StartAsync("b");

        // It dials; its record says where it is; a probe proves it.
        await Eventually.TrueAsync(() => NodeBed.AreLinked(a, again) && Stored(a, again.Id) == again.Addresses[0].ToString());
        Assert.NotEqual(old, again.Addresses[0]);
        Assert.DoesNotContain(old.HostAndPort, await File.ReadAllTextAsync(Path.Combine(_folder.Path, "a", "known_peers")), StringComparison.Ordinal);

        // Now it is the other's turn to find it: it has forgotten where A is.
        await again.DisposeAsync();
        File.Delete(Path.Combine(_folder.Path, "b", "known_peers"));
        Node third = await StartAsync("b", port: again.Addresses[0].Port);
        await third.TrustAsync(a.PublicKey);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(a, third));
        Assert.False(a.ListPeers()[0].Inbound);
    }

    // B knows only C's address now, and A only the one that B had; C tells.
    [Fact]
    public async Task Restart_OnAnotherPort_AThirdPeerTellsWhere()
    {
        Node a = await StartAsync("a");
        Node b = await StartAsync("b");
        Node c = await StartAsync("c");
        await b.TrustAsync(a.PublicKey);
        await c.TrustAsync(a.PublicKey);
        await c.TrustAsync(b.PublicKey);
        await NodeBed.AddAsync(a, b);
        await NodeBed.AddAsync(a, c);
        await NodeBed.AddAsync(b, c);
        await b.DisposeAsync();
        Node again = await StartAsync("b");
        await Eventually.TrueAsync(() => NodeBed.AreLinked(again, c));

        // A asks whom it dials as soon as the link is there.
        await a.DisposeAsync();
        Node asking = await StartAsync("a");

        await Eventually.TrueAsync(() => NodeBed.AreLinked(asking, again) && Stored(asking, again.Id) == again.Addresses[0].ToString());
    }

    private static string Stored(Node node, NodeId peer) => string.Join(' ', node.ListTrusted().Single(p => p.Id == peer).Addresses);

    private Task<Node> StartAsync(string name, int port = 0) => _bed.StartAsync(new NodeOptions
    {
        Mesh = "test",
        DataDirectory = Path.Combine(_folder.Path, name),
        Listen = [$"127.0.0.1:{port}"],
    });
}
