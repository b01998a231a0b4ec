using Meshara.Testing.Network;

namespace Meshara.Testing.Storage;

/// <summary>The peer stores of all nodes: what a machine keeps over the end of its process, and how that goes wrong.</summary>
internal sealed class SimulatedStores(SimulatedNetwork network)
{
    private readonly Dictionary<SimulatedNode, Disk> _disks = [];

    /// <summary>A node's store, asked for at each of its starts.</summary>
    public IPeerStore Of(SimulatedNode node) =>
        new SimulatedStore(DiskOf(node), node.Time, SeededIdentity.Random(network.Seed, $"{node.Name}/store/{node.Starts}"));

    /// <summary>Reads and writes fail from now on, or no longer.</summary>
    public void Fail(SimulatedNode node, bool failing) => DiskOf(node).Failing = failing;

    /// <summary>Reads and writes that failed.</summary>
    public int FailuresOf(SimulatedNode node) => DiskOf(node).Failures;

    /// <summary>The next read takes so long.</summary>
    public void SlowDown(SimulatedNode node, TimeSpan by) => DiskOf(node).Slow = by;

    /// <summary>Everything that was stored is lost.</summary>
    public void Lose(SimulatedNode node) => DiskOf(node).Content = new MemoryPeerStore(network.Time);

    private Disk DiskOf(SimulatedNode node)
    {
        if (!_disks.TryGetValue(node, out Disk? disk))
            _disks.Add(node, disk = new Disk { Content = new MemoryPeerStore(network.Time) });
        return disk;
    }
}

/// <summary>What stays when the process ends.</summary>
internal sealed class Disk
{
    public required MemoryPeerStore Content { get; set; }

    public bool Failing { get; set; }

    public int Failures { get; set; }

    public TimeSpan Slow { get; set; }
}

/// <summary>A store with the contract of <see cref="IPeerStore"/> and the manners of a disk: it takes its time, it may fail, and a process that ends during a save has saved all of it or nothing.</summary>
internal sealed class SimulatedStore(Disk disk, TimeProvider time, Random random) : IPeerStore
{
    private const int MostMilliseconds = 20;

    public async Task<PeerStoreContent> LoadAsync(CancellationToken cancellationToken = default)
    {
        TimeSpan slow = disk.Slow;
        disk.Slow = TimeSpan.Zero;
        await PauseAsync(slow, cancellationToken).ConfigureAwait(false);
        ThrowIfFailing();
        return await disk.Content.LoadAsync(cancellationToken).ConfigureAwait(false);
    }

    public async Task SaveAsync(PeerStoreChanges changes, CancellationToken cancellationToken = default)
    {
        ThrowIfFailing();
        MemoryPeerStore content = disk.Content;

        // Whether a process that is killed meanwhile has saved: it never comes back from the pause.
        bool early = random.Next(2) == 0;
        if (early)
            await content.SaveAsync(changes, cancellationToken).ConfigureAwait(false);
        await PauseAsync(TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
        if (!early)
            await content.SaveAsync(changes, CancellationToken.None).ConfigureAwait(false);
    }

    private Task PauseAsync(TimeSpan more, CancellationToken cancellationToken) =>
        Task.Delay(more + TimeSpan.FromMilliseconds(random.Next(MostMilliseconds + 1)), time, cancellationToken);

    private void ThrowIfFailing()
    {
        if (!disk.Failing)
            return;

        disk.Failures++;
        throw new IOException("No space left on device");
    }
}
