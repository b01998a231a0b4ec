using Meshara.Security;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests;

/// <summary>A new key in the place of the one in the file.</summary>
public sealed class NodeIdentityRotationTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private string File1 => _folder["identity.pem"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Rotate_File_HoldsTheNewKeyAndWhoItWas()
    {
        NodeId first = Make();
        ManualTimeProvider clock = new();

        using NodeIdentity second = NodeIdentity.Rotate(File1, overlap: TimeSpan.FromDays(2), timeProvider: clock);

        Assert.NotEqual(first, second.Id);
        Assert.Equal([first], second.Predecessors);
        using NodeIdentity loaded = NodeIdentity.Load(File1);
        Assert.Equal(second.PublicKey, loaded.PublicKey);
        SuccessorRecord record = Assert.Single(loaded.Chain!.Records);
        Assert.Equal(clock.GetUtcNow().AddDays(2), record.AcceptOldUntil(clock.GetUtcNow().AddDays(1)));
        Assert.Equal([File1], Directory.GetFileSystemEntries(_folder.Path));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(Mode.File, Mode.Of(File1));
        }
    }

    [Fact]
    public void Rotate_SixTimes_KeepsTheLastFour()
    {
        List<NodeId> ids = [Make()];
        for (int i = 0; i < 6; i++)
        {
            using NodeIdentity next = NodeIdentity.Rotate(File1);
            Assert.Equal(ids.TakeLast(4), next.Predecessors);
            ids.Add(next.Id);
        }

        using NodeIdentity last = NodeIdentity.Load(File1);
        using NodeCertificate certificate = new(last);
        Assert.True(certificate.Der.Length <= CertificateParser.MaxSize);
    }

    [Fact]
    public void Rotate_Encrypted_StaysEncryptedAndNeedsThePassphrase()
    {
        NodeId first;
        using (NodeIdentity made = NodeIdentity.LoadOrCreate(File1, "correct horse"))
        {
            first = made.Id;
        }

        byte[] before = File.ReadAllBytes(File1);
        Assert.Equal(MesharaErrorCode.Passphrase, Assert.Throws<MesharaException>(() => NodeIdentity.Rotate(File1)).Code);
        Assert.Equal(MesharaErrorCode.Passphrase, Assert.Throws<MesharaException>(() => NodeIdentity.Rotate(File1, "battery staple")).Code);
        Assert.Equal(before, File.ReadAllBytes(File1));

        using NodeIdentity second = NodeIdentity.Rotate(File1, "correct horse");

        Assert.Contains("BEGIN ENCRYPTED PRIVATE KEY", File.ReadAllText(File1), StringComparison.Ordinal);
        Assert.DoesNotContain("BEGIN PRIVATE KEY", File.ReadAllText(File1), StringComparison.Ordinal);
        using NodeIdentity loaded = NodeIdentity.Load(File1, "correct horse");
        Assert.Equal((second.Id, first), (loaded.Id, Assert.Single(loaded.Predecessors)));
    }

    [Fact]
    public void Rotate_MissingLinkOrDirectory_IsAnErrorAndNothingChanges()
    {
        Assert.Equal(MesharaErrorCode.IdentityFile, Assert.Throws<MesharaException>(() => NodeIdentity.Rotate(File1)).Code);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
        Assert.Equal(MesharaErrorCode.IdentityFile, Assert.Throws<MesharaException>(() => NodeIdentity.Rotate(_folder.Path)).Code);
        Mode.Require();
        NodeId id = Make();
        File.CreateSymbolicLink(_folder["link.pem"], File1);

        MesharaException e = Assert.Throws<MesharaException>(() => NodeIdentity.Rotate(_folder["link.pem"]));

        Assert.Equal(MesharaErrorCode.IdentityFile, e.Code);
        Assert.Contains(File1, e.Message, StringComparison.Ordinal);
        using NodeIdentity loaded = NodeIdentity.Load(File1);
        Assert.Equal(id, loaded.Id);
        Assert.Empty(loaded.Predecessors);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(31)]
    public void Rotate_OverlapOutOfRange_ThrowsAndNothingChanges(int days)
    {
        NodeId id = Make();
        Assert.Throws<ArgumentOutOfRangeException>(() => NodeIdentity.Rotate(File1, overlap: TimeSpan.FromDays(days)));
        using NodeIdentity loaded = NodeIdentity.Load(File1);
        Assert.Equal(id, loaded.Id);
    }

    [Fact]
    public async Task Rotate_ReadAtEveryMoment_IsOneOfTheTwoKeysWhole()
    {
        HashSet<NodeId> ids = [Make()];
        using CancellationTokenSource done = new();
        Task<List<NodeId>> reading = Task.Run(() =>
        {
            // What a reader can see at any moment is what a crash at that moment leaves.
            List<NodeId> seen = [];
            do
            {
                using NodeIdentity identity = NodeIdentity.Load(File1);
                seen.Add(identity.Id);
            }
            while (!done.IsCancellationRequested);
            return seen;
        });
        for (int i = 0; i < 40; i++)
        {
            using NodeIdentity next = NodeIdentity.Rotate(File1);
            ids.Add(next.Id);
        }

        await done.CancelAsync();
        Assert.All(await reading.WaitAsync(NodeBed.Guard), id => Assert.Contains(id, ids));
        Assert.Equal([File1], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Rotate_CrashedBeforeTheRename_TheOldKeyIsThereAndTheNextTrySucceeds()
    {
        NodeId first = Make();
        string left = $"{File1}.{Environment.ProcessId}-0.tmp";
        File.WriteAllText(left, "-----BEGIN PRIVATE KEY-----\nMIGHAgEA");

        using (NodeIdentity loaded = NodeIdentity.Load(File1))
        {
            Assert.Equal(first, loaded.Id);
        }

        using NodeIdentity second = NodeIdentity.Rotate(File1);
        Assert.Equal([first], second.Predecessors);
    }

    [Fact]
    public void Load_BlocksDamagedOrNotLeadingToTheKey_IsAnErrorAndTheFileIsLeft()
    {
        _ = Make();
        NodeIdentity.Rotate(File1).Dispose();
        NodeIdentity.Rotate(File1).Dispose();
        string[] blocks = [.. File.ReadAllText(File1).Split("-----BEGIN ", StringSplitOptions.RemoveEmptyEntries).Select(b => "-----BEGIN " + b)];
        Assert.Equal(3, blocks.Length);
        (string key, string older, string newer) = (blocks[0], blocks[1], blocks[2]);
        using NodeIdentity other = NodeIdentity.Create();
        other.Save(_folder["other.pem"]);
        char[] flipped = newer.ToCharArray();
        int at = newer.IndexOf('\n', StringComparison.Ordinal) + 5;
        flipped[at] = flipped[at] == 'A' ? 'B' : 'A';

        string[] wrong =
        [
            key + newer + older,
            key + older,
            key + older + newer + newer,
            File.ReadAllText(_folder["other.pem"]) + older + newer,
            key + older + newer[..^40],
            key + older + new string(flipped),
            key + older + newer.Replace("\n-----END", "AAAA\n-----END", StringComparison.Ordinal),
        ];
        foreach (string text in wrong)
        {
            File.WriteAllText(File1, text);
            Assert.Equal(MesharaErrorCode.IdentityFile, Assert.Throws<MesharaException>(() => NodeIdentity.Load(File1)).Code);
            Assert.Equal(text, File.ReadAllText(File1));
        }

        // The newest alone leads to the key too, and so does another order of the blocks of different kinds.
        foreach (string text in new[] { key + newer, older + newer + key, key })
        {
            File.WriteAllText(File1, text);
            NodeIdentity.Load(File1).Dispose();
        }
    }

    [Fact]
    public void Save_RotatedIdentity_KeepsWhoItWas()
    {
        NodeId first = Make();
        using NodeIdentity second = NodeIdentity.Rotate(File1);

        second.Save(_folder["copy.pem"], "correct horse");

        using NodeIdentity copy = NodeIdentity.Load(_folder["copy.pem"], "correct horse");
        Assert.Equal((second.Id, first), (copy.Id, Assert.Single(copy.Predecessors)));
    }

    [Fact]
    public void RotateIn_NoIdentityThere_IsAnErrorAndCreatesNothing()
    {
        foreach (string data in new[] { _folder["typo"], _folder.Path })
        {
            MesharaException e = Assert.Throws<MesharaException>(() => NodeIdentity.RotateIn(data));
            Assert.Equal(MesharaErrorCode.IdentityFile, e.Code);
            Assert.Contains(Path.Combine(data, "identity.pem"), e.Message, StringComparison.Ordinal);
        }

        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task RotateIn_DirectoryInUse_IsAnError()
    {
        await using Node node = await Node.StartAsync(new NodeOptions { Mesh = "test", DataDirectory = _folder["data"], Transport = new MemoryTransport() });

        Assert.Equal(MesharaErrorCode.DataDirectoryInUse, Assert.Throws<MesharaException>(() => NodeIdentity.RotateIn(_folder["data"])).Code);

        NodeId id = node.Id;
        await node.DisposeAsync();
        using NodeIdentity renewed = NodeIdentity.RotateIn(_folder["data"]);
        Assert.Equal([id], renewed.Predecessors);
    }

    private NodeId Make()
    {
        using NodeIdentity identity = NodeIdentity.LoadOrCreate(File1);
        return identity.Id;
    }
}
