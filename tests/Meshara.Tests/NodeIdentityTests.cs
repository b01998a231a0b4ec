using System.Security.Cryptography;
using Xunit;

namespace Meshara.Tests;

public sealed class NodeIdentityTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private string File1 => _folder["identity.pem"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void K1_Missing_CreatedAtomicallyWithMode0600()
    {
        using NodeIdentity created = NodeIdentity.LoadOrCreate(File1);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(Mode.File, Mode.Of(File1));

        Assert.Equal([File1], Directory.GetFileSystemEntries(_folder.Path));
        Assert.StartsWith("-----BEGIN PRIVATE KEY-----\n", File.ReadAllText(File1), StringComparison.Ordinal);
        using NodeIdentity loaded = NodeIdentity.LoadOrCreate(File1);
        Assert.Equal(created.PublicKey, loaded.PublicKey);
    }

    [Fact]
    public async Task K1_Missing_WatchedWhileCreated_NeverOpenToOthersNeverHalf()
    {
        Mode.Require();
        using CancellationTokenSource done = new();
        Task<int> watcher = Task.Run(() => Watch(done.Token));
        for (int i = 0; i < 60; i++)
            NodeIdentity.LoadOrCreate(_folder[$"{i}.pem"]).Dispose();

        await done.CancelAsync();
        Assert.InRange(await watcher.WaitAsync(TimeSpan.FromSeconds(30)), 1, int.MaxValue);

        int Watch(CancellationToken token)
        {
            int seen = 0;
            do
            {
                foreach (string file in Directory.GetFiles(_folder.Path))
                {
                    try
                    {
                        seen++;
                        Assert.Equal(Mode.File, Mode.Of(file));
                        if (file.EndsWith(".pem", StringComparison.Ordinal))
                            Assert.EndsWith("-----END PRIVATE KEY-----\n", File.ReadAllText(file), StringComparison.Ordinal);
                    }
                    catch (FileNotFoundException)
                    {
                        // A temporary name that has done its work.
                    }
                }
            }
            while (!token.IsCancellationRequested);
            return seen;
        }
    }

    [Fact]
    public async Task K1_Missing_ManyCreateAtOnce_AllEndWithOneKey()
    {
        for (int round = 0; round < 10; round++)
        {
            string path = _folder[$"{round}.pem"];
            using Barrier start = new(4);
            NodeId[] ids = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Factory.StartNew(
                () =>
                {
                    start.SignalAndWait(TimeSpan.FromSeconds(30));
                    using NodeIdentity identity = NodeIdentity.LoadOrCreate(path);
                    return identity.Id;
                },
                CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))).WaitAsync(TimeSpan.FromSeconds(60));

            using NodeIdentity stored = NodeIdentity.Load(path);
            Assert.All(ids, id => Assert.Equal(stored.Id, id));
        }

        Assert.Equal(10, Directory.GetFiles(_folder.Path).Length);
    }

    [Fact]
    public void K1_MissingDirectory_CreatedForTheOwnerOnly()
    {
        using NodeIdentity created = NodeIdentity.LoadOrCreate(Path.Combine(_folder["data"], "identity.pem"));
        if (!OperatingSystem.IsWindows())
            Assert.Equal(Mode.Directory, Mode.Of(_folder["data"]));
    }

    [Fact]
    public void K1_LeftoverTemporaryFiles_AreHarmless()
    {
        string leftover = $"{File1}.{Environment.ProcessId}-0.tmp";
        File.WriteAllText(leftover, "from a crash");
        using NodeIdentity created = NodeIdentity.LoadOrCreate(File1);
        using NodeIdentity loaded = NodeIdentity.Load(File1);
        Assert.Equal(created.Id, loaded.Id);
        Assert.Equal("from a crash", File.ReadAllText(leftover));
    }

    [Fact]
    public void K1_LinkToNothing_ErrorAndNothingCreated()
    {
        File.CreateSymbolicLink(File1, _folder["elsewhere.pem"]);
        MesharaException e = Assert.Throws<MesharaException>(() => NodeIdentity.LoadOrCreate(File1));
        AssertSays(e, MesharaErrorCode.IdentityFile, "link to nothing");
        Assert.Equal([File1], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Load_Missing_Error()
    {
        AssertSays(Assert.Throws<MesharaException>(() => NodeIdentity.Load(File1)), MesharaErrorCode.IdentityFile, "does not exist");
        AssertSays(Assert.Throws<MesharaException>(() => NodeIdentity.Load(Path.Combine(_folder["none"], "identity.pem"))), MesharaErrorCode.IdentityFile, "does not exist");
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void K2_Empty_ErrorAndUntouched() => AssertRefused("", MesharaErrorCode.IdentityFile, "is empty");

    [Fact]
    public void K2_TruncatedAnywhere_ErrorAndUntouched()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        string pem = key.ExportPkcs8PrivateKeyPem();
        for (int length = 1; length < pem.Length; length += 9)
            AssertRefused(pem[..length], MesharaErrorCode.IdentityFile);

        AssertRefused(pem[..^10], MesharaErrorCode.IdentityFile, "truncated");
        AssertRefused(pem[40..], MesharaErrorCode.IdentityFile, "damaged");
    }

    [Fact]
    public void K2_DerTruncatedInsideWholePem_ErrorAndUntouched()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] der = key.ExportPkcs8PrivateKey();
        AssertRefused(PemEncoding.WriteString("PRIVATE KEY", der.AsSpan(0, der.Length - 1)), MesharaErrorCode.IdentityFile, "truncated");
        AssertRefused(PemEncoding.WriteString("PRIVATE KEY", [.. der, 0]), MesharaErrorCode.IdentityFile, "truncated");
        AssertRefused(PemEncoding.WriteString("PRIVATE KEY", []), MesharaErrorCode.IdentityFile, "truncated");
    }

    [Fact]
    public void K2_OtherCurve_ErrorAndUntouched()
    {
        foreach ((ECCurve curve, string name) in new[] { (ECCurve.NamedCurves.nistP384, "P384"), (ECCurve.NamedCurves.brainpoolP256r1, "brainpoolP256r1") })
        {
            // Apple's library has no brainpool curves.
            if (OperatingSystem.IsMacOS() && name.StartsWith("brainpool", StringComparison.Ordinal))
                continue;

            using ECDsa key = ECDsa.Create(curve);
            AssertRefused(key.ExportPkcs8PrivateKeyPem(), MesharaErrorCode.IdentityFile, name);
            AssertRefused(key.ExportECPrivateKeyPem(), MesharaErrorCode.IdentityFile, name);
            AssertRefused(key.ExportEncryptedPkcs8PrivateKeyPem("right", QuickEncryption), MesharaErrorCode.IdentityFile, name, "right");
        }
    }

    [Fact]
    public void K2_OtherKinds_ErrorAndUntouched()
    {
        using RSA rsa = RSA.Create(2048);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        AssertRefused(rsa.ExportPkcs8PrivateKeyPem(), MesharaErrorCode.IdentityFile, "RSA");
        AssertRefused(rsa.ExportRSAPrivateKeyPem(), MesharaErrorCode.IdentityFile, "RSA");
        AssertRefused(key.ExportSubjectPublicKeyInfoPem(), MesharaErrorCode.IdentityFile, "no private key");
        AssertRefused($"{key.ExportPkcs8PrivateKeyPem()}\n{key.ExportPkcs8PrivateKeyPem()}", MesharaErrorCode.IdentityFile, "more than one");
        AssertRefused("PNG \0\u0001 what", MesharaErrorCode.IdentityFile, "not PEM");
        AssertRefused(new string('x', 70_000), MesharaErrorCode.IdentityFile, "larger than");
    }

    [Fact]
    public void K2_HalvesOfTwoKeys_ErrorAndUntouched()
    {
        using ECDsa one = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using ECDsa other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] der = one.ExportPkcs8PrivateKey();
        byte[] ownPoint = one.ExportSubjectPublicKeyInfo()[27..], otherPoint = other.ExportSubjectPublicKeyInfo()[27..];
        int at = der.AsSpan().IndexOf(ownPoint);
        Assert.True(at > 0);
        otherPoint.CopyTo(der, at);
        AssertRefused(PemEncoding.WriteString("PRIVATE KEY", der), MesharaErrorCode.IdentityFile, "damaged");
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.OtherRead)]
    [InlineData(UnixFileMode.GroupWrite)]
    [InlineData(UnixFileMode.OtherWrite)]
    public void K3_OpenToOthers_ErrorAndUntouched(UnixFileMode right)
    {
        Mode.Require();
        NodeIdentity.LoadOrCreate(File1).Dispose();
        Mode.Set(File1, Mode.File | right);
        AssertRefused(null, MesharaErrorCode.IdentityFile, $"chmod 600 '{File1}'");
        Assert.Equal(Mode.File | right, Mode.Of(File1));

        Mode.Set(File1, UnixFileMode.UserRead);
        NodeIdentity.Load(File1).Dispose();
    }

    [Fact]
    public void K4_Directory_ErrorAndUntouched()
    {
        Directory.CreateDirectory(File1);
        AssertSays(Assert.Throws<MesharaException>(() => NodeIdentity.LoadOrCreate(File1)), MesharaErrorCode.IdentityFile, "is a directory");
        AssertSays(Assert.Throws<MesharaException>(() => NodeIdentity.Load(File1)), MesharaErrorCode.IdentityFile, "is a directory");
        Assert.Empty(Directory.GetFileSystemEntries(File1));
    }

    [Fact]
    public void K4_FileWhereTheDirectoryShouldBe_Error()
    {
        File.WriteAllText(_folder["data"], "");
        AssertSays(Assert.Throws<MesharaException>(() => NodeIdentity.LoadOrCreate(Path.Combine(_folder["data"], "identity.pem"))), MesharaErrorCode.IdentityFile, "could not be created", "");
    }

    [Fact]
    public void K5_Encrypted_OpensWithItsPassphraseOnly()
    {
        using NodeIdentity created = NodeIdentity.LoadOrCreate(File1, "pässword");
        Assert.StartsWith("-----BEGIN ENCRYPTED PRIVATE KEY-----", File.ReadAllText(File1), StringComparison.Ordinal);
        using NodeIdentity loaded = NodeIdentity.LoadOrCreate(File1, "pässword");
        Assert.Equal(created.Id, loaded.Id);
        AssertRefused(null, MesharaErrorCode.Passphrase, "wrong", "password");
        AssertRefused(null, MesharaErrorCode.Passphrase, "Give its passphrase");
        AssertRefused(null, MesharaErrorCode.Passphrase, "empty", "");
    }

    [Fact]
    public void K5_EncryptedAndTruncated_IsDamageNotPassphrase()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] der = key.ExportEncryptedPkcs8PrivateKey("right", QuickEncryption);
        string pem = PemEncoding.WriteString("ENCRYPTED PRIVATE KEY", der);
        AssertRefused(pem[..^40], MesharaErrorCode.IdentityFile, "truncated", "right");
        AssertRefused(PemEncoding.WriteString("ENCRYPTED PRIVATE KEY", der.AsSpan(0, 60)), MesharaErrorCode.IdentityFile, "truncated", "right");
    }

    [Fact]
    public void K5_EncryptedRsa_Error()
    {
        using RSA rsa = RSA.Create(2048);
        AssertRefused(rsa.ExportEncryptedPkcs8PrivateKeyPem("right", QuickEncryption), MesharaErrorCode.Passphrase, "not on an elliptic curve", "right");
    }

    [Fact]
    public void K5_PassphraseForPlainFile_ErrorAndUntouched()
    {
        NodeIdentity.LoadOrCreate(File1).Dispose();
        AssertRefused(null, MesharaErrorCode.Passphrase, "is not encrypted", "secret");
    }

    [Fact]
    public void LoadOrCreate_EmptyPassphrase_CreatesNothing()
    {
        AssertSays(Assert.Throws<MesharaException>(() => NodeIdentity.LoadOrCreate(File1, "")), MesharaErrorCode.Passphrase, "empty");
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Save_NewPath_LoadsAgainAndNeverReplaces()
    {
        using NodeIdentity identity = NodeIdentity.Create();
        identity.Save(File1);
        using NodeIdentity loaded = NodeIdentity.Load(File1);
        Assert.Equal(identity.Id, loaded.Id);

        byte[] before = File.ReadAllBytes(File1);
        using NodeIdentity other = NodeIdentity.Create();
        AssertSays(Assert.Throws<MesharaException>(() => other.Save(File1)), MesharaErrorCode.IdentityFile, "exists already");
        Assert.Equal(before, File.ReadAllBytes(File1));
    }

    [Fact]
    public void Load_ByteOrderMarkAndWindowsLineEnds_AreRead()
    {
        using NodeIdentity identity = NodeIdentity.Create();
        Put($"\uFEFF{identity.Key.ExportPkcs8PrivateKeyPem().ReplaceLineEndings("\r\n")}\r\n");
        using NodeIdentity loaded = NodeIdentity.Load(File1);
        Assert.Equal(identity.Id, loaded.Id);
    }

    [Fact]
    public void Load_Twice_SignaturesOfOneVerifyWithTheOther()
    {
        using NodeIdentity created = NodeIdentity.LoadOrCreate(File1);
        using NodeIdentity loaded = NodeIdentity.Load(File1);
        byte[] signature = loaded.Key.SignData("data"u8, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        Assert.True(created.PublicKey.Verify("data"u8, signature));
    }

    private static PbeParameters QuickEncryption { get; } = new(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000);

    private void Put(string content)
    {
        File.WriteAllText(File1, content);
        Mode.Set(File1, Mode.File);
    }

    private void AssertRefused(string? content, MesharaErrorCode code, string expected = "", string? passphrase = null)
    {
        if (content is not null)
            Put(content);

        byte[] before = File.ReadAllBytes(File1);
        DateTime written = File.GetLastWriteTimeUtc(File1);
        AssertSays(Assert.Throws<MesharaException>(() => NodeIdentity.LoadOrCreate(File1, passphrase)), code, expected);
        AssertSays(Assert.Throws<MesharaException>(() => NodeIdentity.Load(File1, passphrase)), code, expected);
        Assert.Equal(before, File.ReadAllBytes(File1));
        Assert.Equal(written, File.GetLastWriteTimeUtc(File1));
        Assert.Equal([File1], Directory.GetFileSystemEntries(_folder.Path));
    }

    private void AssertSays(MesharaException e, MesharaErrorCode code, string expected, string? file = null)
    {
        Assert.Equal(code, e.Code);
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        Assert.Contains(file ?? _folder.Path, e.Message, StringComparison.Ordinal);
        Assert.False(e.IsTransient);
    }
}
