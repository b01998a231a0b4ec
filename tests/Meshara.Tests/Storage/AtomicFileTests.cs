using System.Text;
using Meshara.Storage;
using Xunit;

namespace Meshara.Tests.Storage;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void TryCreate_Existing_LeavesItAlone()
    {
        File.WriteAllText(_folder["f"], "old");
        Assert.False(AtomicFile.TryCreate(_folder["f"], "new"u8));
        Assert.Equal("old", File.ReadAllText(_folder["f"]));
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void TryCreate_Directory_IsFalse()
    {
        Directory.CreateDirectory(_folder["f"]);
        Assert.False(AtomicFile.TryCreate(_folder["f"], "new"u8));
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Replace_ExistingOpenToOthers_IsPrivateAfterwards()
    {
        File.WriteAllText(_folder["f"], "old");
        Mode.Set(_folder["f"], Mode.File | UnixFileMode.OtherRead);
        AtomicFile.Replace(_folder["f"], "new"u8);
        Assert.Equal("new", File.ReadAllText(_folder["f"]));
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
        if (!OperatingSystem.IsWindows())
            Assert.Equal(Mode.File, Mode.Of(_folder["f"]));
    }

    // Killed before any step there is the old file or the new one, whole; the next write works, whatever was left.
    [Theory]
    [MemberData(nameof(Steps))]
    public void BeforeStep_Killed_OldOrNewWholeAndTheNextWriteWorks(string how, string before)
    {
        AtomicStep step = Enum.Parse<AtomicStep>(before);
        string path = _folder["f"];
        bool isNew = how == nameof(AtomicFile.TryCreate);
        if (!isNew)
            File.WriteAllText(path, "old");

        WithHook(path, (_, at) =>
        {
            if (at == step)
                throw new KilledException(step);
        }, () => Assert.Throws<KilledException>(() => Write(how, path)));

        string? left = File.Exists(path) ? File.ReadAllText(path) : null;
        Assert.Equal(step == AtomicStep.SyncDirectory ? "new" : isNew ? null : "old", left);
        bool hasTemporary = Directory.GetFiles(_folder.Path, "*.tmp").Length > 0;
        Assert.Equal(step != AtomicStep.CreateTemporary && (step != AtomicStep.SyncDirectory || isNew), hasTemporary);
        AtomicFile.Replace(path, "newer"u8);
        Assert.Equal("newer", File.ReadAllText(path));
    }

    [Theory]
    [InlineData(nameof(AtomicFile.TryCreate))]
    [InlineData(nameof(AtomicFile.Replace))]
    [InlineData(nameof(AtomicFile.Rewrite))]
    public void BeforeStep_Write_EveryStepOnceInOrder(string how)
    {
        List<AtomicStep> seen = [];
        if (how == nameof(AtomicFile.Rewrite))
            File.WriteAllText(_folder["f"], "old");

        WithHook(_folder["f"], (_, step) => seen.Add(step), () => Write(how, _folder["f"]));
        Write(how, _folder["f"]);

        Assert.Equal(Enum.GetValues<AtomicStep>(), seen);
    }

    public static TheoryData<string, string> Steps()
    {
        TheoryData<string, string> all = [];
        foreach (string how in new[] { nameof(AtomicFile.TryCreate), nameof(AtomicFile.Replace), nameof(AtomicFile.Rewrite) })
        {
            foreach (AtomicStep step in Enum.GetValues<AtomicStep>())
                all.Add(how, step.ToString());
        }

        return all;
    }

    private static void Write(string how, string path)
    {
        switch (how)
        {
            case nameof(AtomicFile.TryCreate):
                AtomicFile.TryCreate(path, "new"u8);
                break;
            case nameof(AtomicFile.Replace):
                AtomicFile.Replace(path, "new"u8);
                break;
            default:
                AtomicFile.Rewrite(path, "new"u8);
                break;
        }
    }

    // Other tests write files of their own beside this one.
    private static void WithHook(string own, Action<string, AtomicStep> hook, Action work)
    {
        AtomicFile.BeforeStep = (path, step) =>
        {
            if (path == own)
                hook(path, step);
        };
        try
        {
            work();
        }
        finally
        {
            AtomicFile.BeforeStep = null;
        }
    }

    [Fact]
    public async Task Rewrite_FileOfAnotherUser_StaysItsOwnersWithItsMode()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "Only root can give files away.");
        await File.WriteAllTextAsync(_folder["f"], "old");
        Mode.Set(_folder["f"], Mode.File | UnixFileMode.GroupRead);
        await Tool.OutputOfAsync("chown", "1234:2345", _folder["f"]);
        File.CreateSymbolicLink(_folder["link"], _folder["f"]);

        AtomicFile.Rewrite(_folder["link"], "new"u8);

        Assert.Equal("new", await File.ReadAllTextAsync(_folder["f"]));
        Assert.Equal("1234:2345 640", Encoding.ASCII.GetString(await Tool.OutputOfAsync("stat", "-c", "%u:%g %a", _folder["f"])).TrimEnd());
        Assert.NotNull(File.ResolveLinkTarget(_folder["link"], returnFinalTarget: false));
    }

    [Fact]
    public void Replace_CannotRename_ThrowsAndLeavesNoTemporary()
    {
        Directory.CreateDirectory(_folder["f"]);
        File.WriteAllText(Path.Combine(_folder["f"], "inside"), "kept");
        Assert.ThrowsAny<Exception>(() => AtomicFile.Replace(_folder["f"], "new"u8));
        Assert.Equal([_folder["f"]], Directory.GetFileSystemEntries(_folder.Path));
        Assert.Equal("kept", File.ReadAllText(Path.Combine(_folder["f"], "inside")));
    }

    [Fact]
    public void Replace_MissingDirectory_Throws() =>
        Assert.ThrowsAny<IOException>(() => AtomicFile.Replace(Path.Combine(_folder["none"], "f"), "new"u8));

    [Fact]
    public void HardLink_TryCreate_TakesAFreeNameOnly()
    {
        Mode.Require();
        File.WriteAllText(_folder["f"], "new");
        File.WriteAllText(_folder["taken"], "old");
        File.CreateSymbolicLink(_folder["dangling"], _folder["none"]);
        Assert.True(HardLink.TryCreate(_folder["f"], _folder["free"]));
        Assert.False(HardLink.TryCreate(_folder["f"], _folder["taken"]));
        Assert.False(HardLink.TryCreate(_folder["f"], _folder["dangling"]));
        Assert.Null(HardLink.TryCreate(_folder["f"], Path.Combine(_folder["nowhere"], "f")));
        Assert.Equal("new", File.ReadAllText(_folder["free"]));
        Assert.Equal("old", File.ReadAllText(_folder["taken"]));
    }

    [Fact]
    public void TryCreate_DanglingLink_LeavesItAlone()
    {
        File.CreateSymbolicLink(_folder["f"], _folder["none"]);
        Assert.False(AtomicFile.TryCreate(_folder["f"], "new"u8));
        Assert.Equal([_folder["f"]], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void TryWriteInPlace_NoHardLinks_CreatesPrivatelyAndNeverReplaces()
    {
        Assert.True(AtomicFile.TryWriteInPlace(_folder["f"], "new"u8));
        Assert.False(AtomicFile.TryWriteInPlace(_folder["f"], "other"u8));
        Assert.Equal("new", File.ReadAllText(_folder["f"]));
        if (!OperatingSystem.IsWindows())
            Assert.Equal(Mode.File, Mode.Of(_folder["f"]));
    }

    [Fact]
    public void DirectorySync_Flush_ReachesTheDirectory()
    {
        Mode.Require();
        Assert.True(DirectorySync.Flush(_folder.Path));
        Assert.False(DirectorySync.Flush(_folder["none"]));
    }

    [Fact]
    public async Task Replace_ReadersMeanwhile_SeeOldOrNewWhole()
    {
        string path = _folder["f"];
        byte[][] versions = [.. Enumerable.Range(0, 2).Select(i => Enumerable.Repeat((byte)i, 100_000).ToArray())];
        AtomicFile.Replace(path, versions[0]);
        using CancellationTokenSource done = new();
        Task<int> reader = Task.Run(() =>
        {
            int reads = 0;
            do
            {
                byte[] seen = File.ReadAllBytes(path);
                Assert.Equal(100_000, seen.Length);
                Assert.Equal(-1, seen.AsSpan().IndexOfAnyExcept(seen[0]));
                reads++;
            }
            while (!done.IsCancellationRequested);
            return reads;
        });
        for (int i = 0; i < 50; i++)
            AtomicFile.Replace(path, versions[i % 2]);

        await done.CancelAsync();
        Assert.True(await reader.WaitAsync(TimeSpan.FromSeconds(30)) > 0);
    }
}
