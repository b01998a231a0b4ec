using System.Collections.Concurrent;
using System.Diagnostics;
using Meshara.Tests;
using Meshara.Tests.Support;
using Meshara.Tests.Tidy;
using Xunit;

namespace Meshara.Mdns.Tests.Support;

/// <summary>tests/Meshara.MdnsHost in a process of its own, in a network namespace; built beside this suite in the same configuration.</summary>
internal sealed class MdnsHost : IAsyncDisposable
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly ConcurrentQueue<string[]> _lines = new();
    private readonly Task<string> _errors;
    private readonly Task _reading;

    private MdnsHost(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync();
        _reading = ReadAsync();
    }

    /// <summary>All that it said, each line in its parts.</summary>
    public IReadOnlyCollection<string[]> Lines => _lines;

    /// <summary>Starts it and waits until it is ready.</summary>
    public static async Task<MdnsHost> StartAsync(NetworkNamespace network, params string[] arguments)
    {
        string[] command = HelperProgram.Command("Meshara.MdnsHost", arguments);
        MdnsHost host = new(network.Start(command[0], command[1..]));
        await host.SaysAsync("ready");
        return host;
    }

    /// <summary>Starts python-zeroconf (tests/interop/zeroconf_host.py), which says and obeys the same, and waits until it is ready. Skipped where it is missing.</summary>
    public static async Task<MdnsHost> StartZeroconfAsync(NetworkNamespace network, params string[] arguments)
    {
        // The system's own: that is whose packages are Debian's.
        const string Python = "/usr/bin/python3";
        Assert.SkipUnless(File.Exists(Python) && (await Tool.RunAsync(Python, "-c", "import zeroconf")).ExitCode == 0, "Missing: python-zeroconf; apt-get install python3-zeroconf.");
        MdnsHost host = new(network.Start(Python, ["-B", Repository.Absolute("tests/interop/zeroconf_host.py"), .. arguments]));
        await host.SaysAsync("ready");
        return host;
    }

    /// <summary>Now, on the clock that all processes of the machine share.</summary>
    public static TimeSpan Now() => TimeSpan.FromSeconds(TimeProvider.System.GetTimestamp() / (double)TimeProvider.System.TimestampFrequency);

    /// <summary>Tells what a test measured.</summary>
    public static void Print(string line) => TestContext.Current.TestOutputHelper?.WriteLine(line);

    /// <summary>When it said a line, on that clock.</summary>
    public static TimeSpan TimeOf(string[] line) => TimeSpan.FromSeconds(double.Parse(line[^1]));

    /// <summary>Waits until it says a line that begins so; that line.</summary>
    public Task<string[]> SaysAsync(params string[] parts) => SaysAsync(line => line.Length >= parts.Length && line.AsSpan(0, parts.Length).SequenceEqual(parts));

    /// <summary>Waits until it says such a line; that line.</summary>
    public async Task<string[]> SaysAsync(Func<string[], bool> isIt)
    {
        using CancellationTokenSource guard = new(Guard, TimeProvider.System);
        while (true)
        {
            if (_lines.FirstOrDefault(isIt) is { } line)
                return line;
            if (guard.IsCancellationRequested || (_process.HasExited && _reading.IsCompleted))
                throw new InvalidOperationException($"The host did not say it. It said:\n{string.Join('\n', _lines.Select(static l => string.Join(' ', l)))}\n{(_errors.IsCompleted ? await _errors : "")}");
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
        }
    }

    /// <summary>How a link of it fares now; null: it does not use it.</summary>
    public async Task<HostLink?> LinkAsync(string name, string family) => (await LinksAsync()).FirstOrDefault(l => l.Name == name && l.Family == family);

    /// <summary>How all its links fare now.</summary>
    public async Task<IReadOnlyList<HostLink>> LinksAsync()
    {
        int before = _lines.Count(static l => l[0] == "end");
        await TellAsync("state");
        await SaysAsync(_ => _lines.Count(static l => l[0] == "end") > before);
        string[][] all = [.. _lines];
        int last = Array.FindLastIndex(all, static l => l[0] == "end");
        int first = Array.FindLastIndex(all, last - 1, static l => l[0] == "end");
        return [.. all[(first + 1)..last].Where(static l => l[0] == "state")
            .Select(static l => new HostLink(l[1], l[2], l[3] == "joined", long.Parse(l[4]), long.Parse(l[5]), long.Parse(l[6]), l[7] == "shared", l[8], l[9], l[10].Split(' ')))];
    }

    /// <summary>Waits until a link fares so.</summary>
    public Task UntilAsync(string name, string family, Func<HostLink?, bool> holds) => Eventually.TrueAsync(async () => holds(await LinkAsync(name, family)));

    public async Task TellAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync();
    }

    /// <summary>It says goodbye and ends.</summary>
    public async Task QuitAsync()
    {
        await TellAsync("quit");
        await _process.WaitForExitAsync().WaitAsync(Guard);
    }

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync().WaitAsync(Guard);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            await KillAsync();
        await _reading.WaitAsync(Guard);
        await _errors.WaitAsync(Guard);
        _process.Dispose();
    }

    private async Task ReadAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
            _lines.Enqueue(line.Split('\t'));
    }
}

/// <summary>A link as a host tells of it.</summary>
internal sealed record HostLink(string Name, string Family, bool IsJoined, long Sent, long Heard, long LoopedBack, bool IsShared, string SendError, string JoinError, string[] Addresses);
