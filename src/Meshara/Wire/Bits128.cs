using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Meshara.Wire;

/// <summary>128 bits, the highest first.</summary>
/// <remarks>Not <see cref="UInt128"/>: a method that sees one, or an object that holds one, is never compiled ahead of time (ReadyToRun), but anew at each start. Half of the mesh was.</remarks>
/// <param name="High">The first 64.</param>
/// <param name="Low">The last 64.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct Bits128(ulong High, ulong Low)
{
    /// <summary>Length in bytes.</summary>
    public const int Size = 16;

    /// <summary>Reads 16 bytes, big-endian.</summary>
    public static Bits128 Read(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]));

    /// <summary>Reads 32 hex digits; null: that is not what they are.</summary>
    public static Bits128? TryParse(ReadOnlySpan<char> hex) =>
        hex.Length == 2 * Size
        && ulong.TryParse(hex[..Size], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong high)
        && ulong.TryParse(hex[Size..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong low)
            ? new Bits128(high, low)
            : null;

    /// <summary>Ones in the first places, zeros after them.</summary>
    /// <param name="length">How many ones: 0 to 128.</param>
    /// <exception cref="ArgumentOutOfRangeException">Fewer or more.</exception>
    public static Bits128 Ones(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, 128u, nameof(length));
        return new(Ones64(length), Ones64(length - 64));
    }

    /// <summary>Writes 16 bytes, big-endian.</summary>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, High);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], Low);
    }

    /// <summary>Of strangers' addresses, so seeded: that of a record could be steered, and a table made a list.</summary>
    public override int GetHashCode() => HashCode.Combine(High, Low);

    /// <summary>32 hex digits.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{High:x16}{Low:x16}");

    public static implicit operator Bits128(ulong low) => new(0, low);

    public static Bits128 operator &(Bits128 left, Bits128 right) => new(left.High & right.High, left.Low & right.Low);

    public static Bits128 operator ~(Bits128 bits) => new(~bits.High, ~bits.Low);

    // The processor shifts by 64 as by 0.
    private static ulong Ones64(int length) => length <= 0 ? 0 : length >= 64 ? ulong.MaxValue : ulong.MaxValue << (64 - length);
}
