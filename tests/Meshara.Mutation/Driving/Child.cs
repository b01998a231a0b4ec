using System.Diagnostics;
using System.Threading.Channels;

namespace Meshara.Mutation.Driving;

/// <summary>One process that runs tests, seen from its parent: it is asked, waited for within limits, and killed beyond them.</summary>
internal sealed class Child : IAsyncDisposable
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);

    private readonly Process _process;
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
    private readonly Task _reading;

    private Child(Process process)
    {
        _process = process;
        _reading = ReadAsync();
    }

    /// <summary>How many tests it knows.</summary>
    public int Tests { get; private set; }

    /// <summary>Processor time it has used; zero once it is gone.</summary>
    public TimeSpan Used
    {
        get
        {
            try
            {
                _process.Refresh();
                return _process.TotalProcessorTime;
            }
            catch (InvalidOperationException)
            {
                return TimeSpan.Zero;
            }
        }
    }

    /// <summary>How long its threads have waited for a processor, on Linux: else a busy machine looks like a test that hangs.</summary>
    private TimeSpan Starved()
    {
        double nanoseconds = 0;
        try
        {
            foreach (string task in Directory.EnumerateDirectories($"/proc/{_process.Id}/task"))
                nanoseconds += double.Parse(File.ReadAllText(Path.Combine(task, "schedstat")).Split(' ')[1]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or IndexOutOfRangeException)
        {
            // A thread that has just ended, or no such file on this system.
            return TimeSpan.FromMilliseconds(nanoseconds / 1e6);
        }

        return TimeSpan.FromMilliseconds(nanoseconds / 1e6);
    }

    /// <summary>Starts one.</summary>
    /// <param name="work">What it runs.</param>
    public static async Task<Child> StartAsync(Workplace work)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        // The host is `dotnet` where the program was started so, else the program's own.
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(typeof(Child).Assembly.Location);
        string[] arguments = ["child", work.Folder, work.Changed, work.Tests, work.Sites.ToString(), .. work.Namespaces];
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        start.Environment["DOTNET_GCHeapHardLimit"] = "0x60000000";
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        start.Environment["DOTNET_TieredPGO"] = "0";
        Child child = new(Process.Start(start) ?? throw new InvalidOperationException("No process was started."));
        child._process.ErrorDataReceived += static (_, _) => { };
        child._process.BeginErrorReadLine();
        string ready = await child.NextAsync(TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(2)) ?? throw new InvalidOperationException("The tests did not load.");
        child.Tests = int.Parse(ready.Split('\t')[1]);
        return child;
    }

    /// <summary>Asks.</summary>
    /// <param name="order">One line.</param>
    public async Task SendAsync(string order)
    {
        await _process.StandardInput.WriteLineAsync(order);
        await _process.StandardInput.FlushAsync();
    }

    /// <summary>The next line; null where the process has ended or used more than its limit.</summary>
    /// <param name="processor">Of processor time: a busy machine is no fault of the mutant.</param>
    /// <param name="wall">Of the clock, for what waits for ever; time in which it wanted a processor and had none does not count.</param>
    public async Task<string?> NextAsync(TimeSpan processor, TimeSpan wall)
    {
        TimeSpan before = Used, starvedBefore = Starved();
        long start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            using CancellationTokenSource tick = new(TimeSpan.FromMilliseconds(250), TimeProvider.System);
            try
            {
                return await _lines.Reader.ReadAsync(tick.Token);
            }
            catch (OperationCanceledException)
            {
                TimeSpan passed = TimeProvider.System.GetElapsedTime(start);
                if (Used - before > processor || passed - (Starved() - starvedBefore) > wall || passed > Longest)
                    return null;
            }
            catch (ChannelClosedException)
            {
                return null;
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        try
        {
            _process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself.
        }

        await _process.WaitForExitAsync();
        await _reading;
        _process.Dispose();
    }

    private async Task ReadAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
            _lines.Writer.TryWrite(line);
        _lines.Writer.Complete();
    }
}
