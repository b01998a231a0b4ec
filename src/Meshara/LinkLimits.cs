namespace Meshara;

/// <summary>Limits on what one peer, and all together, can make this node hold in memory and do (wire protocol section 9).</summary>
public sealed record LinkLimits
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

    /// <summary>Control frames a second that are read from one peer; two seconds' worth at once, or four for each of <see cref="MaxStreams"/> where that is more.
    /// Default 10,000, as many as Go's HTTP/2 server lets wait before it closes (CVE-2019-9512); 100 to 1,000,000,000.</summary>
    /// <remarks>
    /// These are the frames that cost their sender nothing: PING, NOTICE, unknown optional ones, and those WINDOW, ACK, MAX_STREAMS, RESET and STOP_SENDING that answer
    /// nothing that this node has sent. Answers are free, however fast: no honest traffic comes near. A peer over the limit is read more slowly. For each 10 s of that
    /// without a break it loses reputation (<see cref="ReputationCause.Rate"/>), and where <see cref="ReputationOptions.DisconnectAt"/> is reached the link is closed,
    /// with a <see cref="PeerDisconnected.Detail"/> that names the limit.
    /// </remarks>
    public int MaxControlFrames { get; init; } = 10_000;

    /// <summary>Messages and requests a second that are read from one peer; two seconds' worth at once. Default null: credit alone bounds them, for a handler that
    /// is slow slows its sender; 1 to 1,000,000,000.</summary>
    /// <remarks>A peer over the limit is read more slowly, all of its frames. It loses reputation for each minute of that without a break, as over <see cref="MaxControlFrames"/>.
    /// A limit so low that 64 KiB of messages are more than 30 s' worth makes a peer that goes on sending end the link itself, with <see cref="DisconnectReason.WriteTimeout"/>.</remarks>
    public int? MaxMessages { get; init; }

    /// <summary>Bytes a second that are read from one peer, all frames with their headers; two seconds' worth at once. Default null: credit alone bounds them;
    /// 16 KiB, so that one frame of 64 KiB is waited for less than <see cref="NodeTimeouts.Frame"/>, to 64 GiB.</summary>
    /// <remarks>As <see cref="MaxMessages"/>.</remarks>
    public long? MaxBytes { get; init; }
}
