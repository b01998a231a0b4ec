using System.Security.Cryptography;
using System.Text;

namespace Meshara.Security;

/// <summary>PROOF, wire protocol section 5.2: shows that the prover knows the mesh's secret, without showing the secret.</summary>
/// <remarks>Both ids are proven by TLS already and both nonces are fresh, so a proof can be neither relayed nor replayed.</remarks>
internal static class SecretProof
{
    /// <summary>Length of a proof in bytes.</summary>
    public const int Size = HMACSHA256.HashSizeInBytes;

    /// <summary>The proof that <paramref name="prover"/> sends to <paramref name="verifier"/>.</summary>
    /// <param name="key">K of section 5.2, 32 bytes (<c>Admission.DeriveKey</c>).</param>
    /// <param name="mesh">The name that both HELLOs carry, at most 255 bytes of UTF-8.</param>
    /// <param name="prover">The sender's id.</param>
    /// <param name="verifier">The receiver's id.</param>
    /// <param name="proverNonce">The nonce of the sender's HELLO, 32 bytes.</param>
    /// <param name="verifierNonce">The nonce of the receiver's HELLO, 32 bytes.</param>
    /// <exception cref="ArgumentException">A nonce or the name has another length.</exception>
    public static byte[] Compute(
        ReadOnlySpan<byte> key, string mesh, NodeId prover, NodeId verifier, ReadOnlySpan<byte> proverNonce, ReadOnlySpan<byte> verifierNonce)
    {
        if (proverNonce.Length != Nonces.Size || verifierNonce.Length != Nonces.Size)
        {
            throw new ArgumentException($"A nonce has {Nonces.Size} bytes.", nameof(proverNonce));
        }

        byte[] name = Encoding.UTF8.GetBytes(mesh);
        if (name.Length > byte.MaxValue)
        {
            // A longer name would wrap its length byte, and two different inputs could be the same bytes.
            throw new ArgumentException("The name of the mesh is too long.", nameof(mesh));
        }

        byte[] input = [.. "meshara/1 proof\0"u8, (byte)name.Length, .. name, .. prover.ToByteArray(), .. verifier.ToByteArray(), .. proverNonce, .. verifierNonce];
        return HMACSHA256.HashData(key, input);
    }

    /// <summary>Whether <paramref name="proof"/> is what <see cref="Compute"/> gives; in constant time.</summary>
    /// <param name="proof">As received; another length than 32 is wrong.</param>
    /// <param name="key">As for <see cref="Compute"/>.</param>
    /// <param name="mesh">As for <see cref="Compute"/>.</param>
    /// <param name="prover">The id proven in TLS, not one that was claimed.</param>
    /// <param name="verifier">This node's id.</param>
    /// <param name="proverNonce">The nonce received.</param>
    /// <param name="verifierNonce">The nonce sent.</param>
    public static bool Verify(
        ReadOnlySpan<byte> proof, ReadOnlySpan<byte> key, string mesh, NodeId prover, NodeId verifier,
        ReadOnlySpan<byte> proverNonce, ReadOnlySpan<byte> verifierNonce) =>
        CryptographicOperations.FixedTimeEquals(proof, Compute(key, mesh, prover, verifier, proverNonce, verifierNonce));
}
