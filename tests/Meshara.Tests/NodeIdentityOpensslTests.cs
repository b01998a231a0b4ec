using System.Text;
using Xunit;

namespace Meshara.Tests;

/// <summary>Key files and ids, checked against the real openssl in both directions.</summary>
public sealed class NodeIdentityOpensslTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Id_OfOurFile_IsWhatOpensslComputes()
    {
        using NodeIdentity identity = NodeIdentity.LoadOrCreate(_folder["identity.pem"]);
        Assert.Equal(await IdByOpensslAsync(_folder["identity.pem"]), identity.Id.ToString());
    }

    [Fact]
    public async Task Id_OfOurEncryptedFile_IsWhatOpensslComputes()
    {
        using NodeIdentity identity = NodeIdentity.LoadOrCreate(_folder["identity.pem"], "a long passphrase");
        Assert.Equal(await IdByOpensslAsync(_folder["identity.pem"], "-passin", "pass:a long passphrase"), identity.Id.ToString());
        string structure = Encoding.ASCII.GetString(await Tool.OutputOfAsync("openssl", "asn1parse", "-in", _folder["identity.pem"]));
        Assert.Contains("PBES2", structure, StringComparison.Ordinal);
        Assert.Contains("PBKDF2", structure, StringComparison.Ordinal);
        Assert.Contains("aes-256-cbc", structure, StringComparison.Ordinal);
        Assert.Contains("hmacWithSHA256", structure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Load_KeyOfOpensslGenpkey_HasItsId()
    {
        await Tool.OutputOfAsync("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", _folder["key.pem"]);
        await AssertLoadsAsync("key.pem");
    }

    [Fact]
    public async Task Load_KeyOfOpensslEcparamWithParameters_HasItsId()
    {
        await Tool.OutputOfAsync("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-out", _folder["key.pem"]);
        Assert.Contains("EC PARAMETERS", await File.ReadAllTextAsync(_folder["key.pem"]), StringComparison.Ordinal);
        await AssertLoadsAsync("key.pem");
    }

    [Fact]
    public async Task Load_KeyWithoutItsPublicHalf_HasItsId()
    {
        await Tool.OutputOfAsync("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", _folder["whole.pem"]);
        await Tool.OutputOfAsync("openssl", "ec", "-in", _folder["whole.pem"], "-no_public", "-out", _folder["key.pem"]);
        await AssertLoadsAsync("key.pem");
    }

    [Theory]
    [InlineData("-v2", "aes-256-cbc")]
    [InlineData("-scrypt", "-v2", "aes-256-cbc")]
    public async Task Load_KeyEncryptedByOpenssl_HasItsIdOrSaysWhyNot(params string[] encryption)
    {
        await Tool.OutputOfAsync("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", _folder["plain.pem"]);
        await Tool.OutputOfAsync("openssl", ["pkcs8", "-topk8", .. encryption, "-passout", "pass:geheim", "-in", _folder["plain.pem"], "-out", _folder["key.pem"]]);
        Restrict("key.pem");
        if (encryption[0] == "-v2")
        {
            using NodeIdentity identity = NodeIdentity.Load(_folder["key.pem"], "geheim");
            Assert.Equal(await IdByOpensslAsync(_folder["plain.pem"]), identity.Id.ToString());
        }
        else
        {
            MesharaException e = Assert.Throws<MesharaException>(() => NodeIdentity.Load(_folder["key.pem"], "geheim"));
            Assert.Equal(MesharaErrorCode.Passphrase, e.Code);
            Assert.Contains("PBKDF2", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Load_OldEncryptionOfOpenssl_ErrorWithTheConversion()
    {
        await Tool.OutputOfAsync("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", _folder["plain.pem"]);
        await Tool.OutputOfAsync("openssl", "ec", "-aes256", "-passout", "pass:geheim", "-in", _folder["plain.pem"], "-out", _folder["key.pem"]);
        Restrict("key.pem");
        MesharaException e = Assert.Throws<MesharaException>(() => NodeIdentity.Load(_folder["key.pem"], "geheim"));
        Assert.Equal(MesharaErrorCode.IdentityFile, e.Code);
        Assert.Contains("openssl pkcs8 -topk8", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("secp256k1", "P256k1")]
    [InlineData("secp384r1", "P384")]
    [InlineData("P-256", "explicit parameters")]
    public async Task K2_OtherCurveOfOpenssl_Error(string curve, string expected)
    {
        string encoding = curve == "P-256" ? "explicit" : "named_curve";
        await Tool.OutputOfAsync(
            "openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", $"ec_paramgen_curve:{curve}", "-pkeyopt", $"ec_param_enc:{encoding}", "-out", _folder["key.pem"]);
        AssertRefused(expected);
    }

    [Fact]
    public async Task K2_Ed25519OfOpenssl_Error()
    {
        await Tool.OutputOfAsync("openssl", "genpkey", "-algorithm", "ED25519", "-out", _folder["key.pem"]);
        AssertRefused("P-256");
    }

    private void AssertRefused(string expected)
    {
        Restrict("key.pem");
        byte[] before = File.ReadAllBytes(_folder["key.pem"]);
        MesharaException e = Assert.Throws<MesharaException>(() => NodeIdentity.LoadOrCreate(_folder["key.pem"]));
        Assert.Equal(MesharaErrorCode.IdentityFile, e.Code);
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(_folder["key.pem"]));
    }

    private async Task AssertLoadsAsync(string name)
    {
        Restrict(name);
        using NodeIdentity identity = NodeIdentity.LoadOrCreate(_folder[name]);
        Assert.Equal(await IdByOpensslAsync(_folder[name]), identity.Id.ToString());
    }

    // What the documentation tells users to type: pkey -pubout -outform DER | sha256sum.
    private async Task<string> IdByOpensslAsync(string path, params string[] more)
    {
        byte[] der = await Tool.OutputOfAsync("openssl", ["pkey", "-in", path, "-pubout", "-outform", "DER", .. more]);
        await File.WriteAllBytesAsync(_folder["public.der"], der);
        return Encoding.ASCII.GetString(await Tool.OutputOfAsync("openssl", "dgst", "-sha256", "-r", _folder["public.der"]))[..64];
    }

    private void Restrict(string name) => Mode.Set(_folder[name], Mode.File);
}
