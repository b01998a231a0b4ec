using System.Text;
using Meshara.Wire;

namespace Meshara.Security;

/// <summary>Where a node says that it can be dialled, signed by its key. Wire protocol section 11.</summary>
/// <remarks>Reading one checks its form only; <see cref="Verify"/> costs a signature, <see cref="RecordRules"/> says what it is worth.</remarks>
internal sealed class SignedRecord
{
    /// <summary>Longest record in bytes.</summary>
    public const int MaxSize = 1024;

    public const int MaxMesh = 64, MaxAddresses = 8, MaxAddress = 300, MaxSignature = 80;

    private const int PadLength = 64;
    private const byte Pad = 0x20;
    private readonly byte[] _key;
    private readonly byte[] _signature;
    private readonly byte[] _bytes;
    private readonly int _signed;

    private SignedRecord(byte[] bytes, ref WireReader reader)
    {
        _bytes = bytes;
        _key = reader.ReadBytes(PublicKey.Size).ToArray();
        if (!PublicKey.HasForm(_key))
        {
            WireException.Violation("A peer record without a P-256 key.");
        }

        Id = NodeId.FromPublicKey(_key);
        Mesh = reader.ReadString(MaxMesh);
        Sequence = reader.ReadU64();
        Expires = reader.ReadU64();
        string[] addresses = new string[reader.ReadCount(MaxAddresses)];
        for (int i = 0; i < addresses.Length; i++)
        {
            addresses[i] = reader.ReadString(MaxAddress);
        }

        Addresses = addresses;
        HasUnknownCritical = !reader.ReadExtensions();
        _signed = bytes.Length - reader.Rest.Length;
        _signature = reader.ReadBlob(MaxSignature).ToArray();
        reader.End();
    }

    /// <summary>Whose it is: the hash of the key in it.</summary>
    public NodeId Id { get; }

    public string Mesh { get; }

    /// <summary>Rises with each record of a node; about the Unix milliseconds of its issue.</summary>
    public ulong Sequence { get; }

    /// <summary>Unix milliseconds.</summary>
    public ulong Expires { get; }

    /// <summary>As written, neither parsed nor believed.</summary>
    public IReadOnlyList<string> Addresses { get; }

    /// <summary>An extension that we do not know says that the record means something else without it.</summary>
    public bool HasUnknownCritical { get; }

    /// <summary>The record as it goes over the wire.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes;

    private static ReadOnlySpan<byte> Context => "meshara/1 peer record\0"u8;

    /// <summary>Signs a record. Addresses that find no place in 1024 bytes are left out, the last ones first.</summary>
    /// <param name="key">The node's.</param>
    /// <param name="sign">Signs a text with the node's key: ECDSA with SHA-256 in DER.</param>
    /// <param name="mesh">1 to 64 bytes of UTF-8.</param>
    /// <param name="sequence">Above that of the record before.</param>
    /// <param name="expires">Unix milliseconds.</param>
    /// <param name="addresses"><c>host:port</c> each, best first.</param>
    public static SignedRecord Create(PublicKey key, Func<byte[], byte[]> sign, string mesh, ulong sequence, ulong expires, IReadOnlyList<string> addresses)
    {
        Span<byte> buffer = stackalloc byte[MaxSize];
        WireWriter writer = new(buffer);
        writer.WriteBytes(key.Der.Span);
        writer.WriteString(mesh, MaxMesh);
        writer.WriteU64(sequence);
        writer.WriteU64(expires);

        // What follows the addresses: their count, no extensions, and the longest signature with its length.
        int room = MaxSize - writer.Written - 2 - (2 + MaxSignature);
        List<string> fitting = [];
        foreach (string address in addresses.Take(MaxAddresses))
        {
            int length = Encoding.UTF8.GetByteCount(address);
            room -= length + (length < 64 ? 1 : 2);
            if (length > MaxAddress || room < 0)
            {
                break;
            }

            fitting.Add(address);
        }

        writer.WriteCount(fitting.Count, MaxAddresses);
        foreach (string address in fitting)
        {
            writer.WriteString(address, MaxAddress);
        }

        writer.WriteNoExtensions();
        writer.WriteBlob(sign(Text(buffer[..writer.Written])), MaxSignature);
        return Parse(buffer[..writer.Written]);
    }

    /// <summary>Reads bytes that are one record and nothing else.</summary>
    /// <exception cref="WireException">They do not have the form of section 11, or are more than 1024.</exception>
    public static SignedRecord Parse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > MaxSize)
        {
            WireException.Violation("A peer record over 1024 bytes.");
        }

        byte[] kept = bytes.ToArray();
        WireReader reader = new(kept);
        return new SignedRecord(kept, ref reader);
    }

    /// <summary>Whether the key is a point on the curve and has signed this.</summary>
    public bool Verify() => PublicKey.ReadAndVerify(_key, Text(_bytes.AsSpan(0, _signed)), _signature, out bool isSigned) is not null && isSigned;

    // RFC 8446 section 4.4.3: the pad keeps what this key signs in TLS from ever being taken for this.
    private static byte[] Text(ReadOnlySpan<byte> signed) => [.. Enumerable.Repeat(Pad, PadLength), .. Context, .. signed];
}
