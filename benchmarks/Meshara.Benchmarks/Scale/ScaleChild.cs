using System.Diagnostics;
using System.Globalization;

namespace Meshara.Benchmarks.Scale;

/// <summary>What a child process does: it says one line when it is ready, and one for each order.</summary>
internal interface IScaleRole : IAsyncDisposable
{
    /// <summary>Begins; gives back what the parent is told first.</summary>
    Task<string> StartAsync();

    /// <summary>Does what an order says; gives back the answer, one line.</summary>
    Task<string> DoAsync(string[] order);
}

/// <summary>This program once more, in one role. It ends when its standard input does, so that none outlives the parent.</summary>
internal sealed class ScaleChild : IAsyncDisposable
{
    public const string Argument = "--scale-child";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    private readonly Process _process;

    private ScaleChild(Process process, string hello) => (_process, Hello) = (process, hello);

    /// <summary>Its first line.</summary>
    public string Hello { get; }

    /// <summary>What it has used of all processors so far.</summary>
    public TimeSpan Cpu
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    public static async Task<ScaleChild> StartAsync(params string[] role)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add(typeof(ScaleChild).Assembly.Location);
        }

        start.ArgumentList.Add(Argument);
        foreach (string argument in role)
        {
            start.ArgumentList.Add(argument);
        }

        Process process = Process.Start(start)!;
        return new ScaleChild(process, await ReadAsync(process));
    }

    /// <summary>The child's own main.</summary>
    public static async Task<int> RunAsync(string[] role)
    {
        await using IScaleRole work = role switch
        {
            ["node"] => new HubRole(),
            ["peers", string count] => new PeersRole(int.Parse(count, CultureInfo.InvariantCulture)),
            ["raw-server"] => new RawServerRole(),
            ["raw-clients"] => new RawClientsRole(),
            _ => throw new ArgumentException($"No role is called {string.Join(' ', role)}."),
        };
        await Console.Out.WriteLineAsync(await work.StartAsync());
        while (await Console.In.ReadLineAsync() is { } order)
        {
            await Console.Out.WriteLineAsync(await work.DoAsync(order.Split(' ')));
        }

        return 0;
    }

    public async Task<string> AskAsync(string order)
    {
        await _process.StandardInput.WriteLineAsync(order);
        await _process.StandardInput.FlushAsync();
        return await ReadAsync(_process);
    }

    /// <summary>Resident and managed bytes after a full collection.</summary>
    public async Task<ProcessMemory> MemoryAsync() => ProcessMemory.Parse(await AskAsync("memory"));

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        try
        {
            await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System);
        }
        catch (TimeoutException)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private static async Task<string> ReadAsync(Process process) =>
        await process.StandardOutput.ReadLineAsync().WaitAsync(Patience, TimeProvider.System) ?? throw new InvalidOperationException("A child ended early.");
}
