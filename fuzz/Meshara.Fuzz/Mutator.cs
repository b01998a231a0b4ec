using System.Buffers.Binary;

namespace Meshara.Fuzz;

/// <summary>Changes inputs at random; the same seed changes them alike.</summary>
internal sealed partial class Mutator(int seed)
{
    private const int MaxSize = 70_000;

    // Edges of lengths, varint forms, flags and UTF-8.
    private static readonly byte[] Bytes = [0, 1, 2, 15, 16, 31, 32, 0x3F, 0x40, 0x7F, 0x80, 0x81, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xED, 0xF4, 0xFF];

    private static readonly ulong[] Numbers =
    [
        0, 1, 7, 8, 9, 16, 17, 63, 64, 65, 128, 129, 256, 257, 300, 301, 1023, 1024, 1025, 4095, 4096, 4097, 16383, 16384, 65535, 65536,
        1_000_000, (1 << 20) + 1, (1 << 30) - 1, 1 << 30, (1 << 30) + 1, int.MaxValue, uint.MaxValue, 1UL << 32, (1UL << 62) - 1,
    ];

    // What a string must not hold, and what it just may.
    private static readonly byte[][] Tokens =
    [
        [0x1B, 0x5B, 0x33, 0x31, 0x6D], [0x0D, 0x0A], [0xC2, 0x9B], [0xC2, 0xA0], [0xC0, 0xAF], [0xE0, 0x80, 0x80], [0xED, 0x9F, 0xBF], [0xED, 0xA0, 0x80],
        [0xEF, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x90, 0x80, 0x80], [0xF4, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80], [0x7F],
    ];

    private readonly Random _random = new(seed);

    /// <summary>0 to <paramref name="count"/> − 1.</summary>
    public int Below(int count) => _random.Next(count);

    /// <summary>One of them.</summary>
    public T Pick<T>(IReadOnlyList<T> items) => items[Below(items.Count)];

    /// <summary>A changed copy: one change mostly, up to eight. <paramref name="other"/> is spliced in now and then.</summary>
    public byte[] Mutate(byte[] input, byte[] other)
    {
        List<byte> bytes = [.. input];
        do
        {
            Change(bytes, other);
        }
        while (Below(2) == 0 && bytes.Count < MaxSize);

        if (bytes.Count > MaxSize)
            bytes.RemoveRange(MaxSize, bytes.Count - MaxSize);
        return [.. bytes];
    }

    private void Change(List<byte> bytes, byte[] other)
    {
        if (Hints is { } hints && Below(2) == 0 && ChangeByHint(bytes, hints))
            return;

        int at = Below(bytes.Count + 1);
        int run = Math.Min(1 + Below(Below(4) == 0 ? 64 : 4), bytes.Count - at);
        switch (Below(11))
        {
            case 0 when at < bytes.Count:
                bytes[at] ^= (byte)(1 << Below(8));
                break;
            case 1 when at < bytes.Count:
                bytes[at] = (byte)Below(256);
                break;
            case 2 when at < bytes.Count:
                bytes[at] = Pick(Bytes);
                break;
            case 3 when at < bytes.Count:
                bytes[at] = (byte)(bytes[at] + (Below(2) == 0 ? 1 : -1));
                break;
            case 4:
                bytes.RemoveRange(at, run);
                break;
            case 5:
                bytes.InsertRange(at, bytes.GetRange(at, run));
                break;
            case 6:
                bytes.InsertRange(at, Pick(Tokens));
                break;
            case 7:
                Replace(bytes, at, Varint());
                break;
            case 8:
                bytes.InsertRange(at, Varint());
                break;
            case 9:
                bytes.RemoveRange(at, bytes.Count - at);
                bytes.AddRange(other.Skip(Math.Min(at, other.Length)));
                break;
            default:
                bytes.RemoveRange(bytes.Count - run, run);
                break;
        }
    }

    private static void Replace(List<byte> bytes, int at, byte[] with)
    {
        bytes.RemoveRange(at, Math.Min(with.Length, bytes.Count - at));
        bytes.InsertRange(at, with);
    }

    // Any of the four forms that holds the number, so longer ones than needed too.
    private byte[] Varint()
    {
        ulong value = Pick(Numbers);
        int least = LeastForm(value);
        return Varint(value, Below(4) == 0 ? least + Below(4 - least) : least);
    }

    private static int LeastForm(ulong value) => value < 1 << 6 ? 0 : value < 1 << 14 ? 1 : value < 1 << 30 ? 2 : 3;

    private static byte[] Varint(ulong value, int form)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value << (64 - (8 << form)));
        bytes[0] |= (byte)(form << 6);
        return bytes[..(1 << form)];
    }
}
