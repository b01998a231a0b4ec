using System.Formats.Asn1;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Meshara.Security;

namespace Meshara.Fuzz;

/// <summary>The callback of the TLS handshake, without TLS. A finding is: any exception, a verdict without its reason, a key that is not the certificate's, or another certificate taken for the pinned one's.</summary>
internal static class CertificateTargets
{
    private static readonly PublicKey Own = PublicKey.FromDer(NewKey().ExportSubjectPublicKeyInfo());

    /// <summary>Certificates that are taken, and some that just are not; every other new one is signed again after its change.</summary>
    public static FuzzTarget Certificate { get; } = new("certificate", Seeds(), Compose, Run);

    private static byte[][] Seeds()
    {
        // Made anew each time they would be other ones: a signature holds a random number. These are signed again.
        return
        [
            .. new (string Name, X509Extension[] Extensions)[]
            {
                ("CN=meshara", []),
                ("", [new X509BasicConstraintsExtension(false, false, 0, true)]),
                ("CN=a,O=b", [new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true), new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], true)]),
                ("CN=c", [new X509Extension("1.2.3.4", [5, 0], true)]),
                ("CN=d", [new X509Extension(SuccessorChain.ExtensionId, [0], false)]),
                ("CN=e", [new X509Extension(SuccessorChain.ExtensionId, [0], false), new X509SubjectKeyIdentifierExtension(SHA256.HashData([])[..20], false)]),
            }.Select(static seed => Resign(Create(seed.Name, seed.Extensions))),
        ];
    }

    private static byte[] Create(string name, X509Extension[] extensions)
    {
        CertificateRequest request = new(new X500DistinguishedName(name), new System.Security.Cryptography.X509Certificates.PublicKey(new Oid("1.2.840.10045.2.1"), new AsnEncodedData(Curve()), new AsnEncodedData(ToySigner.Key.Der[^65..].ToArray())), HashAlgorithmName.SHA256);
        foreach (X509Extension extension in extensions)
            request.CertificateExtensions.Add(extension);
        using ECDsa any = NewKey();
        using X509Certificate2 certificate = request.Create(new X500DistinguishedName(name), X509SignatureGenerator.CreateForECDsa(any), DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100), [1, 2, 3]);
        return certificate.RawData;
    }

    private static ECDsa NewKey() => ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = [.. new byte[31], 7] });

    // The name of the curve, prime256v1.
    private static byte[] Curve()
    {
        AsnWriter writer = new(AsnEncodingRules.DER);
        writer.WriteObjectIdentifier("1.2.840.10045.3.1.7");
        return writer.Encode();
    }

    private static byte[] Compose(Mutator mutator, byte[] seed, IReadOnlyList<byte[]> all)
    {
        byte[] other = mutator.Pick(all);
        if (mutator.Below(8) == 0 || DerTree.Read(seed) is not { } tree || DerTree.Read(other) is not { } others)
            return mutator.Mutate(seed, other);
        do
        {
            tree.Change(mutator, others);
        }
        while (mutator.Below(3) == 0);

        byte[] changed = tree.Write();
        return mutator.Below(2) == 0 ? Resign(changed) : changed;
    }

    // As it is, where it is no certificate any more.
    private static byte[] Resign(byte[] der)
    {
        try
        {
            AsnReader outer = new AsnReader(der, AsnEncodingRules.BER).ReadSequence();
            byte[] signed = outer.ReadEncodedValue().ToArray(), algorithm = outer.ReadEncodedValue().ToArray();
            AsnWriter writer = new(AsnEncodingRules.DER);
            using (writer.PushSequence())
            {
                writer.WriteEncodedValue(signed);
                writer.WriteEncodedValue(algorithm);
                writer.WriteBitString(ToySigner.Sign(signed));
            }

            return writer.Encode();
        }
        catch (Exception e) when (e is AsnContentException or ArgumentException)
        {
            return der;
        }
    }

    private static long Run(byte[] input)
    {
        bool isParsed = CertificateParser.TryParse(input, out CertificateParser? parsed, out string? error);
        if (isParsed == (parsed is null) || (!isParsed && string.IsNullOrEmpty(error)))
            throw new FindingException("A certificate is refused without a reason.");
        using X509Certificate2? certificate = Load(input);
        if (certificate is null)
            return Verdict.Refused;

        (bool isTaken, CertificateCheck check) = Check(certificate, pin: null);
        CertificateCheck pinned = Check(certificate, ToySigner.Key.Id).Check, other = Check(certificate, Own.Id).Check;
        if (!isTaken)
        {
            if (pinned.Failure is null || other.Failure is null || check.Failure!.Message.Any(char.IsControl))
                throw new FindingException($"It is refused without a pin and taken with one, or its reason cannot be shown: {check.Failure}");
            return Verdict.Of(check.Failure.Message);
        }

        PublicKey key = check.RemoteKey!;
        if (!certificate.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.Der.Span))
            throw new FindingException($"The framework finds another key in it than {key}.");
        if (pinned.Failure is null != (key.Equals(ToySigner.Key) || check.Chain?.OldIds.Contains(ToySigner.Key.Id) == true) || (other.Failure is null && !key.Equals(Own)))
            throw new FindingException("It is taken for a key that is not its own.");
        return Verdict.Of(key.Der.Span);
    }

    private static (bool IsTaken, CertificateCheck Check) Check(X509Certificate2 certificate, NodeId? pin)
    {
        CertificateCheck check = new(Own, pin, [], "peer.example:4040", isDialer: true);
        bool isTaken = check.Validate(certificate, certificate, null, SslPolicyErrors.None);
        return isTaken == (check.RemoteKey is not null) && isTaken == (check.Failure is null) ? (isTaken, check)
            : throw new FindingException($"The verdict is {isTaken}, the key {check.RemoteKey}, the reason {check.Failure}.");
    }

    // What the framework does not read, TLS refuses before the callback.
    private static X509Certificate2? Load(byte[] der)
    {
        try
        {
            return X509CertificateLoader.LoadCertificate(der);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}
