using System.Text;
using Meshara.Wire;

namespace Meshara.Net;

/// <summary>What a link does with the time it has left once its end is decided.</summary>
internal enum LinkEnding
{
    /// <summary>Close at once.</summary>
    Abort,

    /// <summary>Say why, and close.</summary>
    LastWords,

    /// <summary>Finish what was accepted, within the drain deadline (wire protocol section 7.2).</summary>
    Drain,
}

/// <summary>Reasons as GOODBYE codes and back, wire protocol section 7.2.</summary>
internal static class LinkGoodbye
{
    public static LinkEnding EndingOf(DisconnectReason reason) => reason switch
    {
        DisconnectReason.LocalShutdown or DisconnectReason.LocalRemoved or DisconnectReason.Evicted
            or DisconnectReason.Misbehaved or DisconnectReason.ProbeDone => LinkEnding.Drain,
        DisconnectReason.ConnectionLost => LinkEnding.Abort,
        _ => LinkEnding.LastWords,
    };

    public static GoodbyeCode CodeOf(DisconnectReason reason) => reason switch
    {
        DisconnectReason.LocalShutdown => GoodbyeCode.Shutdown,
        DisconnectReason.LocalRemoved => GoodbyeCode.Removed,
        DisconnectReason.Replaced => GoodbyeCode.Replaced,
        DisconnectReason.PingTimeout or DisconnectReason.WriteTimeout or DisconnectReason.FrameTimeout or DisconnectReason.DrainTimeout => GoodbyeCode.Timeout,
        DisconnectReason.ProtocolError => GoodbyeCode.ProtocolError,
        DisconnectReason.Evicted or DisconnectReason.Misbehaved => GoodbyeCode.Evicted,
        DisconnectReason.ProbeDone => GoodbyeCode.ProbeDone,
        DisconnectReason.IdentityInUse => GoodbyeCode.IdentityInUse,
        _ => GoodbyeCode.InternalError,
    };

    public static DisconnectReason ReasonOf(GoodbyeCode code) => code switch
    {
        GoodbyeCode.Removed => DisconnectReason.RemoteRemoved,
        GoodbyeCode.Replaced => DisconnectReason.Replaced,
        GoodbyeCode.Timeout => DisconnectReason.RemoteTimeout,
        GoodbyeCode.ProtocolError => DisconnectReason.RemoteProtocolError,
        GoodbyeCode.Evicted => DisconnectReason.Evicted,
        GoodbyeCode.ProbeDone => DisconnectReason.ProbeDone,
        GoodbyeCode.IdentityInUse => DisconnectReason.IdentityInUse,
        GoodbyeCode.InternalError => DisconnectReason.RemoteError,
        _ => DisconnectReason.RemoteShutdown,
    };

    /// <summary>When a peer that was sent away may come again; null: that is its own affair.</summary>
    public static TimeSpan? RetryAfterOf(DisconnectReason reason) => reason is DisconnectReason.Evicted or DisconnectReason.Misbehaved ? TimeSpan.FromMinutes(5) : null;

    public static byte[] Frame(GoodbyeCode code, string message, TimeSpan? retryAfter = null)
    {
        byte[] frame = new byte[512];
        int length = new Goodbye { Code = code, RetryAfter = retryAfter, Message = Cut(message, Goodbye.MaxMessageBytes) }.Write(frame.AsSpan(FrameCodec.HeaderSize));
        FrameCodec.WriteHeader(frame, FrameType.Goodbye, FrameFlags.None, length);
        return frame[..(FrameCodec.HeaderSize + length)];
    }

    public static byte[] NoticeFrame(Notice notice)
    {
        byte[] frame = new byte[512];
        int length = (notice with { Message = Cut(notice.Message, Notice.MaxMessageBytes) }).Write(frame.AsSpan(FrameCodec.HeaderSize));
        FrameCodec.WriteHeader(frame, FrameType.Notice, FrameFlags.None, length);
        return frame[..(FrameCodec.HeaderSize + length)];
    }

    // Cut at a character, not within its bytes; without what the wire forbids.
    private static string Cut(string text, int maxBytes)
    {
        StringBuilder kept = new();
        int bytes = 0;
        foreach (Rune rune in PeerText.Clean(text).EnumerateRunes())
        {
            bytes += rune.Utf8SequenceLength;
            if (bytes > maxBytes)
            {
                break;
            }

            kept.Append(rune.ToString());
        }

        return kept.ToString();
    }
}
