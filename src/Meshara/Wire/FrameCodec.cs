using System.Buffers.Binary;

namespace Meshara.Wire;

/// <summary>Frame headers and the caps on payloads, spec section 4.</summary>
internal static class FrameCodec
{
    /// <summary>Bytes of a header.</summary>
    public const int HeaderSize = 6;

    /// <summary>Most bytes of payload until the sender's HELLO has been received; the HELLO keeps to it too.</summary>
    public const int MaxHelloPayload = 4096;

    /// <summary>Most bytes of payload until the sender's READY or REFUSE has been received.</summary>
    public const int MaxHandshakePayload = 16384;

    /// <summary>Most bytes of payload afterwards.</summary>
    public const int MaxPayload = 65536;

    /// <summary>The flags that DATA has, section 8.2; no other type has any.</summary>
    private const FrameFlags DataFlags = FrameFlags.EndOfMessage | FrameFlags.Fin | FrameFlags.Acknowledge;

    /// <summary>Reads a header, spec section 4. False: fewer than 6 bytes are there. Nothing after them is read.</summary>
    /// <remarks>An unknown type with bit 7 passes; before HELLO that too is a protocol error, which the handshake knows.</remarks>
    /// <exception cref="WireException">A length over <paramref name="maxPayload"/>, an unknown type without bit 7, or a flag the type does not have.</exception>
    public static bool TryReadHeader(ReadOnlySpan<byte> buffer, int maxPayload, out FrameHeader header)
    {
        header = default;
        if (buffer.Length < HeaderSize)
            return false;

        // Compared unsigned: 0xFFFFFFFF is a great length, not a negative one.
        uint length = BinaryPrimitives.ReadUInt32BigEndian(buffer);
        if (length > (uint)maxPayload)
            ThrowLength(length, maxPayload);

        FrameType type = (FrameType)buffer[4];
        FrameFlags flags = (FrameFlags)buffer[5];
        if (IsKnown(type))
        {
            if ((flags & ~FlagsOf(type)) != FrameFlags.None)
                ThrowFlags(type, flags);
        }
        else if (!IsOptional(type))
        {
            ThrowType(type);
        }

        header = new FrameHeader(type, flags, (int)length);
        return true;
    }

    /// <summary>Whether a receiver that does not know the type ignores it: bit 7.</summary>
    public static bool IsOptional(FrameType type) => ((byte)type & 0x80) != 0;

    /// <summary>Whether the type is in the table of section 4. Only those count as life (7.1).</summary>
    public static bool IsKnown(FrameType type) =>
        type is (>= FrameType.Hello and <= FrameType.Done) or (>= FrameType.Open and <= FrameType.Ack) or FrameType.Notice;

    /// <summary>Writes the 6 bytes of a header.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative or over <see cref="MaxPayload"/>, a flag is not the type's, or the destination is too short.</exception>
    public static void WriteHeader(Span<byte> destination, FrameType type, FrameFlags flags, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, MaxPayload);
        if ((flags & ~FlagsOf(type)) != FrameFlags.None)
            throw new ArgumentOutOfRangeException(nameof(flags), flags, $"{type} has no such flag.");

        destination = destination[..HeaderSize];
        BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)length);
        destination[4] = (byte)type;
        destination[5] = (byte)flags;
    }

    private static FrameFlags FlagsOf(FrameType type) => type == FrameType.Data ? DataFlags : FrameFlags.None;

    private static void ThrowLength(uint length, int maxPayload) =>
        WireException.Violation($"A frame of {length} bytes; at most {maxPayload} are allowed here.");

    private static void ThrowType(FrameType type) => WireException.Violation($"Unknown frame type 0x{(byte)type:x2}.");

    private static void ThrowFlags(FrameType type, FrameFlags flags) =>
        WireException.Violation($"Frame type 0x{(byte)type:x2} with flags 0x{(byte)flags:x2}.");
}
