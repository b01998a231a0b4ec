using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Meshara;

/// <summary>A node's public key: ECDSA on P-256, as SubjectPublicKeyInfo in DER (RFC 5480).</summary>
/// <remarks>Only the canonical 91 bytes of wire protocol section 2.1 are accepted, so equal keys have equal bytes and equal ids.</remarks>
public sealed class PublicKey : IEquatable<PublicKey>
{
    /// <summary>Length of the DER in bytes.</summary>
    public const int Size = 91;

    private const string PemLabel = "PUBLIC KEY";
    private readonly byte[] _der;

    private PublicKey(byte[] der)
    {
        _der = der;
        Id = NodeId.FromPublicKey(der);
    }

    // SEQUENCE { SEQUENCE { ecPublicKey, prime256v1 }, BIT STRING { 0x04 … } }: everything before the point's coordinates.
    private static ReadOnlySpan<byte> Prefix =>
    [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01,
        0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
    ];

    /// <summary>SHA-256 of <see cref="Der"/>.</summary>
    public NodeId Id { get; }

    /// <summary>The SubjectPublicKeyInfo, 91 bytes.</summary>
    public ReadOnlyMemory<byte> Der => _der;

    /// <summary>Reads a SubjectPublicKeyInfo.</summary>
    /// <exception cref="FormatException">Not the canonical DER of a point on P-256.</exception>
    public static PublicKey FromDer(ReadOnlySpan<byte> der) =>
        TryFromDer(der, out PublicKey? key)
            ? key
            : throw new FormatException($"Not a P-256 public key: {Size} bytes of SubjectPublicKeyInfo with a named curve and an uncompressed point are expected, these are {der.Length} bytes.");

    /// <summary>Reads a SubjectPublicKeyInfo; false where <see cref="FromDer"/> throws.</summary>
    public static bool TryFromDer(ReadOnlySpan<byte> der, [NotNullWhen(true)] out PublicKey? key)
    {
        using ECDsa? opened = TryOpen(der);
        key = opened is null ? null : new PublicKey(der.ToArray());
        return key is not null;
    }

    /// <summary>As <see cref="TryFromDer"/>, and whether the key has made a signature: for both the platform takes the key in once, which is dearer than the check of the signature.</summary>
    /// <param name="der">The SubjectPublicKeyInfo.</param>
    /// <param name="data">What may be signed.</param>
    /// <param name="signature">As for <see cref="Verify"/>.</param>
    /// <param name="isSigned">Whether it is; false also where the key is none.</param>
    /// <param name="certificate">In which the platform may have read the same key already.</param>
    internal static PublicKey? ReadAndVerify(ReadOnlySpan<byte> der, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature, out bool isSigned, X509Certificate? certificate = null)
    {
        using ECDsa? opened = TryOpen(certificate, der) ?? TryOpen(der);
        isSigned = opened is not null && HasSigned(opened, data, signature);
        return opened is null ? null : new PublicKey(der.ToArray());
    }

    /// <summary>Whether these are 91 bytes that begin as a key does; the point may be on no curve.</summary>
    internal static bool HasForm(ReadOnlySpan<byte> der) => der.Length == Size && der.StartsWith(Prefix);

    /// <summary>Reads hex digits (of the DER) or PEM (<c>BEGIN PUBLIC KEY</c>).</summary>
    /// <exception cref="FormatException">Anything else; the message says what was wrong.</exception>
    public static PublicKey Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryParse(text, out PublicKey? key) ? key : throw new FormatException(Explain(text));
    }

    /// <summary>Reads hex digits or PEM; false where <see cref="Parse"/> throws.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out PublicKey? key)
    {
        key = null;
        ReadOnlySpan<char> trimmed = text.AsSpan().Trim();
        Span<byte> der = stackalloc byte[Size];
        if (PemEncoding.TryFind(trimmed, out PemFields fields))
        {
            return fields.DecodedDataLength == Size
                && trimmed[fields.Label].SequenceEqual(PemLabel)
                && Convert.TryFromBase64Chars(trimmed[fields.Base64Data], der, out _)
                && TryFromDer(der, out key);
        }

        return trimmed.Length == Size * 2
            && Convert.FromHexString(trimmed, der, out _, out _) == System.Buffers.OperationStatus.Done
            && TryFromDer(der, out key);
    }

    /// <summary>Whether <paramref name="signature"/> (ECDSA with SHA-256, DER as in RFC 3279) over <paramref name="data"/> was made with this key.</summary>
    public bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        using ECDsa opened = Import(_der);
        return HasSigned(opened, data, signature);
    }

    /// <summary>PEM with the label <c>PUBLIC KEY</c>.</summary>
    public string ToPem() => PemEncoding.WriteString(PemLabel, _der);

    /// <summary>182 lower-case hex digits.</summary>
    public override string ToString() => Convert.ToHexStringLower(_der);

    /// <inheritdoc/>
    public bool Equals(PublicKey? other) => other is not null && Id == other.Id;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PublicKey);

    /// <inheritdoc/>
    public override int GetHashCode() => Id.GetHashCode();

    private static bool HasSigned(ECDsa opened, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature) =>
        opened.VerifyData(data, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);

    // Null: not the canonical DER of a point on the curve.
    private static ECDsa? TryOpen(ReadOnlySpan<byte> der)
    {
        try
        {
            // The framework checks that the point is on the curve.
            return HasForm(der) ? Import(der) : null;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    // Null: not known to be the key of these very bytes. OpenSSL has read it to check the peer's CertificateVerify (RFC 8446 section 4.4.3), and reads
    // no point that is not on the curve (EC_POINT_oct2point); a second import would only multiply it by the order, which is 1 step for nothing on a curve
    // of cofactor 1 (SEC 1 section 3.2.2.1), yet costs twice as much as a signature's check. What other platforms look at is not known: they import.
    private static ECDsa? TryOpen(X509Certificate? certificate, ReadOnlySpan<byte> der)
    {
        if (!OperatingSystem.IsLinux() || certificate is not X509Certificate2 read || !HasForm(der))
        {
            return null;
        }

        ECDsa? opened = null;
        try
        {
            opened = read.GetECDsaPublicKey();
            if (opened is not null && opened.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(der))
            {
                return opened;
            }
        }
        catch (CryptographicException)
        {
            // The import says what is wrong.
        }

        opened?.Dispose();
        return null;
    }

    private static ECDsa Import(ReadOnlySpan<byte> der)
    {
        ECDsa ecdsa = ECDsa.Create();
        try
        {
            ecdsa.ImportSubjectPublicKeyInfo(der, out _);
            return ecdsa;
        }
        catch
        {
            ecdsa.Dispose();
            throw;
        }
    }

    private static string Explain(string text)
    {
        string trimmed = text.Trim();
        return text.Contains("PRIVATE KEY", StringComparison.Ordinal)
            ? "This is a private key. Give others only the public one: 'meshara id' prints it."
            : NodeId.TryParse(trimmed, null, out _)
            ? $"This is a node id, the hash of a key; the public key itself is expected, {Size * 2} hex digits: 'meshara id' prints both."
            : trimmed.Length == Size * 2 || text.Contains($"BEGIN {PemLabel}", StringComparison.Ordinal)
            ? "Not a P-256 public key: SubjectPublicKeyInfo with the named curve and an uncompressed point on it is expected."
            : $"Not a public key: {Size * 2} hex digits of SubjectPublicKeyInfo, or PEM with BEGIN {PemLabel}, of a P-256 key are expected, these are {text.Length} characters.";
    }
}
