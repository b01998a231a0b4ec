using Xunit;

namespace Meshara.Tests;

public sealed class TrustFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_NoFile_IsEmptyAndCreatesNothing()
    {
        Assert.Empty(TrustFile.Read(_folder["data"]));
        Assert.False(Directory.Exists(_folder["data"]));
    }

    [Fact]
    public void ReplaceRemove_NoFolder_NothingIsPinnedThereAndNothingCreated()
    {
        PublicKey key = NewKey();

        Assert.False(TrustFile.Replace(_folder["typo"], key.Id, key));
        Assert.False(TrustFile.Remove(_folder["typo"], key.Id));

        Assert.False(Directory.Exists(_folder["typo"]));
    }

    [Fact]
    public void Add_NoName_SaysWhichArgument()
    {
        PublicKey key = NewKey();

        Assert.Equal("name", Assert.Throws<ArgumentException>(() => TrustFile.Add(_folder["data"], key, "")).ParamName);
        Assert.False(Directory.Exists(_folder["data"]));
    }

    [Fact]
    public void AddReplaceRemove_OneAfterTheOther_AreRead()
    {
        string data = _folder["data"];
        PublicKey old = NewKey(), renewed = NewKey();

        Assert.True(TrustFile.Add(data, old, "gpu 1"));
        Assert.False(TrustFile.Add(data, old));
        Assert.Equal("gpu 1", Assert.Single(TrustFile.Read(data)).Name);

        Assert.True(TrustFile.Replace(data, old.Id, renewed));
        Assert.False(TrustFile.Replace(data, old.Id, renewed));
        TrustedPeer pin = Assert.Single(TrustFile.Read(data));
        Assert.Equal((renewed.Id, renewed, "gpu 1"), (pin.Id, pin.PublicKey, pin.Name));

        Assert.True(TrustFile.Remove(data, renewed.Id));
        Assert.False(TrustFile.Remove(data, renewed.Id));
        Assert.Empty(TrustFile.Read(data));
    }

    [Fact]
    public async Task Change_NodeRuns_IsRefusedAndReadingIsNot()
    {
        string data = _folder["data"];
        PublicKey key = NewKey();
        await using Node node = await Node.StartAsync(new NodeOptions { Mesh = "test", DataDirectory = data, Transport = new MemoryTransport() });
        await node.TrustAsync(key);

        MesharaException e = Assert.Throws<MesharaException>(() => TrustFile.Remove(data, key.Id));

        Assert.Equal(MesharaErrorCode.DataDirectoryInUse, e.Code);
        Assert.Equal(key.Id, Assert.Single(TrustFile.Read(data)).Id);
        Assert.Equal(key.Id, Assert.Single(node.ListTrusted()).Id);
    }

    [Fact]
    public void Add_NameWithAnEscape_IsRefused() =>
        Assert.Throws<ArgumentException>(() => TrustFile.Add(_folder["data"], NewKey(), "\u001b[31m"));

    private static PublicKey NewKey()
    {
        using NodeIdentity identity = NodeIdentity.Create();
        return identity.PublicKey;
    }
}
