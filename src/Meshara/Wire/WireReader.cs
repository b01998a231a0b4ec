using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Meshara.Wire;

/// <summary>Reads the fields of one payload in order, spec section 2. Every fault is a protocol error and thrown before anything is allocated for the field.</summary>
internal ref struct WireReader(ReadOnlySpan<byte> payload)
{
    /// <summary>Most items of an extension list, section 4.</summary>
    public const int MaxExtensions = 16;

    /// <summary>Most bytes of an extension's value, section 4.</summary>
    public const int MaxExtensionValue = 1024;

    private ReadOnlySpan<byte> _rest = payload;

    /// <summary>What has not been read yet.</summary>
    public readonly ReadOnlySpan<byte> Rest => _rest;

    /// <summary><c>u8</c>.</summary>
    /// <exception cref="WireException">The payload ends too early.</exception>
    public byte ReadU8() => ReadBytes(1)[0];

    /// <summary><c>u16</c>, big-endian.</summary>
    /// <exception cref="WireException">The payload ends too early.</exception>
    public ushort ReadU16() => BinaryPrimitives.ReadUInt16BigEndian(ReadBytes(sizeof(ushort)));

    /// <summary><c>u32</c>, big-endian.</summary>
    /// <exception cref="WireException">The payload ends too early.</exception>
    public uint ReadU32() => BinaryPrimitives.ReadUInt32BigEndian(ReadBytes(sizeof(uint)));

    /// <summary><c>u64</c>, big-endian.</summary>
    /// <exception cref="WireException">The payload ends too early.</exception>
    public ulong ReadU64() => BinaryPrimitives.ReadUInt64BigEndian(ReadBytes(sizeof(ulong)));

    /// <summary><c>varint</c>: 0 to 2^62 − 1, shortest form.</summary>
    /// <exception cref="WireException">The payload ends too early, or a longer form than needed.</exception>
    public ulong ReadVarint()
    {
        if (!Varint.TryRead(_rest, out ulong value, out int used))
            ThrowShort();
        if (used != Varint.Length(value))
            WireException.Violation("A varint in a longer form than needed.");

        _rest = _rest[used..];
        return value;
    }

    /// <summary>A varint whose value has a range.</summary>
    /// <exception cref="WireException">As <see cref="ReadVarint()"/>, or outside the range.</exception>
    public int ReadVarint(int min, int max)
    {
        ulong value = ReadVarint();
        if (value < (ulong)min || value > (ulong)max)
            WireException.Violation($"A value of {value}; {min} to {max} are allowed.");

        return (int)value;
    }

    /// <summary><c>bytes&lt;N&gt;</c>.</summary>
    /// <exception cref="WireException">The payload ends too early.</exception>
    public ReadOnlySpan<byte> ReadBytes(int count)
    {
        if (_rest.Length < count)
            ThrowShort();

        ReadOnlySpan<byte> bytes = _rest[..count];
        _rest = _rest[count..];
        return bytes;
    }

    /// <summary><c>string&lt;N&gt;</c> as a string.</summary>
    /// <exception cref="WireException">Longer than <paramref name="max"/> bytes, past the end, not UTF-8, or with control characters.</exception>
    public string ReadString(int max) => Encoding.UTF8.GetString(ReadText(max));

    /// <summary><c>string&lt;N&gt;</c> as its checked UTF-8, without allocating.</summary>
    /// <exception cref="WireException">As <see cref="ReadString"/>.</exception>
    public ReadOnlySpan<byte> ReadText(int max)
    {
        ReadOnlySpan<byte> bytes = ReadBlob(max);
        if (!WireText.IsValid(bytes))
            WireException.Violation("A string that is not UTF-8 or has control characters.");

        return bytes;
    }

    /// <summary><c>blob&lt;N&gt;</c>.</summary>
    /// <exception cref="WireException">Longer than <paramref name="max"/> bytes, or past the end.</exception>
    public ReadOnlySpan<byte> ReadBlob(int max) => ReadBytes(ReadVarint(0, max));

    /// <summary>The count of a <c>list&lt;N&gt;</c>.</summary>
    /// <exception cref="WireException">Over <paramref name="max"/>.</exception>
    public int ReadCount(int max) => ReadVarint(0, max);

    /// <summary>The extensions that end a payload, section 4, of which none is known. False: one of them is critical, which refuses the frame.</summary>
    /// <exception cref="WireException">Over a cap, past the end, or the same type twice.</exception>
    public bool ReadExtensions() => ReadExtensions(known: 0, out _);

    /// <summary>As <see cref="ReadExtensions()"/>, where one type is known.</summary>
    /// <param name="known">The type, not 0.</param>
    /// <param name="value">Its value; empty: it is not there.</param>
    public bool ReadExtensions(ulong known, out ReadOnlySpan<byte> value) => ReadExtensions(known, out value, second: 0, out _);

    /// <summary>As <see cref="ReadExtensions()"/>, where two types are known.</summary>
    /// <param name="known">One type; 0: none.</param>
    /// <param name="value">Its value; empty: it is not there.</param>
    /// <param name="second">The other type, which is not critical; 0: none.</param>
    /// <param name="secondValue">Its value; empty: it is not there.</param>
    public bool ReadExtensions(ulong known, out ReadOnlySpan<byte> value, ulong second, out ReadOnlySpan<byte> secondValue)
    {
        value = default;
        secondValue = default;
        int count = ReadCount(MaxExtensions);
        Span<ulong> seen = stackalloc ulong[MaxExtensions];
        bool acceptable = true;
        for (int i = 0; i < count; i++)
        {
            ulong type = ReadVarint();
            if (seen[..i].Contains(type))
                WireException.Violation("The same extension twice.");

            seen[i] = type;
            ReadOnlySpan<byte> read = ReadBlob(MaxExtensionValue);
            value = type == known && known != 0 ? read : value;
            secondValue = type == second && second != 0 ? read : secondValue;
            acceptable &= (type & 1) == 0 || (type == known && known != 0);
        }

        return acceptable;
    }

    /// <summary>Every payload ends with its last field.</summary>
    /// <exception cref="WireException">Trailing bytes.</exception>
    public readonly void End()
    {
        if (!_rest.IsEmpty)
            WireException.Violation("Bytes after the last field.");
    }

    [DoesNotReturn]
    private static void ThrowShort() => WireException.Violation("The payload ends inside a field.");
}
