using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace Meshara.Wire;

/// <summary>Writes the fields of one payload in order, spec section 2: the counterpart of <see cref="WireReader"/>. A fault here is our own, so it is an ArgumentException.</summary>
internal ref struct WireWriter(Span<byte> destination)
{
    private readonly Span<byte> _destination = destination;

    /// <summary>Bytes written so far.</summary>
    public int Written { get; private set; }

    /// <summary><c>u8</c>.</summary>
    public void WriteU8(byte value) => Take(1)[0] = value;

    /// <summary><c>u16</c>, big-endian.</summary>
    public void WriteU16(ushort value) => BinaryPrimitives.WriteUInt16BigEndian(Take(sizeof(ushort)), value);

    /// <summary><c>u32</c>, big-endian.</summary>
    public void WriteU32(uint value) => BinaryPrimitives.WriteUInt32BigEndian(Take(sizeof(uint)), value);

    /// <summary><c>u64</c>, big-endian.</summary>
    public void WriteU64(ulong value) => BinaryPrimitives.WriteUInt64BigEndian(Take(sizeof(ulong)), value);

    /// <summary><c>varint</c> in its shortest form.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Above 2^62 − 1, or no room.</exception>
    public void WriteVarint(ulong value) => Varint.Write(Take(Varint.Length(value)), value);

    /// <summary><c>bytes&lt;N&gt;</c>.</summary>
    public void WriteBytes(scoped ReadOnlySpan<byte> bytes) => bytes.CopyTo(Take(bytes.Length));

    /// <summary><c>blob&lt;N&gt;</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Longer than <paramref name="max"/>, or no room.</exception>
    public void WriteBlob(scoped ReadOnlySpan<byte> bytes, int max)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes.Length, max);
        WriteVarint((ulong)bytes.Length);
        WriteBytes(bytes);
    }

    /// <summary><c>string&lt;N&gt;</c>; what the receiver would reject is refused here.</summary>
    /// <exception cref="ArgumentException">More than <paramref name="max"/> bytes of UTF-8, a lone surrogate, a control character, or no room.</exception>
    public void WriteString(string value, int max)
    {
        int length = Encoding.UTF8.GetByteCount(value);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, max);
        WriteVarint((ulong)length);
        Span<byte> room = Take(length);

        // Replacing a lone surrogate would send another string than the caller meant.
        OperationStatus status = Utf8.FromUtf16(value, room, out _, out _, replaceInvalidSequences: false);
        if (status != OperationStatus.Done || !WireText.IsValid(room))
            throw new ArgumentException("A string on the wire has neither lone surrogates nor control characters.", nameof(value));
    }

    /// <summary><c>string&lt;N&gt;</c> meant for people: cut to fit between characters, controls and lone surrogates replaced by U+FFFD, so that saying why never fails.</summary>
    public void WriteText(string value, int max)
    {
        int length = 0;
        foreach (Rune rune in value.EnumerateRunes())
        {
            int next = Shown(rune).Utf8SequenceLength;
            if (length + next > max)
                break;

            length += next;
        }

        WriteVarint((ulong)length);
        Span<byte> room = Take(length);
        foreach (Rune rune in value.EnumerateRunes())
        {
            if (room.IsEmpty || Shown(rune).Utf8SequenceLength > room.Length)
                break;

            room = room[Shown(rune).EncodeToUtf8(room)..];
        }
    }

    /// <summary>The count of a <c>list&lt;N&gt;</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative, over <paramref name="max"/>, or no room.</exception>
    public void WriteCount(int count, int max)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, max);
        WriteVarint((ulong)count);
    }

    /// <summary>No extensions: version 1 has none of its own.</summary>
    public void WriteNoExtensions() => WriteCount(0, WireReader.MaxExtensions);

    private Span<byte> Take(int count)
    {
        if (_destination.Length - Written < count)
            throw new ArgumentOutOfRangeException(nameof(count), count, "The destination is too short.");

        Span<byte> span = _destination.Slice(Written, count);
        Written += count;
        return span;
    }

    private static Rune Shown(Rune rune) => Rune.IsControl(rune) ? Rune.ReplacementChar : rune;
}
