using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests;

/// <summary>Bans as programs see them: told, listed, lifted, and remembered no longer once lifted.</summary>
public sealed class NodeBanTests
{
    private static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();

    [Fact]
    public async Task Forgive_BannedPeer_IsListedNoMoreLinksAndTheStoreForgets()
    {
        await using NodeBed bed = new();
        Node bob = await bed.StartAsync(Admission.Open);
        MemoryPeerStore store = new();
        await store.SaveAsync(new PeerStoreChanges { Upserted = [Banned(bob.Id)] });
        Node alice = await bed.StartAsync(Admission.Open, o => new NodeOptions { Mesh = o.Mesh, Admission = o.Admission, Listen = o.Listen, Transport = o.Transport, PeerStore = store });

        PeerExplanation banned = Assert.Single(await alice.ListBannedAsync());
        Assert.Equal((bob.Id, 2), (banned.Id, banned.BanCount));
        Assert.Equal(1, (await alice.CountPeersAsync()).Banned);
        MesharaException refused = await Assert.ThrowsAsync<MesharaException>(() => NodeBed.AddAsync(bob, alice));
        Assert.Equal(MesharaErrorCode.Banned, refused.Code);

        // Bob learned of Alice by nothing but her refusal.
        PeerExplanation known = Assert.IsType<PeerExplanation>(await bob.ExplainPeerAsync(alice.Id));
        Assert.Equal((MesharaErrorCode.Banned, true, false), (known.LastRefusal!.Code, known.LastRefusal.ByPeer, known.LastRefusal.Inbound));
        Assert.Equal([alice.Id], await bob.FindPeersAsync(alice.Id.ToString()[..8].ToUpperInvariant()));

        Assert.True(await alice.ForgiveAsync(bob.Id));
        Assert.False(await alice.ForgiveAsync(bob.Id));

        Assert.Empty(await alice.ListBannedAsync());
        Assert.Equal(0, (await alice.CountPeersAsync()).Banned);
        await NodeBed.AddAsync(bob, alice);
        Assert.Null((await bob.ExplainPeerAsync(alice.Id))?.LastRefusal);
        await alice.DisposeAsync();
        Assert.All((await store.LoadAsync()).Peers, p => Assert.Equal((null, true), (p.BanUntil, p.Reputation >= 0)));
    }

    private static PeerRecord Banned(NodeId id) => new()
    {
        Id = id,
        FirstSeen = Now,
        LastSeen = Now,
        Reputation = -80,
        ReputationAt = Now,
        BanUntil = Now.AddHours(1),
        BanCount = 2,
        History = [new ReputationEvent { Time = Now, Cause = ReputationCause.ProtocolViolation, Delta = -80, Value = -80, Count = 1 }],
    };
}
