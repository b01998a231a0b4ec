using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FsCheck;
using FsCheck.Fluent;
using Meshara.Security;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Security;

/// <summary>Every rule of wire protocol section 3 on certificates that were written byte by byte.</summary>
public sealed class CertificateCheckTests : IDisposable
{
    private readonly NodeIdentity _own = NodeIdentity.Create();
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly ECDsa _other = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private CertificateForge Forge => new() { SubjectKey = _key };

    public void Dispose()
    {
        _own.Dispose();
        _key.Dispose();
        _other.Dispose();
    }

    [Fact]
    public void Validate_Honest_GivesTheKey()
    {
        CertificateCheck check = Check(Forge.ToDer());

        Assert.Null(check.Failure);
        Assert.Equal(_key.ExportSubjectPublicKeyInfo(), check.RemoteKey!.Der.ToArray());
    }

    [Fact]
    public void Validate_HonestMadeByTheFramework_GivesTheKey()
    {
        using NodeIdentity peer = NodeIdentity.Create();
        using NodeCertificate certificate = new(peer);

        Assert.Equal(peer.PublicKey, Check(certificate.Der.ToArray()).RemoteKey);
    }

    [Fact]
    public void Validate_NoCertificate_SaysSo()
    {
        CertificateCheck check = New();

        Assert.False(check.Validate(this, null, null, SslPolicyErrors.RemoteCertificateNotAvailable));
        Assert.Equal(MesharaErrorCode.NoCertificate, check.Failure!.Code);
    }

    [Fact]
    public void H8_AnotherCurve_BadCertificate()
    {
        foreach (string curve in new[] { "nistP384", "nistP521", "brainpoolP256r1", "secp256k1" })
        {
            using ECDsa key = ECDsa.Create(ECCurve.CreateFromFriendlyName(curve));
            Refuses("not ECDSA on P-256", Forge with { SubjectKey = key });
        }
    }

    [Fact]
    public void H8_RsaKey_BadCertificate()
    {
        using RSA rsa = RSA.Create(2048);
        Refuses("not ECDSA on P-256", Forge with { PublicKeyInfo = rsa.ExportSubjectPublicKeyInfo() });
    }

    [Fact]
    public void H8_SameKeyInAnotherEncoding_BadCertificate()
    {
        byte[] canonical = _key.ExportSubjectPublicKeyInfo();
        byte[] x = canonical[27..59];

        // SEC 1 section 2.3.3: a compressed point. Two encodings of one key would be two ids.
        byte[] compressed =
        [
            0x30, 0x39, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07,
            0x03, 0x22, 0x00, (byte)(2 + (canonical[^1] & 1)), .. x,
        ];
        Refuses("not ECDSA on P-256", Forge with { PublicKeyInfo = compressed });

        // ANSI X9.62 "hybrid" form.
        byte[] hybrid = [.. canonical];
        hybrid[26] = (byte)(6 + (canonical[^1] & 1));
        Refuses("not ECDSA on P-256", Forge with { PublicKeyInfo = hybrid });
    }

    [Fact]
    public void H8_PointNotOnTheCurve_BadCertificate()
    {
        byte[] off = _key.ExportSubjectPublicKeyInfo();
        off[^1] ^= 1;
        Refuses("not ECDSA on P-256", Forge with { PublicKeyInfo = off });
    }

    [Fact]
    public void H9_ExpiredOrFuture_Accepted()
    {
        Accepts(Forge with { NotAfter = new(2021, 1, 1, 0, 0, 0, TimeSpan.Zero) });
        Accepts(Forge with { NotBefore = new(2048, 1, 1, 0, 0, 0, TimeSpan.Zero) });
        Accepts(Forge with { NotBefore = new(2048, 1, 1, 0, 0, 0, TimeSpan.Zero), NotAfter = new(1990, 1, 1, 0, 0, 0, TimeSpan.Zero) });
    }

    [Fact]
    public void H10_SelfSignatureIsWrong_BadCertificate()
    {
        Refuses("not signed by its own key", Forge with { SigningKey = _other });
        Refuses("not signed by its own key", Forge with { Hash = HashAlgorithmName.SHA384 });
    }

    [Fact]
    public void H10_AnotherSignatureAlgorithm_BadCertificate()
    {
        const string ecdsaWithSha384 = "1.2.840.10045.4.3.3";
        Refuses("ecdsa-with-SHA256", Forge with { InnerAlgorithm = ecdsaWithSha384 });
        Refuses("ecdsa-with-SHA256", Forge with { OuterAlgorithm = ecdsaWithSha384 });
        Refuses("ecdsa-with-SHA256", Forge with { InnerAlgorithm = ecdsaWithSha384, OuterAlgorithm = ecdsaWithSha384, Hash = HashAlgorithmName.SHA384 });
        Refuses("ecdsa-with-SHA256", Forge with { AlgorithmHasNull = true });
    }

    [Fact]
    public void H11_UnknownCriticalExtension_BadCertificate()
    {
        Refuses("critical extension 1.2.3.4", Forge with { Extensions = [("1.2.3.4", true, [5, 0])] });

        // Name constraints: real, critical by RFC 5280 4.2.1.10, and none of the three.
        Refuses("critical extension 2.5.29.30", Forge with { Extensions = [("2.5.29.15", true, [3, 2, 7, 128]), ("2.5.29.30", true, [0x30, 0])] });
    }

    [Fact]
    public void H11_KnownCriticalOrUnknownOtherExtensions_Accepted()
    {
        // What the three say is not looked at: the key is pinned, whatever it may otherwise sign.
        Accepts(Forge with
        {
            Extensions =
            [
                ("2.5.29.19", true, [0x30, 3, 1, 1, 0xFF]), ("2.5.29.15", true, [3, 2, 2, 4]),
                ("2.5.29.37", true, [0x30, 10, 6, 8, 0x2B, 6, 1, 5, 5, 7, 3, 3]), ("1.2.3.4", false, [1, 2, 3]),
            ],
        });
    }

    [Fact]
    public void Validate_VersionIsNot3_BadCertificate()
    {
        Refuses("version 3", Forge with { Version = null });
        Refuses("version 3", Forge with { Version = 1 });
    }

    [Fact]
    public void Validate_LargerThan4096Bytes_BadCertificate()
    {
        int rest = 4096 - (Forge with { Extensions = [("1.2.3.4", false, new byte[3800])] }).ToDer().Length;

        // An ECDSA signature varies by a few bytes of length, so neither side of the bound is met exactly.
        Accepts(Forge with { Extensions = [("1.2.3.4", false, new byte[3800 + rest - 8])] });
        Refuses("more than 4096", Forge with { Extensions = [("1.2.3.4", false, new byte[3800 + rest + 9])] });
    }

    [Fact]
    public void H12_AnotherKeyThanThePin_ShowsBothAndTheAddress()
    {
        NodeId pin = PublicKey.FromDer(_other.ExportSubjectPublicKeyInfo()).Id;
        NodeId actual = PublicKey.FromDer(_key.ExportSubjectPublicKeyInfo()).Id;
        CertificateCheck check = Check(Forge.ToDer(), pin);

        Assert.Equal(MesharaErrorCode.PinMismatch, check.Failure!.Code);
        Assert.Contains(pin.ToString(), check.Failure.Message, StringComparison.Ordinal);
        Assert.Contains(actual.ToString(), check.Failure.Message, StringComparison.Ordinal);
        Assert.Contains(ChannelBed.Address, check.Failure.Message, StringComparison.Ordinal);
        Assert.Null(check.RemoteKey);
        Assert.NotNull(Check(Forge.ToDer(), actual).RemoteKey);
    }

    [Fact]
    public void H13_OwnKey_IsSelfWhereAnotherIsPinnedAndElseLeftToHello()
    {
        using NodeCertificate own = new(_own);

        Assert.Null(Check(own.Der.ToArray()).Failure);
        Assert.Equal(MesharaErrorCode.Self, Check(own.Der.ToArray(), PublicKey.FromDer(_key.ExportSubjectPublicKeyInfo()).Id).Failure!.Code);
    }

    [Fact]
    public void H18_FrameworkThrowsInside_FalseAndNothingEscapes()
    {
        X509Certificate2 disposed = X509CertificateLoader.LoadCertificate(Forge.ToDer());
        disposed.Dispose();
        CertificateCheck check = New();

        Assert.False(check.Validate(this, disposed, null, SslPolicyErrors.None));
        Assert.Equal(MesharaErrorCode.BadCertificate, check.Failure!.Code);
        Assert.IsAssignableFrom<CryptographicException>(check.Failure.InnerException);
    }

    [Fact]
    public void TryParse_AnyByteChanged_NeverThrowsAndIsNeverAccepted()
    {
        byte[] der = (Forge with { Extensions = [("2.5.29.15", true, [3, 2, 7, 128]), ("1.2.3.4", false, [1])] }).ToDer();
        Prop.ForAll(
            Gen.Choose(0, der.Length - 1).SelectMany(static at => Gen.Choose(1, 255).Select(by => (at, by))).ToArbitrary(),
            change =>
            {
                byte[] changed = [.. der];
                changed[change.at] ^= (byte)change.by;
                return !Holds(changed);
            }).Check(Seeded.Config.WithMaxTest(1000));
        Assert.True(Holds(der));
    }

    [Fact]
    public void TryParse_CutShortOrLengthened_NeverThrowsAndIsNeverAccepted()
    {
        byte[] der = Forge.ToDer();
        for (int length = 0; length < der.Length; length++)
        {
            Assert.False(Holds(der[..length]));
        }

        Assert.False(Holds((Forge with { Trailer = [0] }).ToDer()));
    }

    [Fact]
    public void TryParse_AnyBytes_NeverThrows() =>
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), static bytes => !Holds(bytes)).Check(Seeded.Config.WithMaxTest(1000));

    private static bool Holds(byte[] der) =>
        CertificateParser.TryParse(der, out CertificateParser? parsed, out _)
        && PublicKey.TryFromDer(parsed.PublicKey.Span, out PublicKey? key)
        && key.Verify(parsed.Signed.Span, parsed.Signature.Span);

    private CertificateCheck New(NodeId? pin = null) => new(_own.PublicKey, pin, [], ChannelBed.Address, isDialer: true);

    private CertificateCheck Check(byte[] der, NodeId? pin = null)
    {
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(der);
        CertificateCheck check = New(pin);
        Assert.Equal(check.Validate(this, certificate, null, SslPolicyErrors.RemoteCertificateChainErrors), check.Failure is null);
        return check;
    }

    private void Accepts(CertificateForge forge) => Assert.NotNull(Check(forge.ToDer()).RemoteKey);

    private void Refuses(string because, CertificateForge forge)
    {
        CertificateCheck check = Check(forge.ToDer());
        Assert.Equal(MesharaErrorCode.BadCertificate, check.Failure!.Code);
        Assert.Contains(because, check.Failure.Message, StringComparison.Ordinal);
        Assert.Contains(ChannelBed.Address, check.Failure.Message, StringComparison.Ordinal);
        Assert.Null(check.RemoteKey);
    }
}
