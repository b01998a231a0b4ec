namespace Meshara;

/// <summary>Why a link ended: the first reason wins, and it is the same in the log, the event and, where it can still be told, on the wire.</summary>
public enum DisconnectReason
{
    /// <summary>This node shut down.</summary>
    LocalShutdown,

    /// <summary>The peer said that it shuts down.</summary>
    RemoteShutdown,

    /// <summary>The operator of this node removed the peer.</summary>
    LocalRemoved,

    /// <summary>The operator of the other node removed this one. If this node dials it, it does so again after half of <see cref="NodeTimeouts.MaxBackoff"/> to all of it, and the
    /// detail says so.</summary>
    RemoteRemoved,

    /// <summary>A newer link to the same peer took its place.</summary>
    Replaced,

    /// <summary>The connection broke without a goodbye.</summary>
    ConnectionLost,

    /// <summary>The peer answered no PING.</summary>
    PingTimeout,

    /// <summary>The peer did not read for longer than the write deadline.</summary>
    WriteTimeout,

    /// <summary>The peer began a frame and did not finish it.</summary>
    FrameTimeout,

    /// <summary>The peer did not close within the drain deadline.</summary>
    DrainTimeout,

    /// <summary>The peer broke the protocol.</summary>
    ProtocolError,

    /// <summary>The peer says that this node broke the protocol.</summary>
    RemoteProtocolError,

    /// <summary>Another peer was preferred, here or there.</summary>
    Evicted,

    /// <summary>The peer closed for lack of an answer from this node.</summary>
    RemoteTimeout,

    /// <summary>A probe ended.</summary>
    ProbeDone,

    /// <summary>Two live nodes share one identity key.</summary>
    IdentityInUse,

    /// <summary>A fault of this program; the log has it.</summary>
    InternalError,

    /// <summary>The peer reports a fault of its own, or a reason unknown to this version.</summary>
    RemoteError,

    /// <summary>The peer's conduct went below the threshold; <see cref="Node.ExplainPeerAsync"/> shows what lowered it.</summary>
    Misbehaved,
}
