using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Meshara.Core.Policy;

/// <summary>Where an address belongs in the two hash tables. Without the key nobody can tell.</summary>
internal sealed class AddressSlots
{
    public const int UnprovenBuckets = 1024, ProvenBuckets = 256, BucketSize = 16;

    /// <summary>Buckets that one source group reaches, of the unproven ones.</summary>
    public const int BucketsPerSource = 32;

    /// <summary>Buckets that one address group reaches, of the proven ones.</summary>
    public const int BucketsPerGroup = 8;

    private readonly byte[] _key;

    public AddressSlots(ReadOnlySpan<byte> key) => _key = key.ToArray();

    /// <summary>Place among the unproven: bucket and slot in one number.</summary>
    public int Unproven(PeerAddress address, AddressKey sourceGroup) =>
        Place(address, sourceGroup, (byte)'N', BucketsPerSource, UnprovenBuckets);

    /// <summary>Place among the proven.</summary>
    public int Proven(PeerAddress address, AddressKey group) =>
        Place(address, group, (byte)'P', BucketsPerGroup, ProvenBuckets);

    // As in addrman: the address chooses one of the group's few buckets, the group where these lie, and the address its slot there.
    private int Place(PeerAddress address, AddressKey group, byte table, int reached, int buckets)
    {
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HashAddress(address, table, hash);
        uint which = BinaryPrimitives.ReadUInt32LittleEndian(hash) % (uint)reached;
        uint slot = BinaryPrimitives.ReadUInt32LittleEndian(hash[4..]) % BucketSize;

        Span<byte> text = stackalloc byte[AddressKey.Size + 5];
        group.Write(text);
        text[AddressKey.Size] = table;
        BinaryPrimitives.WriteUInt32LittleEndian(text[(AddressKey.Size + 1)..], which);
        HMACSHA256.HashData(_key, text, hash);
        uint bucket = BinaryPrimitives.ReadUInt32LittleEndian(hash) % (uint)buckets;
        return (int)((bucket * BucketSize) + slot);
    }

    private void HashAddress(PeerAddress address, byte table, Span<byte> hash)
    {
        // A host has at most 253 characters, and a scope 65 more.
        Span<byte> text = stackalloc byte[NodeId.Size + 3 + 512];
        text[0] = table;
        (address.Id ?? default).CopyTo(text[1..]);
        BinaryPrimitives.WriteUInt16LittleEndian(text[(1 + NodeId.Size)..], (ushort)address.Port);
        int length = 3 + NodeId.Size;
        length += Encoding.ASCII.GetBytes(address.Host, text[length..]);
        HMACSHA256.HashData(_key, text[..length], hash);
    }
}
