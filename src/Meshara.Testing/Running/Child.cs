using System.Diagnostics;

namespace Meshara.Testing.Running;

/// <summary>A process that runs some seeds and tells of each; killed when one takes too long.</summary>
internal sealed class Child(HostCommand command, IReadOnlyList<string> arguments, TimeSpan limit)
{
    private const int KeptErrors = 16_384;

    private readonly List<string> _errors = [];
    private int? _running;
    private int _errorLength;

    /// <summary>Runs the seeds; those are returned that it did not come to, because an earlier one broke the process.</summary>
    public async Task<IReadOnlyList<int>> RunAsync(IReadOnlyList<int> seeds, Action<SeedResult> done, Action<string> other, CancellationToken cancellationToken)
    {
        HashSet<int> open = [.. seeds];
        using Process process = Process.Start(command.Start([.. arguments, "--machine", "--seeds", SeedRange.Format(seeds)]))
            ?? throw new SimulationException($"{command.Program} cannot be started.");
        try
        {
            Task errors = ReadErrorsAsync(process.StandardError, cancellationToken);
            string? why = await ReadAsync(process.StandardOutput, line =>
            {
                SeedResult? result = SeedResult.Read(line, out int? started);
                _running = started ?? _running;
                if (result is not null)
                {
                    open.Remove(result.Seed);
                    done(result);
                }
                else if (!SeedResult.IsMarked(line))
                {
                    other(line);
                }
            }, cancellationToken).ConfigureAwait(false);
            if (why is null)
            {
                await process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
                await errors.ConfigureAwait(false);
                why = $"the process ended with exit code {process.ExitCode} before its end.\n{string.Join('\n', _errors)}";
            }

            // A process that came to no seed at all will not do so the next time; else the seed that broke it has failed, and the others have their turn.
            bool begun = _running is not null;
            foreach (int seed in seeds.Where(seed => open.Contains(seed) && (!begun || seed == _running)))
                done(new SeedResult { Seed = seed, Failure = $"seed {seed} failed: {why}\n  replay: {command.Text([.. arguments, "--seed", $"{seed}"])}\n" });
            return begun ? [.. seeds.Where(seed => open.Contains(seed) && seed != _running)] : [];
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    private async Task<string?> ReadAsync(StreamReader output, Action<string> take, CancellationToken cancellationToken)
    {
        while (true)
        {
            using CancellationTokenSource late = new(limit, TimeProvider.System);
            using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
            try
            {
                if (await output.ReadLineAsync(either.Token).ConfigureAwait(false) is not { } line)
                    return null;
                take(line);
            }
            catch (OperationCanceledException) when (late.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                return $"it did not end within {limit.TotalSeconds:F0} s of real time; the process was killed.";
            }
        }
    }

    private async Task ReadErrorsAsync(StreamReader errors, CancellationToken cancellationToken)
    {
        while (await errors.ReadLineAsync(cancellationToken).ConfigureAwait(false) is { } line)
        {
            if ((_errorLength += line.Length) < KeptErrors)
                _errors.Add(line);
        }
    }
}
