using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Meshara.Fuzz;

/// <summary>What the code under test was seen to look for.</summary>
/// <param name="Tokens">Constants of it.</param>
/// <param name="Numbers">Numbers that it compared while it read the input that is changed.</param>
/// <param name="Texts">Texts likewise.</param>
internal sealed record MutationHints(IReadOnlyList<byte[]> Tokens, IReadOnlyList<(long Left, long Right)> Numbers, IReadOnlyList<(byte[] Left, byte[] Right)> Texts);

/// <content>Puts what was looked for where what was found lies.</content>
internal sealed partial class Mutator
{
    private static readonly Func<long, byte[]?>[] Forms =
    [
        static value => value is >= sbyte.MinValue and <= byte.MaxValue ? [(byte)value] : null,
        static value => value is >= short.MinValue and <= ushort.MaxValue ? BigEndian(value, 2) : null,
        static value => value is >= short.MinValue and <= ushort.MaxValue ? Reversed(value, 2) : null,
        static value => value is >= int.MinValue and <= uint.MaxValue ? BigEndian(value, 4) : null,
        static value => value is >= int.MinValue and <= uint.MaxValue ? Reversed(value, 4) : null,
        static value => BigEndian(value, 8),
        static value => Reversed(value, 8),
        static value => value is >= 0 and < 1L << 62 ? Varint((ulong)value, LeastForm((ulong)value)) : null,
        static value => Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture)),
    ];

    /// <summary>Null: changes are blind.</summary>
    public MutationHints? Hints { get; set; }

    /// <summary>Puts one number in the place of another that it was compared with; null: none of them is found in the input.</summary>
    public byte[]? Mend(byte[] input, IReadOnlyList<(long Left, long Right)> numbers)
    {
        if (numbers.Count == 0)
            return null;
        (long left, long right) = Pick(numbers);
        (left, right) = Below(2) == 0 ? (left, right) : (right, left);
        List<byte> bytes = [.. input];

        // The longest form first: the longer one is, the less is it there by chance.
        foreach (Func<long, byte[]?> form in Forms.Reverse())
        {
            if (form(left) is { } from && form(right) is { } to && Exchange(bytes, from, to, orElse: false))
                return [.. bytes];
        }

        return null;
    }

    // False: there was nothing to go by.
    private bool ChangeByHint(List<byte> bytes, MutationHints hints)
    {
        switch (Below(4))
        {
            case 0 or 1 when hints.Numbers.Count > 0:
                (long found, long wanted) = Pick(hints.Numbers);
                (found, wanted) = Below(2) == 0 ? (found, wanted) : (wanted, found);
                Func<long, byte[]?> form = Pick(Forms);

                // One more and one less are where bounds are.
                long near = Below(4) switch { 0 => wanted - 1, 1 => wanted + 1, _ => wanted };
                return form(near) is { } to && form(found) is { } from && Exchange(bytes, from, to, orElse: Below(8) == 0);
            case 2 when hints.Texts.Count > 0:
                (byte[] left, byte[] right) = Pick(hints.Texts);
                (left, right) = Below(2) == 0 ? (left, right) : (right, left);
                return Exchange(bytes, left, right, orElse: true);
            case 3 when hints.Tokens.Count > 0:
                byte[] token = Pick(hints.Tokens);
                if (Below(2) == 0)
                    bytes.InsertRange(Below(bytes.Count + 1), token);
                else
                    Replace(bytes, Below(bytes.Count + 1), token);
                return true;
            default:
                return false;
        }
    }

    // In the place where it is found, seen from somewhere; else anywhere, if that may be.
    private bool Exchange(List<byte> bytes, byte[] from, byte[] to, bool orElse)
    {
        int start = Below(bytes.Count + 1);
        ReadOnlySpan<byte> all = CollectionsMarshal.AsSpan(bytes);
        int at = from.Length == 0 ? -1 : all[start..].IndexOf(from) is >= 0 and int found ? start + found : all.IndexOf(from);
        if (at < 0 && !orElse)
            return false;
        if (at >= 0)
            bytes.RemoveRange(at, from.Length);
        bytes.InsertRange(at < 0 ? start : at, to);
        return true;
    }

    private static byte[] BigEndian(long value, int size)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(bytes, value);
        return bytes[^size..];
    }

    private static byte[] Reversed(long value, int size)
    {
        byte[] bytes = BigEndian(value, size);
        Array.Reverse(bytes);
        return bytes;
    }
}
