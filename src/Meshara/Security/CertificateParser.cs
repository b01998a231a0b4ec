using System.Diagnostics.CodeAnalysis;
using System.Formats.Asn1;

namespace Meshara.Security;

/// <summary>The parts of a peer's certificate that the rules of wire protocol section 3 are about, as the bytes that were sent.</summary>
/// <remarks>
/// Read by hand from the DER (RFC 5280 section 4.1), because X509Certificate2 shows a decoded key, not the bytes of which the id is the hash.
/// </remarks>
internal sealed class CertificateParser
{
    /// <summary>Greatest certificate that is looked at, in bytes.</summary>
    public const int MaxSize = 4096;

    private const string BasicConstraints = "2.5.29.19";
    private const string KeyUsage = "2.5.29.15";
    private const string ExtendedKeyUsage = "2.5.29.37";

    private static readonly Asn1Tag Version = new(TagClass.ContextSpecific, 0);
    private static readonly Asn1Tag IssuerUniqueId = new(TagClass.ContextSpecific, 1);
    private static readonly Asn1Tag SubjectUniqueId = new(TagClass.ContextSpecific, 2);
    private static readonly Asn1Tag ExtensionList = new(TagClass.ContextSpecific, 3);

    private CertificateParser(ReadOnlyMemory<byte> signed, ReadOnlyMemory<byte> publicKey, ReadOnlyMemory<byte> signature, string? unknownCritical)
    {
        Signed = signed;
        PublicKey = publicKey;
        Signature = signature;
        UnknownCritical = unknownCritical;
    }

    /// <summary>The TBSCertificate: what the signature is over.</summary>
    public ReadOnlyMemory<byte> Signed { get; }

    /// <summary>The SubjectPublicKeyInfo.</summary>
    public ReadOnlyMemory<byte> PublicKey { get; }

    /// <summary>The signature: DER of an ECDSA-Sig-Value, if it is one.</summary>
    public ReadOnlyMemory<byte> Signature { get; }

    /// <summary>The first critical extension other than the three of rule 4, as a dotted number; null where there is none.</summary>
    public string? UnknownCritical { get; }

    // AlgorithmIdentifier { ecdsa-with-SHA256 }, parameters absent (RFC 5758 section 3.2).
    private static ReadOnlySpan<byte> EcdsaWithSha256 => [0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02];

    /// <summary>Reads a certificate of version 3 that says it is signed with ecdsa-with-SHA256.</summary>
    /// <param name="der">The whole certificate.</param>
    /// <param name="certificate">The parts.</param>
    /// <param name="error">Otherwise: what is wrong with it, the end of a sentence.</param>
    public static bool TryParse(
        ReadOnlyMemory<byte> der, [NotNullWhen(true)] out CertificateParser? certificate, [NotNullWhen(false)] out string? error)
    {
        certificate = null;
        if (der.Length > MaxSize)
        {
            error = $"has {der.Length} bytes, more than {MaxSize}";
            return false;
        }

        try
        {
            AsnReader reader = new(der, AsnEncodingRules.DER);
            AsnReader outer = reader.ReadSequence();
            reader.ThrowIfNotEmpty();
            ReadOnlyMemory<byte> signed = outer.ReadEncodedValue();
            bool isEcdsa = outer.ReadEncodedValue().Span.SequenceEqual(EcdsaWithSha256);
            byte[] signature = outer.ReadBitString(out int unused);
            outer.ThrowIfNotEmpty();
            if (!ReadSigned(signed, out ReadOnlyMemory<byte> publicKey, out string? unknownCritical) || !isEcdsa || unused != 0)
            {
                error = "is not one of version 3 signed with ecdsa-with-SHA256";
                return false;
            }

            certificate = new CertificateParser(signed, publicKey, signature, unknownCritical);
            error = null;
            return true;
        }
        catch (AsnContentException)
        {
            error = "is not X.509 in DER";
            return false;
        }
    }

    // TBSCertificate, RFC 5280 section 4.1.2, in its order.
    private static bool ReadSigned(ReadOnlyMemory<byte> signed, out ReadOnlyMemory<byte> publicKey, out string? unknownCritical)
    {
        AsnReader reader = new(signed, AsnEncodingRules.DER);
        AsnReader tbs = reader.ReadSequence();
        publicKey = default;
        unknownCritical = null;
        if (!tbs.PeekTag().HasSameClassAndValue(Version))
        {
            return false;
        }

        AsnReader version = tbs.ReadSequence(Version);
        bool isVersion3 = version.TryReadInt32(out int number) && number == 2;
        version.ThrowIfNotEmpty();
        _ = tbs.ReadIntegerBytes();
        bool isEcdsa = tbs.ReadEncodedValue().Span.SequenceEqual(EcdsaWithSha256);

        // Issuer, validity, subject: ignored, but each must be there.
        _ = tbs.ReadSequence();
        _ = tbs.ReadSequence();
        _ = tbs.ReadSequence();
        publicKey = tbs.PeekEncodedValue();
        _ = tbs.ReadSequence();
        SkipOptional(tbs, IssuerUniqueId);
        SkipOptional(tbs, SubjectUniqueId);
        if (tbs.HasData)
        {
            AsnReader wrapper = tbs.ReadSequence(ExtensionList);
            AsnReader extensions = wrapper.ReadSequence();
            wrapper.ThrowIfNotEmpty();
            unknownCritical = FindUnknownCritical(extensions);
        }

        tbs.ThrowIfNotEmpty();
        return isVersion3 && isEcdsa;
    }

    private static void SkipOptional(AsnReader reader, Asn1Tag tag)
    {
        if (reader.HasData && reader.PeekTag().HasSameClassAndValue(tag))
        {
            _ = reader.ReadEncodedValue();
        }
    }

    private static string? FindUnknownCritical(AsnReader extensions)
    {
        string? found = null;
        while (extensions.HasData)
        {
            AsnReader extension = extensions.ReadSequence();
            string id = extension.ReadObjectIdentifier();
            bool critical = extension.PeekTag().HasSameClassAndValue(Asn1Tag.Boolean) && extension.ReadBoolean();
            _ = extension.ReadOctetString();
            extension.ThrowIfNotEmpty();
            if (critical && id is not (BasicConstraints or KeyUsage or ExtendedKeyUsage))
            {
                found ??= id;
            }
        }

        return found;
    }
}
