using Meshara.Wire;

namespace Meshara.Allocations;

/// <summary>The frames that every message and request consists of.</summary>
internal static class FrameParts
{
    private const ulong Id = 12345;

    public static IEnumerable<(string Name, Action Work)> All()
    {
        byte[] buffer = new byte[256], body = new byte[64];
        byte[] data = buffer[..StreamFrames.WriteData(buffer, FrameFlags.EndOfMessage, Id, body)];
        byte[] open = buffer[..StreamFrames.WriteOpen(buffer, Id, StreamKind.Request, "chat/1")];
        byte[] window = buffer[..StreamFrames.WriteWindow(buffer, Id, 16384)];
        byte[] ping = buffer[..ControlFrames.WritePing(buffer, 42)];
        return
        [
            ("write DATA", () => StreamFrames.WriteData(buffer, FrameFlags.EndOfMessage, Id, body)),
            ("parse DATA", () => StreamFrames.ParseData(HeaderOf(data).Flags, PayloadOf(data), out _, out _)),
            ("write OPEN", () => StreamFrames.WriteOpen(buffer, Id, StreamKind.Request, "chat/1")),
            ("parse OPEN", () => StreamFrames.ParseOpen(PayloadOf(open), out _, out _, out ReadOnlySpan<byte> _, out _)),
            ("write WINDOW", () => StreamFrames.WriteWindow(buffer, Id, 16384)),
            ("parse WINDOW", () => StreamFrames.ParseWindow(PayloadOf(window), out _, out _)),
            ("write PING", () => ControlFrames.WritePing(buffer, 42)),
            ("parse PING", () => ControlFrames.ParsePing(PayloadOf(ping))),
        ];
    }

    public static FrameHeader HeaderOf(ReadOnlySpan<byte> frame) =>
        FrameCodec.TryReadHeader(frame, FrameCodec.MaxPayload, out FrameHeader header) ? header : throw new InvalidOperationException("Not a whole frame.");

    public static ReadOnlySpan<byte> PayloadOf(ReadOnlySpan<byte> frame) => frame.Slice(FrameCodec.HeaderSize, HeaderOf(frame).Length);
}
