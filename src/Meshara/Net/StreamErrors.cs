using Meshara.Wire;

namespace Meshara.Net;

/// <summary>Stream codes of wire protocol section 8.5 as exceptions, and back.</summary>
internal static class StreamErrors
{
    /// <summary>What a RESET, STOP_SENDING or ACK of the peer says.</summary>
    /// <param name="peer">Who ended it.</param>
    /// <param name="protocol">On which protocol.</param>
    /// <param name="code">The code.</param>
    /// <param name="tooLarge">For <see cref="StreamCode.MessageTooLarge"/>: what was too large and whose limit says so, a sentence.</param>
    public static MesharaException FromReset(NodeId peer, string protocol, long code, string tooLarge)
    {
        string where = $"by {peer.ToShortString()} on protocol '{PeerText.Clean(protocol)}'";
        return code switch
        {
            StreamCode.UnknownProtocol => new(MesharaErrorCode.UnknownProtocol, $"Not handled {where}: the program there registered no handler of this shape for it (yet).", isTransient: true),
            StreamCode.HandlerFailed => new(MesharaErrorCode.HandlerFailed, $"The handler threw, {where}; that machine's log says why."),
            StreamCode.Timeout => new(MesharaErrorCode.RequestTimeout, $"Given up for want of time {where}.", isTransient: true),
            StreamCode.Busy or StreamCode.NoProgress => new(MesharaErrorCode.RemoteBusy, $"Dropped for want of memory or progress {where}.", isTransient: true),
            StreamCode.MessageTooLarge => new(MesharaErrorCode.MessageTooLarge, $"Refused as too large {where}. {tooLarge}"),
            StreamCode.GoingAway => new(MesharaErrorCode.GoingAway, $"Not taken {where}: that node is shutting down.", isTransient: true),
            _ => new(MesharaErrorCode.StreamReset, $"Ended {where} with code {code}.") { StreamCode = OfApplication(code) },
        };
    }

    public static MesharaException LinkDown(NodeId peer, DisconnectReason reason, string detail) =>
        new(MesharaErrorCode.LinkClosed, $"The link to {peer.ToShortString()} ended ({reason}{(detail.Length > 0 ? ": " : "")}{detail}); what was under way may or may not have arrived.", isTransient: true);

    /// <summary>A message or a request that is larger than the peer takes.</summary>
    public static string PeersLimit(long peerMaxMessage) => $"That node takes at most {peerMaxMessage} bytes (its LinkLimits.MaxMessage). Send less, or use OpenStreamAsync.";

    /// <summary>A reply that is larger than this node takes.</summary>
    public static string OwnLimit(int maxMessage) =>
        $"The limit is this node's own: it takes at most {maxMessage} bytes (NodeOptions.Limits.MaxMessage). Raise it, or let the other side send less or use a stream.";

    /// <summary>What the application gave; 0 for the protocol's own codes.</summary>
    public static long OfApplication(long code) => code >= StreamCode.FirstApplication ? code : 0;

    public static MesharaException Local(MesharaErrorCode code, string message) => new(code, message);
}
