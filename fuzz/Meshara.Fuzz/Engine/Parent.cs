using System.Diagnostics;

namespace Meshara.Fuzz.Engine;

/// <summary>Runs each target in a process of its own and watches it: what kills the process is a finding like any other.</summary>
internal sealed class Parent(Options options, TimeProvider clock)
{
    // More than any target needs: an input that makes a parser take this much is a finding.
    private const string HeapLimit = "0x30000000";

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200);

    // Time of the processor: on a loaded machine a process stands still through no fault of its own.
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(2);

    // A process that waits uses none.
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(60);

    /// <summary>How many of the targets failed.</summary>
    public async Task<int> RunAsync(IReadOnlyList<string> targets)
    {
        using SemaphoreSlim places = new(options.Jobs);
        bool[] isFound = await Task.WhenAll(targets.Select(async target =>
        {
            await places.WaitAsync();
            try
            {
                return await RunAsync(target);
            }
            finally
            {
                places.Release();
            }
        }));
        return isFound.Count(static found => found);
    }

    // Whether something was found.
    private async Task<bool> RunAsync(string target)
    {
        string path = Path.Combine(Path.GetTempPath(), $"meshara-fuzz-{Environment.ProcessId}-{target}");
        try
        {
            using SharedPage page = SharedPage.Open(path);
            using Process child = Start(target, path);
            Task<string> output = child.StandardOutput.ReadToEndAsync();
            Task<string> errors = ReadFirstLinesAsync(child.StandardError);
            string? why = await WatchAsync(child, page);
            Console.Write(await output);
            if (why is null && child.ExitCode is 0 or 1)
                return child.ExitCode == 1;
            string what = why ?? $"The process ended with {child.ExitCode}.\n{await errors}";
            if (page.Run == 0)
                Console.WriteLine($"{target,-12} FAILED before its first run: {what}");
            else
                Child.Tell(target, options, page.Run, page.Input, what);
            return true;
        }
        finally
        {
            File.Delete(path);
        }
    }

    private Process Start(string target, string page)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Meshara.Fuzz.dll"));
        foreach (string argument in options.ForChild(target, page))
            start.ArgumentList.Add(argument);
        start.Environment["DOTNET_GCHeapHardLimit"] = HeapLimit;
        return Process.Start(start)!;
    }

    // Null: it ended by itself.
    private async Task<string?> WatchAsync(Process child, SharedPage page)
    {
        Task exit = child.WaitForExitAsync();
        (long run, TimeSpan used, long at) = (-1, TimeSpan.Zero, 0);
        while (!exit.IsCompleted)
        {
            await Task.WhenAny(exit, Task.Delay(Look, clock));
            if (Used(child) is not { } now)
                continue;
            if (page.Run != run)
            {
                (run, used, at) = (page.Run, now, clock.GetTimestamp());
                continue;
            }

            string? why = run == 0 ? null
                : now - used > Hang ? $"It did not end within {Hang.TotalSeconds} s of the processor's time."
                : clock.GetElapsedTime(at) > Silence ? $"It did not end within {Silence.TotalSeconds} s." : null;
            if (why is not null)
            {
                child.Kill();
                await exit;
                return why;
            }
        }

        await exit;
        return null;
    }

    private static TimeSpan? Used(Process child)
    {
        try
        {
            child.Refresh();
            return child.TotalProcessorTime;
        }
        catch (InvalidOperationException)
        {
            // It has just ended.
            return null;
        }
    }

    // The trace of a stack overflow is as long as the stack was deep.
    private static async Task<string> ReadFirstLinesAsync(StreamReader reader)
    {
        List<string> lines = [];
        while (await reader.ReadLineAsync() is { } line)
        {
            if (lines.Count < 12)
                lines.Add("  " + line);
        }

        return string.Join('\n', lines);
    }
}
