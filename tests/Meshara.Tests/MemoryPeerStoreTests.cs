namespace Meshara.Tests;

public sealed class MemoryPeerStoreTests : PeerStoreContract
{
    protected override IPeerStore Create(TimeProvider time, int maxPeers, int maxBanned) => new MemoryPeerStore(time, maxPeers, maxBanned);

    protected override ValueTask<IPeerStore> ReopenAsync(IPeerStore store) => ValueTask.FromResult(store);
}
