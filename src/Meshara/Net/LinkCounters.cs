namespace Meshara.Net;

/// <summary>What a link has carried.</summary>
internal sealed class LinkCounters
{
    private long _sent;
    private long _received;
    private long _ignored;
    private long _useful;

    public long MessagesSent => Volatile.Read(ref _sent);

    public long MessagesReceived => Volatile.Read(ref _received);

    /// <summary>Frames that were dropped without blame.</summary>
    public long Ignored => Volatile.Read(ref _ignored);

    /// <summary>Work that this node's handlers took from the peer, and answers of the peer to its own. The mesh asks only whether there was some.</summary>
    public long Useful => Volatile.Read(ref _useful);

    public void AddUseful() => Interlocked.Increment(ref _useful);

    public void AddSentMessage() => Interlocked.Increment(ref _sent);

    public void AddReceivedMessage() => Interlocked.Increment(ref _received);

    public void AddIgnored() => Interlocked.Increment(ref _ignored);
}
