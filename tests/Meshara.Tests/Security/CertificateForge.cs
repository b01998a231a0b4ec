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

    public byte[] ToDer()
    {
        byte[] signed = WriteSigned();
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteEncodedValue(signed);
            WriteAlgorithm(writer, OuterAlgorithm);
            writer.WriteBitString((SigningKey ?? SubjectKey).SignData(signed, Hash, DSASignatureFormat.Rfc3279DerSequence));
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
            WriteExtensions(writer);
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
                }
            }
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
