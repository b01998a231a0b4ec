using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Meshara.Mdns.Wire;

/// <summary>What a record says. Immutable; equal when type and content are, names in it compared without regard to case.</summary>
internal abstract class RecordData : IEquatable<RecordData>
{
    private protected RecordData()
    {
    }

    /// <summary>The type of record that carries it.</summary>
    public abstract DnsType Type { get; }

    /// <summary>Bytes on the wire without compression.</summary>
    public abstract int Size { get; }

    /// <summary>Writes the uncompressed form, <see cref="Size"/> bytes.</summary>
    public abstract void CopyTo(Span<byte> to);

    public abstract bool Equals(RecordData? other);

    public sealed override bool Equals(object? obj) => Equals(obj as RecordData);

    public abstract override int GetHashCode();

    /// <summary>RFC 6762 section 8.2: the type, then the uncompressed bytes as unsigned values; the one that runs out first is the earlier.</summary>
    public int CompareRaw(RecordData other)
    {
        if (Type != other.Type)
            return Type.CompareTo(other.Type);
        byte[] mine = ArrayPool<byte>.Shared.Rent(Size);
        byte[] theirs = ArrayPool<byte>.Shared.Rent(other.Size);
        CopyTo(mine);
        other.CopyTo(theirs);
        int order = mine.AsSpan(0, Size).SequenceCompareTo(theirs.AsSpan(0, other.Size));
        ArrayPool<byte>.Shared.Return(mine);
        ArrayPool<byte>.Shared.Return(theirs);
        return order;
    }
}

/// <summary>PTR (RFC 1035 section 3.3.12).</summary>
/// <param name="target">What it points to.</param>
internal sealed class PointerData(DnsName target) : RecordData
{
    /// <summary>What it points to.</summary>
    public DnsName Target { get; } = target;

    public override DnsType Type => DnsType.Ptr;

    public override int Size => Target.Wire.Length;

    public override void CopyTo(Span<byte> to) => Target.Wire.CopyTo(to);

    public override bool Equals(RecordData? other) => other is PointerData data && Target.Equals(data.Target);

    public override int GetHashCode() => Target.GetHashCode();

    public override string ToString() => Target.ToString();
}

/// <summary>SRV (RFC 2782).</summary>
/// <param name="priority">The lower is tried first.</param>
/// <param name="weight">Share among the same priority.</param>
/// <param name="port">Port, 0 to 65535.</param>
/// <param name="target">Name of the host.</param>
internal sealed class ServiceData(ushort priority, ushort weight, ushort port, DnsName target) : RecordData
{
    /// <summary>Bytes before the target.</summary>
    internal const int FixedSize = 6;

    /// <summary>The lower is tried first.</summary>
    public ushort Priority { get; } = priority;

    /// <summary>Share among the same priority.</summary>
    public ushort Weight { get; } = weight;

    /// <summary>Port of the service.</summary>
    public ushort Port { get; } = port;

    /// <summary>Name of the host.</summary>
    public DnsName Target { get; } = target;

    public override DnsType Type => DnsType.Srv;

    public override int Size => FixedSize + Target.Wire.Length;

    public override void CopyTo(Span<byte> to)
    {
        CopyFixedTo(to);
        Target.Wire.CopyTo(to[FixedSize..]);
    }

    public override bool Equals(RecordData? other) =>
        other is ServiceData data && Priority == data.Priority && Weight == data.Weight && Port == data.Port && Target.Equals(data.Target);

    public override int GetHashCode() => HashCode.Combine(Priority, Weight, Port, Target);

    public override string ToString() => $"{Priority} {Weight} {Port} {Target}";

    internal void CopyFixedTo(Span<byte> to)
    {
        BinaryPrimitives.WriteUInt16BigEndian(to, Priority);
        BinaryPrimitives.WriteUInt16BigEndian(to[2..], Weight);
        BinaryPrimitives.WriteUInt16BigEndian(to[4..], Port);
    }
}

/// <summary>TXT (RFC 1035 section 3.3.14, RFC 6763 section 6).</summary>
internal sealed class TextData : RecordData
{
    private readonly ReadOnlyMemory<byte> _raw;

    /// <summary>Takes strings of a length byte each; nothing at all counts as one empty string (RFC 6763 section 6.1).</summary>
    public TextData(ReadOnlyMemory<byte> raw) => _raw = raw.IsEmpty ? new byte[1] : raw;

    /// <summary>Takes keys and values.</summary>
    public TextData(TxtRecord txt)
        : this(txt.Encoded)
    {
    }

    /// <summary>Strings of a length byte each, as they came.</summary>
    public ReadOnlyMemory<byte> Raw => _raw;

    public override DnsType Type => DnsType.Txt;

    public override int Size => _raw.Length;

    /// <summary>The keys and values in it.</summary>
    public TxtRecord ToTxtRecord() => TxtRecord.Read(_raw);

    public override void CopyTo(Span<byte> to) => _raw.Span.CopyTo(to);

    public override bool Equals(RecordData? other) => other is TextData data && _raw.Span.SequenceEqual(data._raw.Span);

    public override int GetHashCode()
    {
        HashCode hash = default;
        hash.AddBytes(_raw.Span);
        return hash.ToHashCode();
    }

    public override string ToString() => ToTxtRecord().ToString();
}

/// <summary>A or AAAA, by the family of the address (RFC 1035 section 3.4.1, RFC 3596).</summary>
internal sealed class AddressData : RecordData
{
    /// <summary>Takes an address; the scope of a link-local one does not belong to the record and is taken away.</summary>
    public AddressData(IPAddress address) => Address = address.WithoutScope();

    /// <summary>The address, without scope.</summary>
    public IPAddress Address { get; }

    public override DnsType Type => Address.AddressFamily == AddressFamily.InterNetwork ? DnsType.A : DnsType.Aaaa;

    public override int Size => Address.AddressFamily == AddressFamily.InterNetwork ? 4 : 16;

    public override void CopyTo(Span<byte> to) => Address.TryWriteBytes(to, out _);

    public override bool Equals(RecordData? other) => other is AddressData data && Address.Equals(data.Address);

    public override int GetHashCode() => Address.GetHashCode();

    public override string ToString() => Address.ToString();
}

/// <summary>NSEC in the form of RFC 6762 section 6.1: which types below 256 a name has.</summary>
internal sealed class NextSecureData : RecordData
{
    /// <summary>Most bytes of the bitmap: block 0 only.</summary>
    internal const int MaxBitmap = 32;

    private readonly byte[] _bitmap;

    /// <summary>Says which types there are.</summary>
    /// <param name="next">In multicast DNS the record's own name.</param>
    /// <param name="types">Types below 256, at least one.</param>
    /// <exception cref="ArgumentException">No type, or one that does not fit.</exception>
    public NextSecureData(DnsName next, params ReadOnlySpan<DnsType> types)
    {
        int last = -1;
        foreach (DnsType type in types)
            last = Math.Max(last, (int)type);
        if (last is < 0 or > 255)
            throw new ArgumentException("An NSEC record of multicast DNS names at least one type, and types below 256 only (RFC 6762 section 6.1).", nameof(types));
        Next = next;
        _bitmap = new byte[(last / 8) + 1];
        foreach (DnsType type in types)
            _bitmap[(int)type / 8] |= (byte)(0x80 >> ((int)type % 8));
    }

    /// <summary>Takes a bitmap that the reader has checked: 1 to 32 bytes.</summary>
    internal NextSecureData(DnsName next, byte[] bitmap)
    {
        Next = next;
        _bitmap = bitmap;
    }

    /// <summary>The next name; in multicast DNS the record's own.</summary>
    public DnsName Next { get; }

    /// <summary>The types there are, rising.</summary>
    public IEnumerable<DnsType> Types => Enumerable.Range(0, _bitmap.Length * 8).Select(static t => (DnsType)t).Where(Has);

    public override DnsType Type => DnsType.Nsec;

    public override int Size => Next.Wire.Length + 2 + _bitmap.Length;

    /// <summary>Block number (0), length and bitmap: what follows the name.</summary>
    internal ReadOnlySpan<byte> Bitmap => _bitmap;

    /// <summary>Whether there is a record of this type; of types that the bitmap cannot hold nothing is known, and false is said.</summary>
    public bool Has(DnsType type) => (int)type / 8 < _bitmap.Length && (_bitmap[(int)type / 8] & (0x80 >> ((int)type % 8))) != 0;

    public override void CopyTo(Span<byte> to)
    {
        Next.Wire.CopyTo(to);
        to = to[Next.Wire.Length..];
        to[0] = 0;
        to[1] = (byte)_bitmap.Length;
        _bitmap.CopyTo(to[2..]);
    }

    public override bool Equals(RecordData? other) => other is NextSecureData data && Next.Equals(data.Next) && _bitmap.AsSpan().SequenceEqual(data._bitmap);

    public override int GetHashCode() => HashCode.Combine(Next, _bitmap.Length, _bitmap[^1]);

    public override string ToString() => $"{Next} {string.Join(' ', Types)}";
}

/// <summary>Data of a type that is not used here, its names uncompressed.</summary>
internal sealed class OpaqueData : RecordData
{
    /// <summary>Takes the bytes.</summary>
    /// <exception cref="ArgumentException">The type has a class of its own.</exception>
    public OpaqueData(DnsType type, ReadOnlyMemory<byte> raw)
    {
        if (type is DnsType.A or DnsType.Ptr or DnsType.Txt or DnsType.Aaaa or DnsType.Srv or DnsType.Opt or DnsType.Nsec)
            throw new ArgumentException($"{type} is not opaque here.", nameof(type));
        Type = type;
        Raw = raw;
    }

    public override DnsType Type { get; }

    /// <summary>The bytes.</summary>
    public ReadOnlyMemory<byte> Raw { get; }

    public override int Size => Raw.Length;

    public override void CopyTo(Span<byte> to) => Raw.Span.CopyTo(to);

    public override bool Equals(RecordData? other) => other is OpaqueData data && Type == data.Type && Raw.Span.SequenceEqual(data.Raw.Span);

    public override int GetHashCode()
    {
        HashCode hash = default;
        hash.Add(Type);
        hash.AddBytes(Raw.Span);
        return hash.ToHashCode();
    }

    public override string ToString() => Convert.ToHexStringLower(Raw.Span);
}
