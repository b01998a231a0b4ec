using System.Diagnostics;
using Meshara.Storage;
using Xunit;

namespace Meshara.Tests.Storage;

public sealed class DataDirectoryTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private string Data => _folder["data"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Open_Missing_CreatedForTheOwnerOnly()
    {
        using DataDirectory directory = DataDirectory.Open(Path.Combine(Data, "deep"));
        Assert.Equal(Path.Combine(Data, "deep"), directory.Path);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(Mode.Directory, Mode.Of(directory.Path));
            Assert.All(Directory.GetFiles(directory.Path), f => Assert.Equal(Mode.File, Mode.Of(f)));
        }
    }

    [Fact]
    public void Open_RelativeOrWithSlash_PathsAreFull()
    {
        using DataDirectory directory = DataDirectory.Open(Data + Path.DirectorySeparatorChar);
        Assert.Equal(Data, directory.Path);
        Assert.Equal(Path.Combine(Data, "identity.pem"), directory.IdentityPath);
        Assert.Equal(Path.Combine(Data, "known_peers"), directory.KnownPeersPath);
        Assert.Equal(directory.IdentityPath, DataDirectory.IdentityPathOf(Data));
        Assert.Equal(directory.KnownPeersPath, DataDirectory.KnownPeersPathOf(Data));
    }

    [Theory]
    [InlineData(UnixFileMode.GroupWrite)]
    [InlineData(UnixFileMode.OtherWrite)]
    public void Open_WritableByOthers_ErrorAndNothingWritten(UnixFileMode right)
    {
        Mode.Require();
        Directory.CreateDirectory(Data);
        Mode.Set(Data, Mode.Directory | right);
        MesharaException e = Assert.Throws<MesharaException>(() => DataDirectory.Open(Data));
        Assert.Equal(MesharaErrorCode.DataDirectory, e.Code);
        Assert.Contains($"chmod 700 '{Data}'", e.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(Data));
        Assert.Equal(Mode.Directory | right, Mode.Of(Data));
    }

    [Fact]
    public void Open_ReadableByOthers_IsAccepted()
    {
        Mode.Require();
        Directory.CreateDirectory(Data);
        Mode.Set(Data, Mode.Directory | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        DataDirectory.Open(Data).Dispose();
    }

    [Fact]
    public void Open_File_Error()
    {
        File.WriteAllText(Data, "");
        AssertRefused(Data, "is a file");
        AssertRefused(Path.Combine(Data, "below"), "cannot be created");
    }

    [Fact]
    public void Open_LockIsADirectory_Error()
    {
        Directory.CreateDirectory(Path.Combine(Data, "lock"));
        Mode.Set(Data, Mode.Directory);
        AssertRefused(Data, "cannot be locked");
    }

    [Fact]
    public void Open_Twice_SecondSaysWhoHoldsIt()
    {
        using DataDirectory first = DataDirectory.Open(Data);
        MesharaException e = Assert.Throws<MesharaException>(() => DataDirectory.Open(Data));
        Assert.Equal(MesharaErrorCode.DataDirectoryInUse, e.Code);
        Assert.True(e.IsTransient);
        Assert.Contains(Data, e.Message, StringComparison.Ordinal);
        Assert.Contains($"process {Environment.ProcessId} ({DataDirectory.ProgramName(Environment.ProcessPath, AppDomain.CurrentDomain.FriendlyName)}) on {Environment.MachineName}", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_AfterDispose_Succeeds()
    {
        for (int i = 0; i < 3; i++)
            DataDirectory.Open(Data).Dispose();

        Assert.Equal([Path.Combine(Data, "lock")], Directory.GetFileSystemEntries(Data));
    }

    [Theory]
    [InlineData("/usr/bin/meshara", "meshara")]
    [InlineData("/opt/app/Meshara.Cli", "Meshara.Cli")]
    [InlineData("/opt/app/meshara.exe", "meshara")]
    [InlineData("/usr/share/dotnet/dotnet", "Assembly.Name")]
    [InlineData("/usr/share/dotnet/dotnet.exe", "Assembly.Name")]
    [InlineData(null, "Assembly.Name")]
    public void ProgramName_Executable_IsWhatTheUserStarts(string? path, string expected) =>
        Assert.Equal(expected, DataDirectory.ProgramName(path, "Assembly.Name"));

    [Fact]
    public void Open_StaleOwner_IsHarmless()
    {
        Directory.CreateDirectory(Data);
        Mode.Set(Data, Mode.Directory);
        File.WriteAllText(Path.Combine(Data, "lock"), "");
        File.WriteAllText(Path.Combine(Data, "lock.owner"), "process 1 (crashed) on here");
        using DataDirectory directory = DataDirectory.Open(Data);
        MesharaException e = Assert.Throws<MesharaException>(() => DataDirectory.Open(Data));
        Assert.Contains($"process {Environment.ProcessId} ", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("\e[31mred\n")]
    public void Open_TwiceAndOwnerUnreadable_SaysAnotherProcess(string? owner)
    {
        using DataDirectory first = DataDirectory.Open(Data);
        string path = Path.Combine(Data, "lock.owner");
        File.Delete(path);
        if (owner is not null)
            File.WriteAllText(path, owner);

        MesharaException e = Assert.Throws<MesharaException>(() => DataDirectory.Open(Data));
        Assert.Contains("in use by another process.", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_HeldByAnotherProcess_RefusedUntilThatProcessIsKilled()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "flock(1) of util-linux is needed.");
        DataDirectory.Open(Data).Dispose();
        using Process other = Tool.Start("flock", "--no-fork", Path.Combine(Data, "lock"), "sh", "-c", "echo held; exec cat");
        try
        {
            Assert.Equal("held", await other.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(30)));
            MesharaException e = Assert.Throws<MesharaException>(() => DataDirectory.Open(Data));
            Assert.Equal(MesharaErrorCode.DataDirectoryInUse, e.Code);
        }
        finally
        {
            other.Kill(entireProcessTree: true);
            await other.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30));
        }

        using DataDirectory free = DataDirectory.Open(Data);
    }

    [Fact]
    public async Task Open_Held_AnotherProcessCannotLockIt()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "flock(1) of util-linux is needed.");
        string path = Path.Combine(Data, "lock");
        using (DataDirectory directory = DataDirectory.Open(Data))
            Assert.Equal(9, (await Tool.RunAsync("flock", "--nonblock", "--conflict-exit-code", "9", path, "true")).ExitCode);

        Assert.Equal(0, (await Tool.RunAsync("flock", "--nonblock", "--conflict-exit-code", "9", path, "true")).ExitCode);
    }

    private static void AssertRefused(string path, string expected)
    {
        MesharaException e = Assert.Throws<MesharaException>(() => DataDirectory.Open(path));
        Assert.Equal(MesharaErrorCode.DataDirectory, e.Code);
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        Assert.Contains(path, e.Message, StringComparison.Ordinal);
    }
}
