using System.Collections.Concurrent;
using System.Diagnostics;
using Meshara.Tests;
using Meshara.Tests.Support;

namespace Meshara.Mdns.Tests.Support;

/// <summary>A program in a network namespace that says lines, on its output or its error stream. Killed at the end of the test if it still runs.</summary>
internal sealed class LineProcess : IAsyncDisposable
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly Task _reading;

    private LineProcess(Process process)
    {
        _process = process;
        _process.StandardInput.Close();
        _reading = Task.WhenAll(ReadAsync(process.StandardOutput), ReadAsync(process.StandardError));
    }

    /// <summary>All that it said.</summary>
    public IReadOnlyCollection<string> Lines => _lines;

    public static LineProcess Start(NetworkNamespace network, string program, params string[] arguments) => new(network.Start(program, arguments));

    /// <summary>Waits until it says such a line; that line.</summary>
    public async Task<string> SaysAsync(Func<string, bool> isIt)
    {
        using CancellationTokenSource guard = new(Guard, TimeProvider.System);
        while (true)
        {
            if (_lines.FirstOrDefault(isIt) is { } line)
                return line;
            if (guard.IsCancellationRequested || (_process.HasExited && _reading.IsCompleted))
                throw new InvalidOperationException($"{_process.StartInfo.FileName} {string.Join(' ', _process.StartInfo.ArgumentList)} did not say it. It said:\n{string.Join('\n', _lines)}");
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
        }
    }

    /// <summary>Waits until it ends by itself; all that it said.</summary>
    public async Task<IReadOnlyCollection<string>> EndsAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(Guard);
        await _reading.WaitAsync(Guard);
        return _lines;
    }

    /// <summary>SIGTERM: it may say goodbye.</summary>
    public async Task TerminateAsync()
    {
        if (!_process.HasExited)
            await Tool.RunAsync("sh", "-c", $"kill -TERM {_process.Id}");
        await EndsAsync();
    }

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await EndsAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.Dispose();
    }

    private async Task ReadAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is { } line)
            _lines.Enqueue(line);
    }
}
