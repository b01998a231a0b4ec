using System.Diagnostics;
using System.Globalization;
using Meshara.Tests.Support;

namespace Meshara.Sqlite.Tests;

/// <summary>tests/Meshara.Sqlite.Writer in a process of its own, which is built beside this suite in the same configuration.</summary>
internal sealed class WriterProcess : IAsyncDisposable
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly Task<string> _errors;

    private WriterProcess(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>Starts it; it says <c>ready</c> before it opens the file.</summary>
    public static WriterProcess Start(string path, long firstBatch)
    {
        string[] command = HelperProgram.Command("Meshara.Sqlite.Writer", path, firstBatch.ToString(CultureInfo.InvariantCulture));
        return new WriterProcess(Tool.Start(command[0], command[1..]));
    }

    /// <summary>The next line; null: it has ended.</summary>
    public Task<string?> ReadLineAsync() => _process.StandardOutput.ReadLineAsync().WaitAsync(Guard);

    /// <summary>SIGKILL, and what it had said before.</summary>
    public async Task<string[]> KillAsync()
    {
        _process.Kill();
        string rest = await _process.StandardOutput.ReadToEndAsync().WaitAsync(Guard);
        await _process.WaitForExitAsync().WaitAsync(Guard);
        return rest.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>What it complained of.</summary>
    public Task<string> ErrorsAsync() => _errors.WaitAsync(Guard);

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync().WaitAsync(Guard);
        }

        await ErrorsAsync();
        _process.Dispose();
    }
}
