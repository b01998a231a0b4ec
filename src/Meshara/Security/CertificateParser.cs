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

    private CertificateParser(ReadOnlyMemory<byte> signed, ReadOnlyMemory<byte> signature, in Contents contents)
    {
        Signed = signed;
        PublicKey = contents.PublicKey;
        Signature = signature;
        UnknownCritical = contents.UnknownCritical;
        Successors = contents.Successors;
    }

    /// <summary>The TBSCertificate: what the signature is over.</summary>
    public ReadOnlyMemory<byte> Signed { get; }

    /// <summary>The SubjectPublicKeyInfo.</summary>
    public ReadOnlyMemory<byte> PublicKey { get; }

    /// <summary>The signature: DER of an ECDSA-Sig-Value, if it is one.</summary>
    public ReadOnlyMemory<byte> Signature { get; }

    /// <summary>The first critical extension other than the three of rule 4, as a dotted number; null where there is none.</summary>
    public string? UnknownCritical { get; }

    /// <summary>The values of the extension of section 3.1, at most one of which is right.</summary>
    public IReadOnlyList<byte[]> Successors { get; }

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
            if (ReadSigned(signed) is not { } contents || !isEcdsa || unused != 0)
            {
                error = "is not one of version 3 signed with ecdsa-with-SHA256";
                return false;
            }

            certificate = new CertificateParser(signed, signature, contents);
            error = null;
            return true;
        }
        catch (AsnContentException)
        {
            error = "is not X.509 in DER";
            return false;
        }
    }

    // TBSCertificate, RFC 5280 section 4.1.2, in its order. Null: of another version or algorithm.
    private static Contents? ReadSigned(ReadOnlyMemory<byte> signed)
    {
        AsnReader reader = new(signed, AsnEncodingRules.DER);
        AsnReader tbs = reader.ReadSequence();
        if (!tbs.PeekTag().HasSameClassAndValue(Version))
        {
            return null;
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
        ReadOnlyMemory<byte> publicKey = tbs.PeekEncodedValue();
        _ = tbs.ReadSequence();
        SkipOptional(tbs, IssuerUniqueId);
        SkipOptional(tbs, SubjectUniqueId);
        string? unknownCritical = null;
        List<byte[]> successors = [];
        if (tbs.HasData)
        {
            AsnReader wrapper = tbs.ReadSequence(ExtensionList);
            AsnReader extensions = wrapper.ReadSequence();
            wrapper.ThrowIfNotEmpty();
            unknownCritical = ReadExtensions(extensions, successors);
        }

        tbs.ThrowIfNotEmpty();
        return isVersion3 && isEcdsa ? new Contents(publicKey, unknownCritical, successors) : null;
    }

    private static void SkipOptional(AsnReader reader, Asn1Tag tag)
    {
        if (reader.HasData && reader.PeekTag().HasSameClassAndValue(tag))
        {
            _ = reader.ReadEncodedValue();
        }
    }

    // Gives the first unknown critical one.
    private static string? ReadExtensions(AsnReader extensions, List<byte[]> successors)
    {
        string? found = null;
        while (extensions.HasData)
        {
            AsnReader extension = extensions.ReadSequence();
            string id = extension.ReadObjectIdentifier();
            bool critical = extension.PeekTag().HasSameClassAndValue(Asn1Tag.Boolean) && extension.ReadBoolean();
            byte[] value = extension.ReadOctetString();
            extension.ThrowIfNotEmpty();
            if (id == SuccessorChain.ExtensionId)
            {
                successors.Add(value);
            }

            if (critical && id is not (BasicConstraints or KeyUsage or ExtendedKeyUsage))
            {
                found ??= id;
            }
        }

        return found;
    }

    private readonly record struct Contents(ReadOnlyMemory<byte> PublicKey, string? UnknownCritical, IReadOnlyList<byte[]> Successors);
}
