using System.Text;
using Meshara.Discovery;
using Xunit;

namespace Meshara.Tests.Discovery;

public sealed class StaticPeersFileTests : IDisposable
{
    private static readonly string A = string.Concat(Enumerable.Repeat("0a", NodeId.Size));
    private static readonly string B = string.Concat(Enumerable.Repeat("0b", NodeId.Size));

    private readonly TempFolder _folder = new();
    private readonly StaticPeersFile _file;

    public StaticPeersFileTests() => _file = new StaticPeersFile(Path);

    private string Path => _folder["peers.json"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_Missing_IsNothing()
    {
        Assert.Null(_file.Read());
        Assert.False(_file.Stamp().Exists);
    }

    [Fact]
    public void T1_BadJson_NamesFileLineAndColumnAndLeavesItAsItWas()
    {
        File.WriteAllText(Path, "{ \"static_peers\": [\n  { \"address\": \"host:1\" } ] }");

        MesharaException e = Assert.Throws<MesharaException>(() => _file.Read());

        Assert.Equal(MesharaErrorCode.StaticPeersFile, e.Code);
        Assert.Contains($"Static peers file '{Path}': line 2, column 16: ", e.Message, StringComparison.Ordinal);
        Assert.StartsWith("{ \"static_peers\"", File.ReadAllText(Path), StringComparison.Ordinal);
    }

    [Fact]
    public void T4_SixtyFourMebibytes_IsRefusedUnread()
    {
        using (FileStream large = File.Create(Path))
        {
            large.SetLength(64 << 20);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("are the most", Assert.Throws<MesharaException>(() => _file.Read()).Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
    }

    [Fact]
    public void Read_Directory_IsRefused()
    {
        Directory.CreateDirectory(Path);
        Assert.Contains("is a directory", Assert.Throws<MesharaException>(() => _file.Read()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Read_Pipe_IsRefusedAtOnce()
    {
        await Fifo.MakeAsync(Path);

        // Nobody ever writes into it: to open it would take for ever.
        Task<(FileStamp, MesharaException)> reading = Task.Run(() => (_file.Stamp(), Assert.Throws<MesharaException>(() => _file.Read())));
        (FileStamp stamp, MesharaException e) = await reading.WaitAsync(TimeSpan.FromSeconds(30));

        Assert.False(stamp.Exists);
        Assert.Equal($"Static peers file '{Path}': it is a pipe. Name a regular file.", e.Message);
    }

    [Fact]
    public async Task Read_Device_IsRefused()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The kind of a file is told by statx, which is of Linux.");
        Task<MesharaException> reading = Task.Run(() => Assert.Throws<MesharaException>(() => new StaticPeersFile("/dev/zero").Read()));
        Assert.Contains("it is a device or a socket. Name a regular file", (await reading.WaitAsync(TimeSpan.FromSeconds(30))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_WritableByEverybody_IsRefusedByItsGroupNot()
    {
        Mode.Require();
        Write("x:1");
        Mode.Set(Path, Mode.File | UnixFileMode.GroupWrite);
        Assert.NotNull(_file.Read());

        Mode.Set(Path, Mode.File | UnixFileMode.OtherWrite);
        Assert.Contains("chmod o-w", Assert.Throws<MesharaException>(() => _file.Read()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_Moved_OneValueChangesAndTheRightsStay()
    {
        Write("10.0.0.1:1");
        string before = File.ReadAllText(Path);
        if (!OperatingSystem.IsWindows())
        {
            Mode.Set(Path, Mode.File | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        }

        StaticPeersContent read = _file.Read()!;
        Assert.Equal("10.0.0.1:2", _file.Write(read, [(read.Peers[0], PeerAddress.Parse("10.0.0.1:2"))])!.Peers[0].Address.HostAndPort);

        Assert.Equal(before.Replace("10.0.0.1:1", "10.0.0.1:2", StringComparison.Ordinal), File.ReadAllText(Path));
        Assert.Equal([Path], Directory.GetFileSystemEntries(_folder.Path));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(Mode.File | UnixFileMode.GroupRead | UnixFileMode.OtherRead, Mode.Of(Path));
        }
    }

    [Fact]
    public void Write_ThroughALink_TheLinkStays()
    {
        Mode.Require();
        Directory.CreateDirectory(_folder["real"]);
        string real = System.IO.Path.Combine(_folder["real"], "p.json");
        File.CreateSymbolicLink(Path, "real/p.json");
        Write("x:1", real);

        StaticPeersContent read = _file.Read()!;
        _file.Write(read, [(read.Peers[0], PeerAddress.Parse("x:2"))]);

        Assert.NotNull(new FileInfo(Path).LinkTarget);
        Assert.Contains("x:2", File.ReadAllText(real), StringComparison.Ordinal);
    }

    [Fact]
    public void Write_ChangedSinceItWasRead_IsNotOverwritten()
    {
        Write("x:1");
        StaticPeersContent read = _file.Read()!;
        Write("y:1");

        Assert.Null(_file.Write(read, [(read.Peers[0], PeerAddress.Parse("x:2"))]));
        Assert.Contains("y:1", File.ReadAllText(Path), StringComparison.Ordinal);
    }

    [Fact]
    public void Write_AddressOfAnotherEntry_IsRefusedAndTheFileStays()
    {
        File.WriteAllText(Path, $"{{ \"static_peers\": [ {{ \"address\": \"{A}@x:1\" }}, {{ \"address\": \"{B}@y:1\" }} ] }}");
        byte[] before = File.ReadAllBytes(Path);
        StaticPeersContent read = _file.Read()!;

        Assert.Contains("claimed", Assert.Throws<MesharaException>(() => _file.Write(read, [(read.Peers[0], PeerAddress.Parse("y:1"))])).Message, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(Path));
    }

    // As many editors do it: the stamp sees a file of the same length in the place of the old.
    [Fact]
    public void Stamp_ReplacedByAnotherOfTheSameTime_IsAnother()
    {
        Write("x:1");
        FileStamp before = _file.Stamp();
        DateTime written = File.GetLastWriteTimeUtc(Path);
        File.WriteAllText(Path, File.ReadAllText(Path) + " ", Encoding.UTF8);
        File.SetLastWriteTimeUtc(Path, written);

        Assert.NotEqual(before, _file.Stamp());
        File.Delete(Path);
        Assert.NotEqual(before, _file.Stamp());
    }

    private void Write(string address, string? path = null) => File.WriteAllText(path ?? Path, $"{{ \"static_peers\": [\n  {{ \"more\": 1, \"address\": \"{A}@{address}\" }}\n] }}\n");
}
