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
    private static Process Start(string line)
    {
        ProcessStartInfo start = new("/bin/bash", ["--norc", "-c", $"exec \"$DOTNET\" \"$DLL\" {line}"]) { UseShellExecute = false, RedirectStandardError = true };
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
