using Meshara.Core.Policy;

namespace Meshara.Discovery;

/// <summary>Who takes what is found in the local network.</summary>
/// <param name="Found">A node is announced.</param>
/// <param name="Gone">It is announced no longer under this name; its addresses are kept for so long.</param>
/// <param name="Interfaces">This machine's interfaces, and this node's ports: only what is near to them is taken.</param>
/// <param name="Ended">Nobody listens any more.</param>
internal sealed record NearbySink(
    Func<IReadOnlyList<LanFound>, Task> Found,
    Func<string, TimeSpan, Task> Gone,
    Func<IReadOnlyList<LanInterface>, IReadOnlySet<int>, Task> Interfaces,
    Func<Task> Ended);
