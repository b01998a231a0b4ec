using System.Numerics;
using System.Security.Cryptography;

namespace Meshara.Fuzz;

/// <summary>Signs with a key that everybody knows, and always alike: what is behind a signature can be reached, and the same seed makes the same inputs.</summary>
/// <remarks>ECDSA on P-256 with one and the same nonce, which gives the key away. Good for nothing else.</remarks>
internal static class ToySigner
{
    private static readonly BigInteger Order = BigInteger.Parse("115792089210356248762697446949407573529996955224135760342422259061068512044369");
    private static readonly BigInteger Private = new(0x4D455348), Nonce = new(0x46555A5A);
    private static readonly BigInteger Inverse = BigInteger.ModPow(Nonce, Order - 2, Order);

    /// <summary>The key.</summary>
    public static PublicKey Key { get; } = PublicKey.FromDer(PublicOf(Private).ExportSubjectPublicKeyInfo());

    private static BigInteger R { get; } = new BigInteger(PublicOf(Nonce).ExportParameters(false).Q.X, isUnsigned: true, isBigEndian: true) % Order;

    /// <summary>ECDSA with SHA-256 in DER.</summary>
    public static byte[] Sign(byte[] text)
    {
        BigInteger hash = new(SHA256.HashData(text), isUnsigned: true, isBigEndian: true);
        byte[] r = Integer(R), s = Integer(Inverse * (hash + (R * Private)) % Order);
        return [0x30, (byte)(r.Length + s.Length), .. r, .. s];
    }

    private static byte[] Integer(BigInteger value)
    {
        byte[] bytes = value.ToByteArray(isBigEndian: true);
        return [0x02, (byte)bytes.Length, .. bytes];
    }

    private static ECDsa PublicOf(BigInteger scalar)
    {
        byte[] bytes = scalar.ToByteArray(isUnsigned: true, isBigEndian: true);
        return ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = [.. new byte[32 - bytes.Length], .. bytes] });
    }
}
