using Meshara.Storage;
using Xunit;

namespace Meshara.Tests.Storage;

public sealed class KnownPeersStateTests
{
    private static readonly PublicKey[] Keys = [.. Enumerable.Range(0, 300).Select(static _ => NewKey())];

    [Fact]
    public void AnyChanges_WhatIsKept_IsWhatTheLinesGive()
    {
        for (int seed = 0; seed < 50; seed++)
        {
            Random random = new(seed);
            KnownPeersState state = KnownPeersState.Empty;
            for (int step = 0; step < 40; step++)
            {
                state = Change(state, random);
                KnownPeersState fresh = KnownPeersState.Of([.. state.Lines], state.Hash);
                Assert.Equal(fresh.Peers, state.Peers);
                Assert.Equal(fresh.Size, state.Size);
                Assert.Equal(state.Size, state.ToBytes().Length);
                Assert.Equal(fresh.ById.Count, state.ById.Count);
                Assert.All(Keys.Take(8), key => Assert.Equal(
                    (fresh.ById.GetValueOrDefault(key.Id), fresh.IsOlder(key.Id), fresh.IndexOf(key.Id)),
                    (state.ById.GetValueOrDefault(key.Id), state.IsOlder(key.Id), state.IndexOf(key.Id))));
                Assert.All(Enumerable.Range(1, 4), port => Assert.Equal(fresh.CountSpots($"host:{port}"), state.CountSpots($"host:{port}")));
            }
        }
    }

    // By what is allocated, since time says nothing: it was the whole file for each line.
    [Fact]
    public void Add_ToMany_CostsAsLittleAsToFew()
    {
        KnownPeersFile file = KnownPeersFile.Load(null);
        long few = AllocatedBy(() => AddAll(file, Keys.AsSpan(0, 50)));
        AddAll(file, Keys.AsSpan(50, 200));
        long many = AllocatedBy(() => AddAll(file, Keys.AsSpan(250, 50)));

        Assert.Equal(Keys.Select(k => k.Id), file.All.Select(p => p.Id));
        Assert.True(many < 2 * few, $"{few} bytes for the first 50, {many} for as many beside 250");
    }

    private static long AllocatedBy(Action work)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        work();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static void AddAll(KnownPeersFile file, ReadOnlySpan<PublicKey> keys)
    {
        foreach (PublicKey key in keys)
        {
            Assert.True(file.Add(new KnownPeer(key, [], null, KnownPeerOrigin.Trusted)));
        }
    }

    private static KnownPeersState Change(KnownPeersState state, Random random)
    {
        PublicKey key = Keys[random.Next(8)];
        KnownPeersLine line = random.Next(6) == 0 ? new KnownPeersLine("# Füße", null, [], "# Füße") : KnownPeersText.Format(
            new KnownPeer(key, [.. Enumerable.Range(1, random.Next(4)).Select(_ => PeerAddress.Parse($"host:{random.Next(1, 5)}")).Distinct()], null, KnownPeerOrigin.Added)
            {
                Previous = [.. Enumerable.Range(0, random.Next(3)).Select(_ => new PreviousKey(Keys[random.Next(8)].Id, DateTimeOffset.UnixEpoch)).DistinctBy(p => p.Id)],
            },
            [],
            "");
        int index = line.Peer is null || !state.ById.ContainsKey(key.Id) ? -1 : state.IndexOf(key.Id);
        return index < 0 ? state.Add(line)
            : random.Next(3) == 0 ? state.RemoveAt(index)
            : state.Replace(index, line);
    }

    private static PublicKey NewKey()
    {
        using NodeIdentity identity = NodeIdentity.Create();
        return identity.PublicKey;
    }
}
