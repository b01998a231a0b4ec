using System.Buffers.Binary;

namespace Meshara.Wire;

/// <summary>The variable-length integer of RFC 9000 section 16: 62 bits in 1, 2, 4 or 8 bytes. Spec section 2.</summary>
internal static class Varint
{
    /// <summary>2^62 − 1.</summary>
    public const ulong Max = (1UL << 62) - 1;

    /// <summary>Bytes of the longest form.</summary>
    public const int MaxLength = 8;

    /// <summary>Bytes of the shortest form of a value: 1, 2, 4 or 8.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Above <see cref="Max"/>.</exception>
    public static int Length(ulong value) => value switch
    {
        < 1UL << 6 => 1,
        < 1UL << 14 => 2,
        < 1UL << 30 => 4,
        <= Max => 8,
        _ => throw new ArgumentOutOfRangeException(nameof(value), value, "A varint has 62 bits."),
    };

    /// <summary>Writes the shortest form and returns its length.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is above <see cref="Max"/> or the destination too short.</exception>
    public static int Write(Span<byte> destination, ulong value)
    {
        int length = Length(value);
        switch (length)
        {
            case 1:
                destination[..1][0] = (byte)value;
                break;
            case 2:
                BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)(value | 0x4000));
                break;
            case 4:
                BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)(value | 0x8000_0000));
                break;
            default:
                BinaryPrimitives.WriteUInt64BigEndian(destination, value | 0xC000_0000_0000_0000);
                break;
        }

        return length;
    }

    /// <summary>Reads any form, also a longer one than needed: compare <paramref name="used"/> with <see cref="Length"/>. False: the source ends too early.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out ulong value, out int used)
    {
        value = 0;
        used = 0;
        if (source.IsEmpty)
            return false;

        int length = 1 << (source[0] >> 6);
        if (source.Length < length)
            return false;

        value = length switch
        {
            1 => source[0],
            2 => BinaryPrimitives.ReadUInt16BigEndian(source) & 0x3FFFu,
            4 => BinaryPrimitives.ReadUInt32BigEndian(source) & 0x3FFF_FFFFu,
            _ => BinaryPrimitives.ReadUInt64BigEndian(source) & Max,
        };
        used = length;
        return true;
    }
}
