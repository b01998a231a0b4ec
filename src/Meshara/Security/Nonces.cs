using System.Security.Cryptography;
using Meshara.Wire;

namespace Meshara.Security;

/// <summary>Fresh random values of HELLO, wire protocol section 5.1.</summary>
/// <remarks>The seam where a test hands in values of its own: the handshake takes these methods as delegates.</remarks>
internal static class Nonces
{
    /// <summary>Length of <c>nonce</c> in bytes.</summary>
    public const int Size = 32;

    /// <summary>A nonce, new in each HELLO: 32 bytes.</summary>
    public static byte[] NewNonce() => RandomNumberGenerator.GetBytes(Size);

    /// <summary>An instance, new at each start of the program: 16 bytes, big-endian on the wire.</summary>
    public static Bits128 NewInstance()
    {
        Span<byte> bytes = stackalloc byte[Bits128.Size];
        RandomNumberGenerator.Fill(bytes);
        return Bits128.Read(bytes);
    }

    /// <summary>The secret of an address table.</summary>
    public static byte[] NewTableKey() => RandomNumberGenerator.GetBytes(PeerStoreContent.TableKeySize);

    /// <summary>A seed for the decisions that need no secrecy, such as jitter.</summary>
    public static int NewSeed() => RandomNumberGenerator.GetInt32(int.MaxValue);
}
