#if PLANTED_BUG
using System.Buffers.Binary;

namespace Meshara.Fuzz.Planted;

/// <summary>A message of a protocol that does not exist, with a fault behind three doors: a magic number, a length that matches, a checksum. It proves that the
/// fuzzer finds what chance does not. Only there with <c>-p:PlantedBug=true</c>.</summary>
internal static class ToyParser
{
    private const uint Magic = 0xC0DE5EED;
    private const int Head = 10;

    private static readonly int[] Widths = [1, 2, 4, 8];

    /// <summary>Its one seed is empty enough to be refused at the first door.</summary>
    public static FuzzTarget Target { get; } = new("planted", [new byte[16]], static input => Parse(input));

    /// <summary>Four bytes of magic, two of the body's length, four of its checksum, the body: kind, count, items.</summary>
    private static long Parse(ReadOnlySpan<byte> input)
    {
        if (input.Length < Head + 2 || BinaryPrimitives.ReadUInt32BigEndian(input) != Magic)
            return Verdict.Refused;
        ReadOnlySpan<byte> body = input[Head..];
        if (BinaryPrimitives.ReadUInt16BigEndian(input[4..]) != body.Length)
            return Verdict.Refused;
        if (BinaryPrimitives.ReadUInt32BigEndian(input[6..]) != Sum(body))
            return Verdict.Refused;

        // The fault: a number of the peer's as an index.
        return body[0] == 7 ? Widths[body[1]] : 1;
    }

    private static uint Sum(ReadOnlySpan<byte> body)
    {
        uint sum = 0x1505;
        foreach (byte b in body)
            sum = (sum * 33) + b;
        return sum;
    }
}
#endif
