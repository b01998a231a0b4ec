using System.Security.Cryptography;
using Xunit;

namespace Meshara.Tests;

public sealed class PublicKeyTests : IDisposable
{
    private readonly NodeIdentity _identity = NodeIdentity.Create();

    public void Dispose() => _identity.Dispose();

    [Fact]
    public void Parse_HexPemAndDer_GiveTheSameKey()
    {
        PublicKey key = _identity.PublicKey;
        Assert.Equal(PublicKey.Size, key.Der.Length);
        Assert.Equal(key, PublicKey.Parse(key.ToString()));
        Assert.Equal(key, PublicKey.Parse($" {key.ToString().ToUpperInvariant()}\r\n"));
        Assert.Equal(key, PublicKey.Parse(key.ToPem()));
        Assert.Equal(key, PublicKey.Parse($"a comment\n{key.ToPem().ReplaceLineEndings("\r\n")}\n"));
        Assert.Equal(key, PublicKey.FromDer(key.Der.Span));
        Assert.Equal(key.GetHashCode(), PublicKey.FromDer(key.Der.Span).GetHashCode());
        Assert.Equal(SHA256.HashData(key.Der.Span), key.Id.ToByteArray());
    }

    [Fact]
    public void FromDer_OtherKeys_AreRefused()
    {
        using ECDsa p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        // Apple's library has no brainpool curves.
        using ECDsa brainpool = ECDsa.Create(OperatingSystem.IsMacOS() ? ECCurve.NamedCurves.nistP521 : ECCurve.NamedCurves.brainpoolP256r1);
        using RSA rsa = RSA.Create(2048);
        byte[][] others = [p384.ExportSubjectPublicKeyInfo(), brainpool.ExportSubjectPublicKeyInfo(), rsa.ExportSubjectPublicKeyInfo(), []];
        foreach (byte[] der in others)
        {
            Assert.False(PublicKey.TryFromDer(der, out _));
            Assert.Throws<FormatException>(() => PublicKey.FromDer(der));
            Assert.False(PublicKey.TryParse(Convert.ToHexString(der), out _));
        }

        Assert.False(PublicKey.TryParse(p384.ExportSubjectPublicKeyInfoPem(), out _));
    }

    [Fact]
    public void FromDer_PointNotOnTheCurve_IsRefused()
    {
        byte[] der = _identity.PublicKey.Der.ToArray();
        der[^1] ^= 1;
        Assert.False(PublicKey.TryFromDer(der, out _));
    }

    [Fact]
    public void FromDer_EveryOtherByteChanged_IsRefused()
    {
        byte[] der = _identity.PublicKey.Der.ToArray();
        for (int i = 0; i < der.Length; i++)
        {
            der[i] ^= 0x40;
            Assert.False(PublicKey.TryFromDer(der, out PublicKey? key) && key.Equals(_identity.PublicKey));
            Assert.False(i < 27 && key is not null, $"byte {i} of the prefix was not checked");
            der[i] ^= 0x40;
        }
    }

    [Fact]
    public void Parse_PrivateKey_SaysSoAndDoesNotRepeatIt()
    {
        string pem = _identity.Key.ExportPkcs8PrivateKeyPem();
        FormatException e = Assert.Throws<FormatException>(() => PublicKey.Parse(pem));
        Assert.Contains("private key", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(pem.Split('\n')[1], e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_NodeId_SaysThatTheKeyIsExpected()
    {
        FormatException e = Assert.Throws<FormatException>(() => PublicKey.Parse(_identity.Id.ToString()));
        Assert.Contains("node id", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("zz")]
    [InlineData("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----")]
    [InlineData("-----BEGIN PUBLIC KEY-----\nMFkw")]
    public void Parse_NotAKey_Throws(string text)
    {
        Assert.False(PublicKey.TryParse(text, out _));
        Assert.Contains("P-256", Assert.Throws<FormatException>(() => PublicKey.Parse(text)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TryParse_Null_IsFalse() => Assert.False(PublicKey.TryParse(null, out _));

    [Fact]
    public void Verify_OwnSignature_HoldsForItsDataOnly()
    {
        byte[] signature = _identity.Key.SignData("data"u8, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        Assert.True(_identity.PublicKey.Verify("data"u8, signature));
        Assert.False(_identity.PublicKey.Verify("Data"u8, signature));
        Assert.False(_identity.PublicKey.Verify("data"u8, []));
        using NodeIdentity other = NodeIdentity.Create();
        Assert.False(other.PublicKey.Verify("data"u8, signature));
    }

    [Fact]
    public async Task Parse_PublicKeyOfOpenssl_GivesItsId()
    {
        using TempFolder folder = new();
        await Tool.OutputOfAsync("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", folder["key.pem"]);
        byte[] der = await Tool.OutputOfAsync("openssl", "pkey", "-in", folder["key.pem"], "-pubout", "-outform", "DER");
        await File.WriteAllBytesAsync(folder["public.der"], der);
        string hash = System.Text.Encoding.ASCII.GetString(await Tool.OutputOfAsync("openssl", "dgst", "-sha256", "-r", folder["public.der"]))[..64];
        string pem = System.Text.Encoding.ASCII.GetString(await Tool.OutputOfAsync("openssl", "pkey", "-in", folder["key.pem"], "-pubout"));

        Assert.Equal(hash, PublicKey.FromDer(der).Id.ToString());
        Assert.Equal(hash, PublicKey.Parse(pem).Id.ToString());
        Assert.Equal(pem.Trim(), PublicKey.FromDer(der).ToPem());
    }

    [Fact]
    public async Task Parse_CompressedPointOfOpenssl_IsRefused()
    {
        using TempFolder folder = new();
        await File.WriteAllTextAsync(folder["public.pem"], _identity.PublicKey.ToPem());
        byte[] pem = await Tool.OutputOfAsync("openssl", "ec", "-pubin", "-in", folder["public.pem"], "-pubout", "-conv_form", "compressed");
        Assert.False(PublicKey.TryParse(System.Text.Encoding.ASCII.GetString(pem), out _));
    }
}
