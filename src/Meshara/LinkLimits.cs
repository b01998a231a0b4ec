namespace Meshara;

/// <summary>Limits on what one peer, and all together, can make this node hold in memory (wire protocol section 9).</summary>
public sealed class LinkLimits
{
    /// <summary>Largest message, request or reply body accepted, in bytes. Default 1 MiB; 1 KiB to 1 GiB.</summary>
    public int MaxMessage { get; init; } = 1 << 20;

    /// <summary>Credit of each new stream towards this node, in bytes. Default 16 KiB; 4 KiB to 1 GiB.</summary>
    public int InitialWindow { get; init; } = 16 << 10;

    /// <summary>Most a stream's window grows to while its handler keeps up, in bytes. Default 4 MiB.</summary>
    public int MaxWindow { get; init; } = 4 << 20;

    /// <summary>Streams a peer may have open at once. Default 1024; 16 to 1,048,576.</summary>
    public int MaxStreams { get; init; } = 1024;

    /// <summary>Sum of all stream windows of a link, in bytes; <see cref="InitialWindow"/> is reserved for each of <see cref="MaxStreams"/> in both directions of opening. Default 48 MiB.</summary>
    public int LinkBudget { get; init; } = 48 << 20;

    /// <summary>Unfinished large messages and requests of one link, in bytes, and as much again for replies. Default 8 MiB; at least <see cref="MaxMessage"/>.</summary>
    public int LinkReassembly { get; init; } = 8 << 20;

    /// <summary>Unfinished large messages and requests of all links, in bytes, and as much again for replies. Default 64 MiB; at least <see cref="LinkReassembly"/>.</summary>
    public int NodeReassembly { get; init; } = 64 << 20;
}
