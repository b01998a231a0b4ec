using Meshara.Wire;

namespace Meshara.Fuzz;

/// <summary>Calls the parser of a type, and the writer that belongs to it.</summary>
internal static class WireRewriter
{
    /// <summary>Parses and forgets.</summary>
    public static void Parse(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        switch (header.Type)
        {
            case FrameType.Hello:
                Hello.Parse(payload);
                break;
            case FrameType.Proof:
                ControlFrames.ParseProof(payload);
                break;
            case FrameType.Ready:
                ControlFrames.ParseReady(payload);
                break;
            case FrameType.Refuse:
                Refuse.Parse(payload);
                break;
            case FrameType.Ping or FrameType.Pong:
                ControlFrames.ParsePing(payload);
                break;
            case FrameType.Goodbye:
                Goodbye.Parse(payload);
                break;
            case FrameType.Done:
                ControlFrames.ParseDone(payload);
                break;
            case FrameType.Notice:
                Notice.Parse(payload);
                break;
            case FrameType.Open:
                StreamFrames.ParseOpen(payload, out _, out _, out string _, out _);
                break;
            case FrameType.Data:
                StreamFrames.ParseData(header.Flags, payload, out _, out _);
                break;
            case FrameType.Window:
                StreamFrames.ParseWindow(payload, out _, out _);
                break;
            case FrameType.MaxStreams:
                StreamFrames.ParseMaxStreams(payload, out _);
                break;
            case FrameType.Reset or FrameType.StopSending or FrameType.Ack:
                StreamFrames.ParseReset(payload, out _, out _);
                break;
        }
    }

    /// <summary>Parses a payload known to be good and writes what was read; returns the length of the frame.</summary>
    public static int Rewrite(FrameHeader header, ReadOnlySpan<byte> payload, Span<byte> to)
    {
        ulong id;
        long value;
        switch (header.Type)
        {
            case FrameType.Hello:
                return ControlFrames.WriteHello(to, Hello.Parse(payload));
            case FrameType.Proof:
                return ControlFrames.WriteProof(to, ControlFrames.ParseProof(payload));
            case FrameType.Ready:
                return ControlFrames.WriteReady(to, ControlFrames.ParseReady(payload));
            case FrameType.Refuse:
                return ControlFrames.WriteRefuse(to, Refuse.Parse(payload));
            case FrameType.Ping:
                return ControlFrames.WritePing(to, ControlFrames.ParsePing(payload));
            case FrameType.Pong:
                return ControlFrames.WritePong(to, ControlFrames.ParsePing(payload));
            case FrameType.Goodbye:
                return ControlFrames.WriteGoodbye(to, Goodbye.Parse(payload));
            case FrameType.Done:
                return ControlFrames.WriteDone(to);
            case FrameType.Notice:
                return ControlFrames.WriteNotice(to, Notice.Parse(payload));
            case FrameType.Open:
                StreamFrames.ParseOpen(payload, out id, out StreamKind kind, out string protocol, out _);
                return StreamFrames.WriteOpen(to, id, kind, protocol);
            case FrameType.Data:
                StreamFrames.ParseData(header.Flags, payload, out id, out ReadOnlySpan<byte> body);
                return StreamFrames.WriteData(to, header.Flags, id, body);
            case FrameType.Window:
                StreamFrames.ParseWindow(payload, out id, out value);
                return StreamFrames.WriteWindow(to, id, value);
            case FrameType.MaxStreams:
                StreamFrames.ParseMaxStreams(payload, out value);
                return StreamFrames.WriteMaxStreams(to, value);
            case FrameType.Reset:
                StreamFrames.ParseReset(payload, out id, out value);
                return StreamFrames.WriteReset(to, id, value);
            case FrameType.StopSending:
                StreamFrames.ParseStopSending(payload, out id, out value);
                return StreamFrames.WriteStopSending(to, id, value);
            case FrameType.Ack:
                StreamFrames.ParseAck(payload, out id, out value);
                return StreamFrames.WriteAck(to, id, value);
            default:
                throw new FindingException($"A frame of type {header.Type} was accepted.");
        }
    }
}
