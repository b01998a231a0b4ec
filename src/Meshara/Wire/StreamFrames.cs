using System.Text;

namespace Meshara.Wire;

/// <summary>Frames of streams, spec section 8. Nothing here allocates but the string of a protocol name. Each Write returns the length of the whole frame, header included.</summary>
internal static class StreamFrames
{
    /// <summary>Most bytes of a protocol name, section 8.1.</summary>
    public const int MaxProtocolBytes = 128;

    /// <summary>Most bytes of a DATA frame before its body: header and stream id.</summary>
    public const int MaxDataOverhead = FrameCodec.HeaderSize + Varint.MaxLength;

    /// <summary>Bytes of body that fit a DATA frame whatever the stream id.</summary>
    public const int MaxDataBody = FrameCodec.MaxPayload - Varint.MaxLength;

    /// <summary>What DATA costs beside its bytes, section 8.3.</summary>
    public const int DataCost = 32;

    /// <summary>No frame written here is longer, but DATA.</summary>
    public const int MaxControlFrame = FrameCodec.HeaderSize + Varint.MaxLength + 1 + 2 + MaxProtocolBytes + 1;

    /// <summary>Reads the payload of OPEN, spec section 8.1, the protocol name as checked UTF-8 that lies in <paramref name="payload"/>.</summary>
    /// <param name="payload">The payload.</param>
    /// <param name="id">The stream id, not yet checked for its order.</param>
    /// <param name="kind">May hold a number without a name: RESET(refused).</param>
    /// <param name="protocol">1 to 128 bytes.</param>
    /// <param name="critical">An unknown critical extension is there: RESET(refused).</param>
    /// <exception cref="WireException">A malformed payload.</exception>
    public static void ParseOpen(ReadOnlySpan<byte> payload, out ulong id, out StreamKind kind, out ReadOnlySpan<byte> protocol, out bool critical)
    {
        WireReader reader = new(payload);
        id = reader.ReadVarint();
        kind = (StreamKind)reader.ReadU8();
        protocol = reader.ReadText(MaxProtocolBytes);
        if (protocol.IsEmpty)
            WireException.Violation("OPEN without a protocol name.");

        critical = !reader.ReadExtensions();
        reader.End();
    }

    /// <inheritdoc cref="ParseOpen(ReadOnlySpan{byte}, out ulong, out StreamKind, out ReadOnlySpan{byte}, out bool)"/>
    public static void ParseOpen(ReadOnlySpan<byte> payload, out ulong id, out StreamKind kind, out string protocol, out bool critical)
    {
        ParseOpen(payload, out id, out kind, out ReadOnlySpan<byte> utf8, out critical);
        protocol = Encoding.UTF8.GetString(utf8);
    }

    /// <summary>Reads the payload of DATA, spec section 8.2; what depends on the stream's kind is the stream's to check.</summary>
    /// <param name="flags">The header's flags.</param>
    /// <param name="payload">The payload.</param>
    /// <param name="id">The stream id.</param>
    /// <param name="body">The bytes, which lie in <paramref name="payload"/>.</param>
    /// <exception cref="WireException">A malformed id, ACK without EOM, or no bytes and neither EOM nor FIN.</exception>
    public static void ParseData(FrameFlags flags, ReadOnlySpan<byte> payload, out ulong id, out ReadOnlySpan<byte> body)
    {
        WireReader reader = new(payload);
        id = reader.ReadVarint();
        body = reader.Rest;
        if ((flags & (FrameFlags.Acknowledge | FrameFlags.EndOfMessage)) == FrameFlags.Acknowledge)
            WireException.Violation("DATA with ACK and without EOM.");
        if (body.IsEmpty && (flags & (FrameFlags.EndOfMessage | FrameFlags.Fin)) == FrameFlags.None)
            WireException.Violation("DATA without bytes, EOM or FIN.");
    }

    /// <summary>Credit that a DATA frame costs, spec section 8.3: 32 + its bytes, nothing for a bare FIN.</summary>
    public static int CostOf(FrameFlags flags, int bodyLength) =>
        bodyLength == 0 && (flags & (FrameFlags.EndOfMessage | FrameFlags.Fin)) == FrameFlags.Fin ? 0 : DataCost + bodyLength;

    /// <summary>Reads the payload of RESET, spec section 8.5.</summary>
    /// <exception cref="WireException">A malformed payload.</exception>
    public static void ParseReset(ReadOnlySpan<byte> payload, out ulong id, out long code) => ParsePair(payload, out id, out code);

    /// <summary>Reads the payload of STOP_SENDING, spec section 8.5.</summary>
    /// <exception cref="WireException">A malformed payload.</exception>
    public static void ParseStopSending(ReadOnlySpan<byte> payload, out ulong id, out long code) => ParsePair(payload, out id, out code);

    /// <summary>Reads the payload of ACK, spec section 8.5.</summary>
    /// <exception cref="WireException">A malformed payload.</exception>
    public static void ParseAck(ReadOnlySpan<byte> payload, out ulong id, out long code) => ParsePair(payload, out id, out code);

    /// <summary>Reads the payload of WINDOW, spec section 8.3.</summary>
    /// <exception cref="WireException">A malformed payload, or an increment of 0.</exception>
    public static void ParseWindow(ReadOnlySpan<byte> payload, out ulong id, out long increment)
    {
        ParsePair(payload, out id, out increment);
        if (increment == 0)
            WireException.Violation("WINDOW with an increment of 0.");
    }

    /// <summary>Reads the payload of MAX_STREAMS, spec section 8.4.</summary>
    /// <exception cref="WireException">A malformed payload.</exception>
    public static void ParseMaxStreams(ReadOnlySpan<byte> payload, out long count)
    {
        WireReader reader = new(payload);
        count = (long)reader.ReadVarint();
        reader.End();
    }

    /// <summary>OPEN, spec section 8.1, without extensions.</summary>
    /// <exception cref="ArgumentException">The name is empty, over 128 bytes of UTF-8 or has control characters, or no room.</exception>
    public static int WriteOpen(Span<byte> destination, ulong id, StreamKind kind, string protocol)
    {
        ArgumentException.ThrowIfNullOrEmpty(protocol);
        WireWriter writer = new(destination[FrameCodec.HeaderSize..]);
        writer.WriteVarint(id);
        writer.WriteU8((byte)kind);
        writer.WriteString(protocol, MaxProtocolBytes);
        writer.WriteNoExtensions();
        return Finish(destination, FrameType.Open, writer.Written);
    }

    /// <summary>What stands before the body of a DATA frame; returns its length. The caller puts the body right after it.</summary>
    /// <exception cref="ArgumentException">Flags or length that section 8.2 forbids, or no room.</exception>
    public static int WriteDataHeader(Span<byte> destination, FrameFlags flags, ulong id, int bodyLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bodyLength);
        if ((flags & (FrameFlags.Acknowledge | FrameFlags.EndOfMessage)) == FrameFlags.Acknowledge)
            throw new ArgumentException("ACK only with EOM.", nameof(flags));
        if (bodyLength == 0 && (flags & (FrameFlags.EndOfMessage | FrameFlags.Fin)) == FrameFlags.None)
            throw new ArgumentException("DATA without bytes needs EOM or FIN.", nameof(bodyLength));

        int idLength = Varint.Write(destination[FrameCodec.HeaderSize..], id);
        FrameCodec.WriteHeader(destination, FrameType.Data, flags, idLength + bodyLength);
        return FrameCodec.HeaderSize + idLength;
    }

    /// <summary>DATA, spec section 8.2.</summary>
    /// <exception cref="ArgumentException">As <see cref="WriteDataHeader"/>.</exception>
    public static int WriteData(Span<byte> destination, FrameFlags flags, ulong id, ReadOnlySpan<byte> body)
    {
        int start = WriteDataHeader(destination, flags, id, body.Length);
        body.CopyTo(destination[start..]);
        return start + body.Length;
    }

    /// <summary>RESET, spec section 8.5.</summary>
    public static int WriteReset(Span<byte> destination, ulong id, long code) => WritePair(destination, FrameType.Reset, id, code);

    /// <summary>STOP_SENDING, spec section 8.5.</summary>
    public static int WriteStopSending(Span<byte> destination, ulong id, long code) => WritePair(destination, FrameType.StopSending, id, code);

    /// <summary>ACK, spec section 8.5.</summary>
    public static int WriteAck(Span<byte> destination, ulong id, long code) => WritePair(destination, FrameType.Ack, id, code);

    /// <summary>WINDOW, spec section 8.3; the increment is at least 1.</summary>
    public static int WriteWindow(Span<byte> destination, ulong id, long increment)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(increment, 1);
        return WritePair(destination, FrameType.Window, id, increment);
    }

    /// <summary>MAX_STREAMS, spec section 8.4.</summary>
    public static int WriteMaxStreams(Span<byte> destination, long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        return Finish(destination, FrameType.MaxStreams, Varint.Write(destination[FrameCodec.HeaderSize..], (ulong)count));
    }

    private static void ParsePair(ReadOnlySpan<byte> payload, out ulong id, out long value)
    {
        WireReader reader = new(payload);
        id = reader.ReadVarint();
        value = (long)reader.ReadVarint();
        reader.End();
    }

    private static int WritePair(Span<byte> destination, FrameType type, ulong id, long value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        WireWriter writer = new(destination[FrameCodec.HeaderSize..]);
        writer.WriteVarint(id);
        writer.WriteVarint((ulong)value);
        return Finish(destination, type, writer.Written);
    }

    private static int Finish(Span<byte> destination, FrameType type, int length)
    {
        FrameCodec.WriteHeader(destination, type, FrameFlags.None, length);
        return FrameCodec.HeaderSize + length;
    }
}
