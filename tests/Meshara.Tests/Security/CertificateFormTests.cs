using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Meshara.Security;
using Xunit;

namespace Meshara.Tests.Security;

/// <summary>What a certificate may hold beside what it must, how large it may be, and what the peer may send beside it.</summary>
public sealed class CertificateFormTests : IDisposable
{
    private readonly NodeIdentity _own = NodeIdentity.Create();
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly ECDsa _other = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private CertificateForge Forge => new() { SubjectKey = _key, Extensions = [("1.2.3.4", false, [1])] };

    public void Dispose()
    {
        _own.Dispose();
        _key.Dispose();
        _other.Dispose();
    }

    // Two readers that stop at different ends of a certificate see different ones.
    [Theory]
    [InlineData(CertificatePart.Certificate)]
    [InlineData(CertificatePart.Signed)]
    [InlineData(CertificatePart.Version)]
    [InlineData(CertificatePart.ExtensionList)]
    [InlineData(CertificatePart.Extension)]
    internal void TryParse_FieldTooMany_Refused(CertificatePart part)
    {
        Assert.True(CertificateParser.TryParse(Forge.ToDer(), out _, out _));
        Assert.False(CertificateParser.TryParse((Forge with { Surplus = part }).ToDer(), out _, out string? error));
        Assert.Equal("is not X.509 in DER", error);
    }

    [Fact]
    public void TryParse_UniqueIds_PassedOver()
    {
        Assert.True(CertificateParser.TryParse((Forge with { HasUniqueIds = true }).ToDer(), out CertificateParser? parsed, out _));
        Assert.Equal(_key.ExportSubjectPublicKeyInfo(), parsed.PublicKey.ToArray());
    }

    [Fact]
    public void TryParse_ExactlyTheGreatestSize_ReadAndOneMoreRefused()
    {
        byte[] Sized(int size)
        {
            int filler = 3900;
            while (true)
            {
                // A signature is new each time, and its length varies by a few bytes.
                byte[] der = (Forge with { Extensions = [("1.2.3.4", false, new byte[filler])] }).ToDer();
                if (der.Length == size)
                    return der;
                filler += size - der.Length;
            }
        }

        Assert.True(CertificateParser.TryParse(Sized(CertificateParser.MaxSize), out _, out _));
        Assert.False(CertificateParser.TryParse(Sized(CertificateParser.MaxSize + 1), out _, out string? error));
        Assert.Contains("more than", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Validate_SecondCertificateSent_RefusedAndCounted()
    {
        byte[] der = Forge.ToDer(), other = (Forge with { SubjectKey = _other }).ToDer();

        // The client's list has the leaf too.
        Assert.Null(Check(der, isDialer: true, sent: [der]).Failure);
        Assert.Null(Check(der, isDialer: true, sent: []).Failure);
        MesharaException failure = Check(der, isDialer: true, sent: [der, other]).Failure!;
        Assert.Equal(MesharaErrorCode.BadCertificate, failure.Code);
        Assert.Contains("presented 2 certificates", failure.Message, StringComparison.Ordinal);
        Assert.Contains("presented 2 certificates", Check(der, isDialer: false, sent: [other]).Failure!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Validate_BadCertificate_SaysWhoChoseTheAddress()
    {
        byte[] bad = (Forge with { SigningKey = _other }).ToDer();
        Assert.StartsWith($"The node at {ChannelBed.Address} ", Check(bad, isDialer: true, []).Failure!.Message, StringComparison.Ordinal);
        Assert.StartsWith($"The caller from {ChannelBed.Address} ", Check(bad, isDialer: false, []).Failure!.Message, StringComparison.Ordinal);
    }

    // Only for a pinned key there is something that a person has to decide.
    [Theory]
    [InlineData(ExpectedKey.Pinned, "is pinned", "as it was learned before")]
    [InlineData(ExpectedKey.Named, "so the address was given", "is pinned")]
    [InlineData(ExpectedKey.Learned, "as it was learned before", "so the address was given")]
    internal void Validate_AnotherKeyAnswers_SaysWhyThisOneWasExpected(ExpectedKey why, string expected, string unexpected)
    {
        NodeId pin = PublicKey.FromDer(_other.ExportSubjectPublicKeyInfo()).Id;
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(Forge.ToDer());
        CertificateCheck check = new(_own.PublicKey, pin, [], ChannelBed.Address, isDialer: true) { Why = why };
        Assert.False(check.Validate(this, certificate, null, SslPolicyErrors.RemoteCertificateChainErrors));
        Assert.Equal(MesharaErrorCode.PinMismatch, check.Failure!.Code);
        Assert.Contains(expected, check.Failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(unexpected, check.Failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("signatures", check.Failure.Message, StringComparison.Ordinal);
    }

    private CertificateCheck Check(byte[] der, bool isDialer, byte[][] sent)
    {
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(der);
        using X509Chain chain = new();
        foreach (byte[] one in sent)
            chain.ChainPolicy.ExtraStore.Add(X509CertificateLoader.LoadCertificate(one));
        CertificateCheck check = new(_own.PublicKey, null, [], ChannelBed.Address, isDialer);
        check.Validate(this, certificate, chain, SslPolicyErrors.RemoteCertificateChainErrors);
        return check;
    }
}
