using Meshara.Cli.Running;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Running;

public sealed class SecretFileTests : IDisposable
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(30);

    private readonly TempFolder _folder = new();
    private readonly TestTerminal _terminal = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Read_BlanksLineEndAndBom_AreCutOff() => Assert.Equal("pass word", await ReadAsync("\uFEFF  pass word \r\n"u8.ToArray()));

    [Fact]
    public async Task Read_PrivateFile_WarnsNobody()
    {
        await ReadAsync("secret"u8.ToArray());

        Assert.Equal("", _terminal.Error);
    }

    [Fact]
    public async Task Read_FileThatOthersCanRead_Warns()
    {
        Mode.Require();
        await File.WriteAllTextAsync(_folder["s"], "secret");
        Mode.Set(_folder["s"], Mode.File | UnixFileMode.OtherRead);

        Assert.Equal("secret", await ReadAsync(_folder["s"]));
        Assert.Contains("warning: other users can read", _terminal.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("secret\n", _terminal.Error, StringComparison.Ordinal);
    }

    [Fact]
    public Task Read_Empty_IsAnErrorThatNamesTheFile() => FailsAsync(() => ReadAsync(" \n"u8.ToArray()), "is empty");

    [Fact]
    public Task Read_NotUtf8_IsAnError() => FailsAsync(() => ReadAsync([0xff, 0xfe, 0x41]), "not UTF-8");

    [Fact]
    public Task Read_TooLong_IsAnError() => FailsAsync(() => ReadAsync(new byte[(64 << 10) + 1]), "longer than");

    [Fact]
    public Task Read_Missing_IsAnError() => FailsAsync(() => ReadAsync(_folder["s"]), "cannot be read");

    [Fact]
    public Task Read_Directory_IsAnError() => FailsAsync(() => ReadAsync(_folder.Path), "is a directory. Name a regular file or a pipe.");

    [Fact]
    public async Task Read_Device_IsAnError()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The kind of a file is told by statx, which is of Linux.");
        CliException e = await Assert.ThrowsAsync<CliException>(() => ReadAsync("/dev/zero"));
        Assert.Equal("The secret file /dev/zero is a device or a socket. Name a regular file or a pipe.", e.Message);
    }

    [Fact]
    public async Task Read_Pipe_IsReadToItsEnd()
    {
        await Fifo.MakeAsync(_folder["s"]);

        Task<string> reading = ReadAsync(_folder["s"]);
        await Task.Run(() => File.WriteAllText(_folder["s"], " from a pipe \n")).WaitAsync(Guard);

        Assert.Equal("from a pipe", await reading.WaitAsync(Guard));
    }

    [Fact]
    public async Task Read_PipeThatNobodyWritesTo_FailsAfterTenSeconds()
    {
        await Fifo.MakeAsync(_folder["s"]);
        ManualTimeProvider time = new();
        Task<string> reading = SecretFile.ReadAsync(_folder["s"], "secret", new TestTerminal(time: time).Terminal, CancellationToken.None);

        time.Advance(TimeSpan.FromSeconds(9));
        Assert.False(reading.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(1));

        await FailsAsync(() => reading.WaitAsync(Guard), "within 10 s");
        await FreeAsync();
    }

    [Fact]
    public async Task Read_PipeAndCancelled_EndsAtOnce()
    {
        await Fifo.MakeAsync(_folder["s"]);
        using CancellationTokenSource stop = new();
        Task<string> reading = SecretFile.ReadAsync(_folder["s"], "secret", _terminal.Terminal, stop.Token);

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading.WaitAsync(Guard));
        await FreeAsync();
    }

    [Fact]
    public async Task Read_TooLongFromAPipe_IsAnError()
    {
        await Fifo.MakeAsync(_folder["s"]);

        Task<string> reading = ReadAsync(_folder["s"]);
        Task writing = Task.Run(() => File.WriteAllBytes(_folder["s"], new byte[1 << 20]));

        await FailsAsync(() => reading.WaitAsync(Guard), "longer than");

        // Its reader is gone.
        await Assert.ThrowsAnyAsync<IOException>(() => writing.WaitAsync(Guard));
    }

    // The thread that waits for a writer goes on when there is one.
    private Task FreeAsync() => Task.Run(() => File.WriteAllText(_folder["s"], "")).WaitAsync(Guard);

    private async Task FailsAsync(Func<Task> read, string why)
    {
        CliException e = await Assert.ThrowsAsync<CliException>(read);
        Assert.Contains(why, e.Message, StringComparison.Ordinal);
        Assert.Contains(_folder.Path, e.Message, StringComparison.Ordinal);
    }

    private Task<string> ReadAsync(string path) => SecretFile.ReadAsync(path, "secret", _terminal.Terminal, CancellationToken.None);

    private async Task<string> ReadAsync(byte[] bytes)
    {
        await File.WriteAllBytesAsync(_folder["s"], bytes);
        Mode.Set(_folder["s"], Mode.File);
        return await ReadAsync(_folder["s"]);
    }
}
