using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

/// <summary>Four processes: two nodes, two pipes, files at both ends.</summary>
[Collection(nameof(Child))]
public sealed class PipeProcessTests : IDisposable
{
    private const long Most = 150 << 20;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>64 MiB; <c>MESHARA_PIPE_MIB=1024</c> makes it the gigabyte.</summary>
    [Fact]
    public async Task Pipe_ALargeFile_ArrivesWholeAndNoProcessGrows()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/bin/bash"), "Needs Linux and bash.");
        long length = long.Parse(Environment.GetEnvironmentVariable("MESHARA_PIPE_MIB") ?? "64", CultureInfo.InvariantCulture) << 20;
        byte[] sent = await WriteAsync(_folder["in"], length);
        await using Child alice = Child.Start("run", "--json", "--open", "--listen", "127.0.0.1:0", "--data", _folder["alice"]);
        string address = (await alice.EventAsync("listening")).GetProperty("address").GetString()!;
        await using Child bob = Child.Start("run", "--json", "--open", "--listen", "127.0.0.1:0", "--peer", address, "--data", _folder["bob"]);
        string id = (await bob.EventAsync("peer-connected")).GetProperty("peer").GetString()!;

        using Process accept = Start($"pipe --accept --data '{_folder["alice"]}' < /dev/null > '{_folder["out"]}'");
        Assert.Contains("waiting", await accept.StandardError.ReadLineAsync().WaitAsync(CommandBed.Guard), StringComparison.Ordinal);
        long started = TimeProvider.System.GetTimestamp();
        using Process send = Start($"pipe {id} --data '{_folder["bob"]}' < '{_folder["in"]}'");
        long[] peaks = await Task.WhenAll(PeakAsync(accept), PeakAsync(send)).WaitAsync(TimeSpan.FromMinutes(10));
        TimeSpan taken = TimeProvider.System.GetElapsedTime(started);

        Assert.Equal((0, 0, "", ""), (accept.ExitCode, send.ExitCode, await accept.StandardError.ReadToEndAsync(), await send.StandardError.ReadToEndAsync()));
        await using FileStream arrived = File.OpenRead(_folder["out"]);
        Assert.Equal(sent, await SHA256.HashDataAsync(arrived));
        long[] all = [Peak(alice.Id), Peak(bob.Id), .. peaks];
        TestContext.Current.TestOutputHelper?.WriteLine($"{length >> 20} MiB in {taken.TotalSeconds:0.0} s; peaks in KiB: {string.Join(' ', all.Select(static peak => peak >> 10))}");
        Assert.All(all, static peak => Assert.InRange(peak, 1, Most));
    }

    /// <summary>The example of the README in two terminals: nobody touches a keyboard.</summary>
    [Fact]
    public async Task Pipe_AFolderIntoATerminalsShell_EndsByItself()
    {
        await using Child alice = Child.Start("run", "--json", "--open", "--listen", "127.0.0.1:0", "--data", _folder["alice"]);
        string address = (await alice.EventAsync("listening")).GetProperty("address").GetString()!;
        await using Child bob = Child.Start("run", "--json", "--open", "--listen", "127.0.0.1:0", "--peer", address, "--data", _folder["bob"]);
        string id = (await bob.EventAsync("peer-connected")).GetProperty("peer").GetString()!;
        Directory.CreateDirectory(_folder["folder"]);
        byte[] sent = await WriteAsync(_folder["folder/file"], 3 << 20);

        using PseudoTerminal accept = PseudoTerminal.Start(_folder["copy.tar"], "pipe", "--accept", "--data", _folder["alice"]);
        Assert.Contains("waiting", await accept.ErrorLineAsync(), StringComparison.Ordinal);
        using Process send = StartShell($"tar c -C '{_folder.Path}' folder | \"$DOTNET\" \"$DLL\" pipe {id} --data '{_folder["bob"]}'");

        Assert.Equal((0, ""), (await accept.ExitAsync(), await accept.ErrorAsync()));
        await send.WaitForExitAsync().WaitAsync(CommandBed.Guard);
        Assert.Equal((0, ""), (send.ExitCode, await send.StandardError.ReadToEndAsync()));
        await Tool.OutputOfAsync("tar", "x", "-f", _folder["copy.tar"], "-C", Directory.CreateDirectory(_folder["copy"]).FullName);
        await using FileStream arrived = File.OpenRead(_folder["copy/folder/file"]);
        Assert.Equal(sent, await SHA256.HashDataAsync(arrived));
    }

    [Fact]
    public async Task Pipe_CtrlC_SaysHowMuchHadGone()
    {
        await using Child alice = Child.Start("run", "--json", "--open", "--listen", "127.0.0.1:0", "--data", _folder["alice"]);
        string address = (await alice.EventAsync("listening")).GetProperty("address").GetString()!;
        await using Child bob = Child.Start("run", "--json", "--open", "--listen", "127.0.0.1:0", "--peer", address, "--data", _folder["bob"]);
        string id = (await bob.EventAsync("peer-connected")).GetProperty("peer").GetString()!;
        using PseudoTerminal accept = PseudoTerminal.Start(_folder["out"], "pipe", "--accept", "--data", _folder["alice"]);
        Assert.Contains("waiting", await accept.ErrorLineAsync(), StringComparison.Ordinal);
        using PseudoTerminal send = PseudoTerminal.Start(_folder["back"], "pipe", id, "--data", _folder["bob"]);
        await send.TypeAsync("hello\n");
        await Eventually.TrueAsync(() => File.Exists(_folder["out"]) && new FileInfo(_folder["out"]).Length == 6);

        await send.TypeAsync("\x3");

        Assert.Equal((1, 1), (await send.ExitAsync(), await accept.ExitAsync()));
        Assert.Contains("ended by Ctrl-C or a signal after 6 bytes sent and 0 bytes received", await send.ErrorAsync(), StringComparison.Ordinal);
        Assert.Contains("0 bytes sent and 6 bytes received", await accept.ErrorAsync(), StringComparison.Ordinal);
    }

    private static async Task<byte[]> WriteAsync(string path, long length)
    {
        Random random = new(1);
        byte[] piece = new byte[1 << 20];
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using FileStream file = File.Create(path);
        for (long written = 0; written < length; written += piece.Length)
        {
            random.NextBytes(piece);
            hash.AppendData(piece);
            await file.WriteAsync(piece);
        }

        return hash.GetHashAndReset();
    }

    // exec: the process that is looked at is the command itself.
    private static Process Start(string line) => StartShell($"exec \"$DOTNET\" \"$DLL\" {line}");

    private static Process StartShell(string script)
    {
        ProcessStartInfo start = new("/bin/bash", ["--norc", "-c", script]) { UseShellExecute = false, RedirectStandardError = true };
        Child.Quieten(start);
        start.Environment["DOTNET"] = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        start.Environment["DLL"] = Path.Combine(AppContext.BaseDirectory, "Meshara.Cli.dll");
        return Process.Start(start)!;
    }

    private static async Task<long> PeakAsync(Process process)
    {
        long peak = 0;
        while (!process.HasExited)
        {
            peak = Math.Max(peak, Peak(process.Id));
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        }

        return peak;
    }

    // VmHWM, which the kernel keeps; 0 for a process that ends at this moment.
    private static long Peak(int id)
    {
        try
        {
            string? line = File.ReadLines($"/proc/{id}/status").FirstOrDefault(static line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
            return line is null ? 0 : long.Parse(line.AsSpan(6, line.Length - 6 - 2), NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture) << 10;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
