using System.Diagnostics;

namespace Meshara.Benchmarks;

/// <summary>This program once more, as the serving side. It ends when its standard input does, so that none outlives the parent.</summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    public const string Argument = "--serve";

    private const string Ready = "ready ";

    private readonly Process _process;

    private ChildProcess(Process process) => _process = process;

    /// <summary>Starts the child for a candidate and waits until it says where it listens.</summary>
    public static async Task<(ChildProcess Child, string Address)> StartAsync(ICandidate candidate, CancellationToken cancellationToken)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add(typeof(ChildProcess).Assembly.Location);
        }

        start.ArgumentList.Add(Argument);
        start.ArgumentList.Add(candidate.Name);
        start.ArgumentList.Add(candidate.Introduce());
        ChildProcess child = new(Process.Start(start)!);
        string? line = await child._process.StandardOutput.ReadLineAsync(cancellationToken);
        if (line?.StartsWith(Ready, StringComparison.Ordinal) != true)
        {
            await child.DisposeAsync();
            throw new InvalidOperationException($"The child for {candidate.Name} said: {line ?? "nothing"}");
        }

        return (child, line[Ready.Length..]);
    }

    /// <summary>The child's own main: serves until standard input ends, and answers each line of it with what it has used.</summary>
    public static async Task<int> ServeAsync(string name, string parent)
    {
        ICandidate candidate = Candidates.All.Single(candidate => candidate.Name == name);
        using CancellationTokenSource end = new();
        Task serving = candidate.ServeAsync(parent, address => Console.Out.WriteLine(Ready + address), end.Token);
        // Console.In reads on this thread, the program's first: none of the pool is kept from the work.
        while (await Console.In.ReadLineAsync(end.Token) is not null)
        {
            await Console.Out.WriteLineAsync(Usage.Now.Write());
        }

        await end.CancelAsync();
        try
        {
            await serving;
        }
        catch (OperationCanceledException)
        {
            return 0;
        }

        return 0;
    }

    /// <summary>What the child has used since its start.</summary>
    public async Task<Usage> UsageAsync(CancellationToken cancellationToken)
    {
        await _process.StandardInput.WriteLineAsync(ReadOnlyMemory<char>.Empty, cancellationToken);
        await _process.StandardInput.FlushAsync(cancellationToken);
        return Usage.Parse(await _process.StandardOutput.ReadLineAsync(cancellationToken) ?? throw new EndOfStreamException("The child has ended."));
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
