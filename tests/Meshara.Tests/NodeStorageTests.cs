using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests;

/// <summary>What a node keeps in its data directory, and what not.</summary>
public sealed class NodeStorageTests
{
    [Fact]
    public async Task Restart_AddedPeer_IsDialledAgainAndStillKnown()
    {
        await using NodeBed bed = new();
        using TempFolder folder = new();
        Node hub = await bed.StartAsync(Admission.Open);
        NodeOptions options = Stored(bed, folder["data"]);
        NodeId id;
        await using (Node first = await Node.StartAsync(options))
        {
            id = first.Id;
            await NodeBed.AddAsync(first, hub, pinned: false);
        }

        await using EventLog events = new(hub);
        await using Node second = await Node.StartAsync(options);

        Assert.Equal(id, second.Id);
        Assert.Equal(id, (await events.NextAsync<PeerConnected>()).Peer);
        await Eventually.TrueAsync(() => second.ListPeers() is [{ Pinned: true }]);
    }

    [Fact]
    public async Task Start_StoreThatWaitsForTheRestOfTheStart_IsReadBesideIt()
    {
        await using NodeBed bed = new();
        using TempFolder folder = new();
        SlowStore store = new();
        NodeOptions options = Stored(bed, folder["data"]);
        ListenSignal transport = new(options.Transport!, store.Answer);

        await using Node node = await Node.StartAsync(options with { PeerStore = store, Transport = transport, Listen = ["listens:1"], TimeProvider = new ManualTimeProvider() }).WaitAsync(NodeBed.Guard);

        Assert.Equal(NodeState.Running, node.State);
    }

    // The clock never moves, so that only the node can end the wait.
    [Fact]
    public async Task Start_CannotGoOn_DoesNotWaitForTheStore()
    {
        await using NodeBed bed = new();
        using TempFolder folder = new();
        string known = Path.Combine(folder["data"], "known_peers");
        Directory.CreateDirectory(folder["data"]);
        await File.WriteAllTextAsync(known, "no key");
        NodeOptions options = Stored(bed, folder["data"]) with { PeerStore = new SlowStore(), TimeProvider = new ManualTimeProvider() };

        MesharaException refused = await Assert.ThrowsAsync<MesharaException>(() => Node.StartAsync(options).WaitAsync(NodeBed.Guard));

        Assert.Equal(MesharaErrorCode.DataDirectory, refused.Code);
        File.Delete(known);
        await using Node second = await Node.StartAsync(options with { PeerStore = null });
        Assert.Equal(NodeState.Running, second.State);
    }

    // Whoever asks for the passphrase holds no lock meanwhile, and the file may be another's.
    [Fact]
    public async Task Start_IdentityCannotBeOpened_TheStoreIsNotTouched()
    {
        await using NodeBed bed = new();
        using TempFolder folder = new();
        using NodeIdentity identity = NodeIdentity.Create();
        Directory.CreateDirectory(folder["data"]);
        identity.Save(Path.Combine(folder["data"], "identity.pem"), "right");
        SlowStore store = new();

        MesharaException refused = await Assert.ThrowsAsync<MesharaException>(
            () => Node.StartAsync(Stored(bed, folder["data"]) with { PeerStore = store, IdentityPassphrase = "wrong" }).WaitAsync(NodeBed.Guard));

        Assert.Equal(MesharaErrorCode.Passphrase, refused.Code);
        Assert.False(store.Asked.Task.IsCompleted);
    }

    [Fact]
    public async Task AddPeer_LinkedAlreadyAtAnotherAddress_TheProvenAddressStaysFirst()
    {
        await using NodeBed bed = new();
        using TempFolder folder = new();
        Node hub = await bed.StartAsync(Admission.Open);
        await using Node node = await Node.StartAsync(Stored(bed, folder["data"]));
        await NodeBed.AddAsync(node, hub);

        Assert.Equal(hub.Id, await node.AddPeerAsync("never-dialled:9", hub.PublicKey));

        string stored = await File.ReadAllTextAsync(Path.Combine(folder["data"], "known_peers"));
        int proven = stored.IndexOf(hub.Addresses[0].HostAndPort, StringComparison.Ordinal);
        Assert.InRange(proven, 0, stored.IndexOf("never-dialled:9", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Restart_TrustedPeer_MayStillJoinAndIsNotDialled()
    {
        await using NodeBed bed = new();
        using TempFolder folder = new();
        Node guest = await bed.StartAsync(Admission.Open);
        NodeOptions options = Stored(bed, folder["data"]);
        await using (Node first = await Node.StartAsync(options))
        {
            await first.TrustAsync(guest.PublicKey);
        }

        await using Node second = await Node.StartAsync(options);

        Assert.Equal(second.Id, await NodeBed.AddAsync(guest, second));
    }

    [Fact]
    public async Task Restart_RemovedPeer_IsForgotten()
    {
        await using NodeBed bed = new();
        using TempFolder folder = new();
        Node hub = await bed.StartAsync(Admission.Open);
        NodeOptions options = Stored(bed, folder["data"]);
        await using (Node first = await Node.StartAsync(options))
        {
            await NodeBed.AddAsync(first, hub);
            Assert.True(await first.RemovePeerAsync(hub.Id).WaitAsync(NodeBed.Guard));
        }

        await using Node second = await Node.StartAsync(options);

        await hub.RemovePeerAsync(second.Id).WaitAsync(NodeBed.Guard);
        Assert.Equal(MesharaErrorCode.NotAdmitted, (await Assert.ThrowsAsync<MesharaException>(() => NodeBed.AddAsync(hub, second))).Code);
    }

    [Fact]
    public async Task AddPeer_FailsAtFirst_IsNotStored()
    {
        await using NodeBed bed = new();
        using TempFolder folder = new();
        NodeOptions options = Stored(bed, folder["data"]);
        await using (Node first = await Node.StartAsync(options))
        {
            await Assert.ThrowsAsync<MesharaException>(() => first.AddPeerAsync("nobody:1").WaitAsync(NodeBed.Guard));
        }

        Assert.False(File.Exists(Path.Combine(folder["data"], "known_peers")));
    }

    [Fact]
    public async Task Start_DirectoryInUse_SaysByWhomAndIsFreeAfterwards()
    {
        await using NodeBed bed = new();
        using TempFolder folder = new();
        NodeOptions options = Stored(bed, folder["data"]);
        await using (Node first = await Node.StartAsync(options))
        {
            MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => Node.StartAsync(options));
            Assert.Equal(MesharaErrorCode.DataDirectoryInUse, e.Code);
        }

        await using Node second = await Node.StartAsync(options);
        Assert.Equal(NodeState.Running, second.State);
    }

    [Fact]
    public async Task Start_ListenFails_NothingStaysOpen()
    {
        await using NodeBed bed = new();
        using TempFolder folder = new();
        Node taken = await bed.StartAsync(Admission.Open);
        NodeOptions options = Stored(bed, folder["data"], ["free:1", taken.Addresses[0].HostAndPort]);

        for (int i = 0; i < 2; i++)
        {
            MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => Node.StartAsync(options));
            Assert.Equal(MesharaErrorCode.ListenFailed, e.Code);
        }
    }

    private static NodeOptions Stored(NodeBed bed, string directory, IReadOnlyList<string>? listen = null) => new()
    {
        Mesh = "test",
        DataDirectory = directory,
        Listen = listen ?? ["stored:4040"],
        Transport = bed.Options(Admission.Open).Transport,
    };

    /// <summary>A transport that tells when a node listens.</summary>
    private sealed class ListenSignal(ITransport inner, TaskCompletionSource listens) : ITransport
    {
        public ValueTask<TransportListener> ListenAsync(string host, int port, CancellationToken cancellationToken)
        {
            listens.TrySetResult();
            return inner.ListenAsync(host, port, cancellationToken);
        }

        public ValueTask<TransportConnection> ConnectAsync(string host, int port, CancellationToken cancellationToken) => inner.ConnectAsync(host, port, cancellationToken);
    }
}
