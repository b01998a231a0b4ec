using System.Runtime.InteropServices;

namespace Meshara.Core;

/// <summary>How a link ended; the first reason wins.</summary>
/// <param name="Reason">Why.</param>
/// <param name="Detail">The same for people; may hold text of the peer, cleaned of control characters.</param>
/// <param name="Penalise">Whether the peer broke the protocol.</param>
internal readonly record struct LinkEnd(DisconnectReason Reason, string Detail, bool Penalise)
{
    /// <summary>When the other side says that it may be dialled again.</summary>
    public TimeSpan? RetryAfter { get; init; }
}

/// <summary>What a link knows about its own life, on the clock of <see cref="Mesh"/>.</summary>
/// <param name="LastFrame">When the last complete frame of a known type arrived, or the link began.</param>
/// <param name="PartialFrameSince">Since when a frame is begun and not complete.</param>
/// <param name="WriteSince">Since when one write has not been taken.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct LinkLiveness(TimeSpan LastFrame, TimeSpan? PartialFrameSince, TimeSpan? WriteSince)
{
    /// <summary>Messages, requests and streams that handlers took, and replies and acknowledgements that came, since the link began.</summary>
    public long Useful { get; init; }
}
