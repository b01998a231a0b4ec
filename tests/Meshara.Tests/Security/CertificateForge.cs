using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Meshara.Tests.Security;

/// <summary>Writes certificates field by field, right or wrong (RFC 5280 section 4.1). By default a right one.</summary>
internal sealed record CertificateForge
{
    public const string EcdsaWithSha256 = "1.2.840.10045.4.3.2";

    public required ECDsa SubjectKey { get; init; }

    /// <summary>Signs; null: the subject's key.</summary>
    public ECDsa? SigningKey { get; init; }

    /// <summary>Replaces the SubjectPublicKeyInfo.</summary>
    public byte[]? PublicKeyInfo { get; init; }

    public int? Version { get; init; } = 2;

    public string InnerAlgorithm { get; init; } = EcdsaWithSha256;

    public string OuterAlgorithm { get; init; } = EcdsaWithSha256;

    public bool AlgorithmHasNull { get; init; }

    public HashAlgorithmName Hash { get; init; } = HashAlgorithmName.SHA256;

    public string Issuer { get; init; } = "CN=meshara";

    public DateTimeOffset NotBefore { get; init; } = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public DateTimeOffset NotAfter { get; init; } = new(2049, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public IReadOnlyList<(string Id, bool Critical, byte[] Value)> Extensions { get; init; } = [];

    public byte[] Trailer { get; init; } = [];

    /// <summary>Issuer and subject have unique ids, which no certificate of today has (RFC 5280 section 4.1.2.8).</summary>
    public bool HasUniqueIds { get; init; }

    /// <summary>The sequence after whose last field a NULL stands that does not belong there.</summary>
    public CertificatePart? Surplus { get; init; }

    public byte[] ToDer()
    {
        byte[] signed = WriteSigned();
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteEncodedValue(signed);
            WriteAlgorithm(writer, OuterAlgorithm);
            writer.WriteBitString((SigningKey ?? SubjectKey).SignData(signed, Hash, DSASignatureFormat.Rfc3279DerSequence));
            WriteSurplus(writer, CertificatePart.Certificate);
        }

        return [.. writer.Encode(), .. Trailer];
    }

    /// <summary>The certificate with its private key.</summary>
    public X509Certificate2 ToCertificate()
    {
        using X509Certificate2 bare = X509CertificateLoader.LoadCertificate(ToDer());
        return bare.CopyWithPrivateKey(SubjectKey);
    }

    private byte[] WriteSigned()
    {
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            if (Version is { } version)
            {
                using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
                {
                    writer.WriteInteger(version);
                    WriteSurplus(writer, CertificatePart.Version);
                }
            }

            writer.WriteInteger(4711);
            WriteAlgorithm(writer, InnerAlgorithm);
            writer.WriteEncodedValue(new X500DistinguishedName(Issuer).RawData);
            using (writer.PushSequence())
            {
                writer.WriteUtcTime(NotBefore);
                writer.WriteUtcTime(NotAfter);
            }

            writer.WriteEncodedValue(new X500DistinguishedName("CN=meshara").RawData);
            writer.WriteEncodedValue(PublicKeyInfo ?? SubjectKey.ExportSubjectPublicKeyInfo());
            if (HasUniqueIds)
            {
                writer.WriteBitString([1], 0, new Asn1Tag(TagClass.ContextSpecific, 1));
                writer.WriteBitString([2], 0, new Asn1Tag(TagClass.ContextSpecific, 2));
            }

            WriteExtensions(writer);
            WriteSurplus(writer, CertificatePart.Signed);
        }

        return writer.Encode();
    }

    private void WriteExtensions(AsnWriter writer)
    {
        if (Extensions.Count == 0)
        {
            return;
        }

        using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 3)))
        {
            WriteExtensionList(writer);
            WriteSurplus(writer, CertificatePart.ExtensionList);
        }
    }

    private void WriteExtensionList(AsnWriter writer)
    {
        using (writer.PushSequence())
        {
            foreach ((string id, bool critical, byte[] value) in Extensions)
            {
                using (writer.PushSequence())
                {
                    writer.WriteObjectIdentifier(id);
                    if (critical)
                    {
                        writer.WriteBoolean(true);
                    }

                    writer.WriteOctetString(value);
                    WriteSurplus(writer, CertificatePart.Extension);
                }
            }
        }
    }

    private void WriteSurplus(AsnWriter writer, CertificatePart part)
    {
        if (Surplus == part)
        {
            writer.WriteNull();
        }
    }

    private void WriteAlgorithm(AsnWriter writer, string id)
    {
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(id);
            if (AlgorithmHasNull)
            {
                writer.WriteNull();
            }
        }
    }
}

/// <summary>The sequences of a certificate that may hold a field too many.</summary>
internal enum CertificatePart
{
    Certificate,
    Signed,
    Version,
    ExtensionList,
    Extension,
}
