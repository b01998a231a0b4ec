using System.Net;
using Meshara.Discovery;
using Meshara.Net;
using Meshara.Wire;

namespace Meshara;

/// <summary>What the simulated network sets in a node and nobody else: each is null or false outside of a simulation, and then changes nothing.</summary>
/// <remarks><see cref="NodeOptions.Seed"/> is public and makes none of what is here predictable; a program would have to ask for it by name.</remarks>
internal sealed record NodeSeams
{
    /// <summary>Hears what the node does. Null: nobody.</summary>
    public INodeObserver? Observer { get; init; }

    /// <summary>Given each node before it does anything: one that is killed while it starts is nowhere else to be had.</summary>
    public Action<Node>? Created { get; init; }

    /// <summary>The secret of the address table, where the store has none: the order of exchange replies, of the table's places and of evictions. Null: from the system's generator.</summary>
    public Func<byte[]>? NewTableKey { get; init; }

    /// <summary>The instance in HELLO. Null: from the system's generator.</summary>
    public Func<Bits128>? NewInstance { get; init; }

    /// <summary>Signs own records again until the signature has 71 bytes, its most frequent length: else the length of a frame is a matter of chance.</summary>
    public bool SteadySignatures { get; init; }

    /// <summary>The networks that this machine is on, for the lane of the local network. Null: those of its interfaces.</summary>
    public Func<IEnumerable<IPNetwork>>? Networks { get; init; }

    /// <summary>The addresses of this machine, for what a wildcard stands for and to see when they change; null from it: unknown. Null: those of its interfaces, and nobody
    /// watches them where the transport is not TCP.</summary>
    public Func<IReadOnlySet<LocalAddress>?>? Scan { get; init; }

    /// <summary>The local network, whatever the transport. Null: the system's multicast DNS where the transport is TCP.</summary>
    public OpenLocalNetwork? LocalNetwork { get; init; }

    /// <summary>Whether files are watched by the system too: its watcher has a thread of its own. False leaves the look every two seconds.</summary>
    public bool WatchFiles { get; init; }
}
