using System.Diagnostics;

namespace Meshara.Benchmarks.Flood;

/// <summary>This program once more: the node under attack, or the attacker. It ends when its standard input does, so that none outlives the parent.</summary>
internal sealed class FloodChild : IAsyncDisposable
{
    public const string Argument = "--flood-child";

    private readonly Process _process;

    private FloodChild(Process process) => _process = process;

    /// <summary>What it has used of all processors so far.</summary>
    public TimeSpan Cpu
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    public static FloodChild Start(params string[] arguments)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add(typeof(FloodChild).Assembly.Location);
        }

        start.ArgumentList.Add(Argument);
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        return new FloodChild(Process.Start(start)!);
    }

    /// <summary>The child's own main: one line of answer for each line asked.</summary>
    public static async Task<int> RunAsync(string[] arguments) => arguments switch
    {
        ["node", string parent, string limits] => await FloodNode.RunAsync(parent, limits),
        ["attack", string address, string rate, string sources] => await FloodAttacker.RunAsync(address, int.Parse(rate), int.Parse(sources)),
        _ => 2,
    };

    public async Task<string> ReadAsync() =>
        await _process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(30), TimeProvider.System) ?? throw new InvalidOperationException("A child ended early.");

    public async Task<string> AskAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync();
        return await ReadAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        try
        {
            await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System);
        }
        catch (TimeoutException)
        {
            _process.Kill();
        }

        _process.Dispose();
    }
}
