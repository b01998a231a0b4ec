using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests;

/// <summary>Pins: trust on first use, a changed key, and what the operator does about it.</summary>
public sealed class NodeTrustTests
{
    [Fact]
    public async Task Peers_AddressWithoutId_FirstAnswerIsPinnedAndAnotherKeyThereIsRefusedAfterARestart()
    {
        await using NodeBed bed = new();
        using TempFolder folder = new();
        MemoryTransport memory = new();
        NodeId first;
        await using (Node old = await Node.StartAsync(Listening(memory, "target:1")))
        {
            first = old.Id;
            await using Node node = await Node.StartAsync(Dialling(memory, folder, Admission.KnownPeers));
            await old.TrustAsync(node.PublicKey);
            await Eventually.TrueAsync(() => node.ListTrusted() is [{ } pin] && pin.Id == first && pin.Addresses is [{ Host: "target" }]);
        }

        Node other = await bed.StartAsync(Listening(memory, "target:1", Admission.Open));
        await using Node again = await Node.StartAsync(Dialling(memory, folder, Admission.KnownPeers));
        await using EventLog events = new(again);

        PeerRefused refused = await events.NextAsync<PeerRefused>(r => r.Code == MesharaErrorCode.PinMismatch);

        Assert.Contains(first.ToString(), refused.Detail, StringComparison.Ordinal);
        Assert.Contains(other.Id.ToString(), refused.Detail, StringComparison.Ordinal);
        Assert.Contains($"meshara trust replace {first} {other.PublicKey}", refused.Detail, StringComparison.Ordinal);
        Assert.Empty(again.ListPeers());
    }

    [Fact]
    public async Task Peers_AddressWithoutIdUnderOpen_IsNotPinned()
    {
        await using NodeBed bed = new();
        using TempFolder folder = new();
        MemoryTransport memory = new();
        await using Node node = await Node.StartAsync(Dialling(memory, folder, Admission.Open));
        await using EventLog events = new(node);
        Node first = await Node.StartAsync(Listening(memory, "target:1", Admission.Open));
        Assert.Equal(first.Id, (await events.NextAsync<PeerConnected>()).Peer);
        Assert.False(Assert.Single(node.ListPeers()).Pinned);
        await first.DisposeAsync();

        Node second = await bed.StartAsync(Listening(memory, "target:1", Admission.Open));

        Assert.Equal(second.Id, (await events.NextAsync<PeerConnected>()).Peer);
        Assert.Empty(node.ListTrusted());
    }

    [Fact]
    public async Task AddPeer_AddressOfAPinWithoutAKey_TheOldKeyIsExpected()
    {
        await using NodeBed bed = new();
        MemoryTransport memory = new();
        Node node = await bed.StartAsync(Listening(memory, "node:1"));
        Node first = await Node.StartAsync(Listening(memory, "target:1", Admission.Open));
        await NodeBed.AddAsync(node, first, pinned: false);
        await first.DisposeAsync();
        await Eventually.TrueAsync(() => node.ListPeers() is []);
        Node second = await bed.StartAsync(Listening(memory, "target:1", Admission.Open));

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => node.AddPeerAsync("target:1").WaitAsync(NodeBed.Guard));

        Assert.Equal(MesharaErrorCode.PinMismatch, e.Code);
        Assert.Equal(second.Id, await node.AddPeerAsync("target:1", second.PublicKey).WaitAsync(NodeBed.Guard));

        // The operator named the new key for this address: the old pin stays, without the address.
        Assert.Equal([0, 1], node.ListTrusted().OrderBy(p => p.Id == second.Id).Select(p => p.Addresses.Count));
        Assert.Equal(second.Id, await node.AddPeerAsync("target:1").WaitAsync(NodeBed.Guard));
    }

    [Fact]
    public async Task ReplaceKey_PeerWithANewIdentity_IsDialledAndTheOldKeyIsForgotten()
    {
        await using NodeBed bed = new();
        MemoryTransport memory = new();
        Node node = await bed.StartAsync(Listening(memory, "node:1"));
        Node first = await Node.StartAsync(Listening(memory, "target:1", Admission.Open));
        await NodeBed.AddAsync(node, first);
        await first.DisposeAsync();
        await Eventually.TrueAsync(() => node.ListPeers() is []);
        Node second = await bed.StartAsync(Listening(memory, "target:1", Admission.Open));
        await using EventLog events = new(node);

        Assert.True(await node.ReplaceKeyAsync(first.Id, second.PublicKey));

        Assert.Equal(second.Id, (await events.NextAsync<PeerConnected>()).Peer);
        TrustedPeer pin = Assert.Single(node.ListTrusted());
        Assert.Equal((second.Id, "target"), (pin.Id, Assert.Single(pin.Addresses).Host));
        Assert.False(await node.ReplaceKeyAsync(first.Id, second.PublicKey));
        await Assert.ThrowsAsync<ArgumentException>(() => node.ReplaceKeyAsync(second.Id, node.PublicKey));
    }

    [Fact]
    public async Task IdentityInUse_ThroughAThirdNode_BothCopiesHearWhereTheOtherIs()
    {
        await using NodeBed bed = new();
        using NodeIdentity identity = NodeIdentity.Create();
        MemoryTransport memory = new();
        Node hub = await bed.StartAsync(Listening(memory, "hub:1", Admission.Open));
        Node first = await bed.StartAsync(Listening(memory, "first:1", Admission.Open, identity));
        await NodeBed.AddAsync(first, hub);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(first, hub));
        string firstAt = hub.ListPeers()[0].Address;
        await using EventLog atFirst = new(first);
        Node copy = await bed.StartAsync(Listening(memory, "copy:1", Admission.Open, identity));
        await using EventLog atCopy = new(copy);

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => NodeBed.AddAsync(copy, hub));

        Assert.Equal(MesharaErrorCode.IdentityInUse, e.Code);
        IdentityShared told = await atCopy.NextAsync<IdentityShared>();
        Assert.Equal((identity.Id, firstAt, null), (told.Peer, told.Address, told.OtherAddress));
        Assert.NotEmpty((await atFirst.NextAsync<IdentityShared>()).Address);
    }

    [Fact]
    public async Task IdentityInUse_CopyDialsTheOther_BothSaySoAndNobodyIsTakenForSelf()
    {
        await using NodeBed bed = new();
        using NodeIdentity identity = NodeIdentity.Create();
        MemoryTransport memory = new();
        Node first = await bed.StartAsync(Listening(memory, "first:1", Admission.Open, identity));
        Node copy = await bed.StartAsync(Listening(memory, "copy:1", Admission.Open, identity));
        await using EventLog atFirst = new(first), atCopy = new(copy);

        for (int i = 0; i < 2; i++)
        {
            MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => copy.AddPeerAsync("first:1").WaitAsync(NodeBed.Guard));
            Assert.Equal(MesharaErrorCode.IdentityInUse, e.Code);
        }

        IdentityShared here = await atCopy.NextAsync<IdentityShared>();
        Assert.Equal((identity.Id, "first:1", null), (here.Peer, here.Address, here.OtherAddress));
        Assert.Equal(identity.Id, (await atFirst.NextAsync<IdentityShared>()).Peer);
    }

    private static NodeOptions Listening(MemoryTransport memory, string at, Admission? admission = null, NodeIdentity? identity = null) => new()
    {
        Mesh = "test",
        Admission = admission ?? Admission.KnownPeers,
        Listen = [at],
        Transport = memory,
        Identity = identity,
        Seed = 1,
    };

    private static NodeOptions Dialling(MemoryTransport memory, TempFolder folder, Admission admission) => new()
    {
        Mesh = "test",
        Admission = admission,
        DataDirectory = folder["data"],
        Peers = [new PeerAddress("target", 1)],
        Transport = memory,
        Seed = 1,
        Timeouts = new NodeTimeouts { MaxBackoff = TimeSpan.FromMilliseconds(50) },
    };
}
