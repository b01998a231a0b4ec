using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Meshara;

/// <summary>The name of a node: SHA-256 of its public key's SubjectPublicKeyInfo in DER, written as 64 lower-case hex digits.</summary>
/// <remarks>Wire protocol section 2.1. <c>openssl pkey -in identity.pem -pubout -outform DER | sha256sum</c> computes the same.</remarks>
[StructLayout(LayoutKind.Auto)]
public readonly struct NodeId : IEquatable<NodeId>, IComparable<NodeId>, ISpanParsable<NodeId>
{
    /// <summary>Length in bytes.</summary>
    public const int Size = 32;

    // Big-endian words, so that comparing them in order is comparing the bytes (wire protocol section 6).
    private readonly ulong _a, _b, _c, _d;

    private NodeId(ReadOnlySpan<byte> bytes)
    {
        _a = BinaryPrimitives.ReadUInt64BigEndian(bytes);
        _b = BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]);
        _c = BinaryPrimitives.ReadUInt64BigEndian(bytes[16..]);
        _d = BinaryPrimitives.ReadUInt64BigEndian(bytes[24..]);
    }

    /// <summary>Reads an id from its 32 bytes.</summary>
    /// <exception cref="ArgumentException">Not 32 bytes.</exception>
    public static NodeId FromBytes(ReadOnlySpan<byte> bytes) =>
        bytes.Length == Size ? new NodeId(bytes) : throw new ArgumentException($"A node id has {Size} bytes, not {bytes.Length}.", nameof(bytes));

    /// <summary>The id of the key with this SubjectPublicKeyInfo.</summary>
    public static NodeId FromPublicKey(ReadOnlySpan<byte> subjectPublicKeyInfo)
    {
        Span<byte> hash = stackalloc byte[Size];
        SHA256.HashData(subjectPublicKeyInfo, hash);
        return new NodeId(hash);
    }

    /// <summary>Writes the 32 bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The destination is shorter.</exception>
    public void CopyTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, _a);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _b);
        BinaryPrimitives.WriteUInt64BigEndian(destination[16..], _c);
        BinaryPrimitives.WriteUInt64BigEndian(destination[24..], _d);
    }

    /// <summary>The 32 bytes.</summary>
    public byte[] ToByteArray()
    {
        byte[] bytes = new byte[Size];
        CopyTo(bytes);
        return bytes;
    }

    /// <summary>Reads 64 hex digits of either case.</summary>
    /// <exception cref="FormatException">Anything else; the message says what was wrong.</exception>
    public static NodeId Parse(string s) => Parse(s, null);

    /// <inheritdoc cref="Parse(string)"/>
    public static NodeId Parse(string s, IFormatProvider? provider)
    {
        ArgumentNullException.ThrowIfNull(s);
        return Parse(s.AsSpan(), provider);
    }

    /// <inheritdoc cref="Parse(string)"/>
    public static NodeId Parse(ReadOnlySpan<char> s, IFormatProvider? provider) =>
        TryParse(s, provider, out NodeId id) ? id : throw new FormatException($"{WhyNot(s)}.");

    /// <summary>Reads 64 hex digits of either case; false for anything else.</summary>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out NodeId result) =>
        TryParse(s.AsSpan(), provider, out result);

    /// <inheritdoc cref="TryParse(string?, IFormatProvider?, out NodeId)"/>
    public static bool TryParse([NotNullWhen(true)] string? s, out NodeId result) => TryParse(s.AsSpan(), null, out result);

    /// <inheritdoc cref="TryParse(string?, IFormatProvider?, out NodeId)"/>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out NodeId result)
    {
        Span<byte> bytes = stackalloc byte[Size];
        bool ok = s.Length == Size * 2 && Convert.FromHexString(s, bytes, out _, out _) == System.Buffers.OperationStatus.Done;
        result = ok ? new NodeId(bytes) : default;
        return ok;
    }

    /// <inheritdoc/>
    public bool Equals(NodeId other) => _a == other._a && _b == other._b && _c == other._c && _d == other._d;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is NodeId other && Equals(other);

    /// <summary>The first bytes of the id, which is a hash already.</summary>
    public override int GetHashCode() => (int)(_a >> 32);

    /// <summary>Compares bytewise, as the protocol does to decide between simultaneous dials.</summary>
    public int CompareTo(NodeId other) =>
        _a != other._a ? _a.CompareTo(other._a)
        : _b != other._b ? _b.CompareTo(other._b)
        : _c != other._c ? _c.CompareTo(other._c)
        : _d.CompareTo(other._d);

    /// <summary>64 lower-case hex digits.</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Size];
        CopyTo(bytes);
        return Convert.ToHexStringLower(bytes);
    }

    /// <summary>The first 16 hex digits, for display only: a prefix can be mined.</summary>
    public string ToShortString() => ToString()[..16];

    /// <summary>Whether two ids are the same.</summary>
    public static bool operator ==(NodeId left, NodeId right) => left.Equals(right);

    /// <summary>Whether two ids differ.</summary>
    public static bool operator !=(NodeId left, NodeId right) => !left.Equals(right);

    /// <summary>Bytewise order.</summary>
    public static bool operator <(NodeId left, NodeId right) => left.CompareTo(right) < 0;

    /// <summary>Bytewise order.</summary>
    public static bool operator >(NodeId left, NodeId right) => left.CompareTo(right) > 0;

    /// <summary>Bytewise order.</summary>
    public static bool operator <=(NodeId left, NodeId right) => left.CompareTo(right) <= 0;

    /// <summary>Bytewise order.</summary>
    public static bool operator >=(NodeId left, NodeId right) => left.CompareTo(right) >= 0;

    /// <summary>Why text is not a node id, a clause without a full stop.</summary>
    internal static string WhyNot(ReadOnlySpan<char> s) =>
        HasForeignPrefix(s)
            ? $"{Printable.Quote(s)} is a libp2p peer id, which names another kind of key; a Meshara id is the SHA-256 of the public key, {Size * 2} hex digits ('meshara id' on that machine prints it)"
            : s.Length == Size * 2
                ? $"{Printable.Quote(s)} is not a node id: it has characters that are not hex digits"
                : $"{Printable.Quote(s)} is not a node id: {Size * 2} hex digits are expected, these are {s.Length} characters";

    /// <summary>Whether the text is, by prefix and length, the id of a libp2p peer and not a host name.</summary>
    internal static bool IsForeignId(ReadOnlySpan<char> s) => s.Length is >= 46 and <= 64 && !s.ContainsAny('.', ':') && HasForeignPrefix(s);

    // Ed25519, RSA and secp256k1 ids in base58, and CIDs of keys in base32 and base36.
    private static bool HasForeignPrefix(ReadOnlySpan<char> s) =>
        s.StartsWith("12D3Koo") || s.StartsWith("Qm") || s.StartsWith("16Uiu2") || s.StartsWith("bafz") || s.StartsWith("k51qzi");
}
