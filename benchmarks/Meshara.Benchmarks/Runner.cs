namespace Meshara.Benchmarks;

/// <summary>How long and how often.</summary>
/// <param name="Duration">Aim for one measurement.</param>
/// <param name="Repetitions">Measurements of each workload with each candidate.</param>
internal sealed record Plan(TimeSpan Duration, int Repetitions)
{
    public static Plan Full { get; } = new(TimeSpan.FromSeconds(2), 7);

    public static Plan Quick { get; } = new(TimeSpan.FromMilliseconds(250), 5);
}

/// <summary>All measurements of one workload with one candidate.</summary>
internal sealed record Measured(Workload Workload, string Candidate, long Count, List<Sample> Samples);

/// <summary>Runs every workload with every candidate, in turn, so that what else the machine does falls on all alike.</summary>
internal sealed class Runner(Plan plan)
{
    private const int MostRoundTrips = 1_000_000;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    public async Task<IReadOnlyList<Measured>> RunAsync(IReadOnlyList<Workload> workloads, IReadOnlyList<ICandidate> candidates)
    {
        List<(ICandidate Candidate, IClient Client, ChildProcess Child)> pairs = [];
        try
        {
            foreach (ICandidate candidate in candidates)
            {
                using CancellationTokenSource limit = new(Patience, TimeProvider.System);
                (ChildProcess child, string address) = await ChildProcess.StartAsync(candidate, limit.Token);
                pairs.Add((candidate, await candidate.ConnectAsync(address, limit.Token), child));
            }

            List<Measured> measured = [];
            foreach (Workload workload in workloads)
            {
                measured.AddRange(await MeasureAsync(workload, [.. pairs.Where(pair => pair.Candidate.Supports(workload)).Select(pair => (pair.Candidate, pair.Client))]));
            }

            return measured;
        }
        finally
        {
            foreach ((_, IClient client, ChildProcess child) in pairs)
            {
                await client.DisposeAsync();
                await child.DisposeAsync();
            }
        }
    }

    private async Task<List<Measured>> MeasureAsync(Workload workload, (ICandidate Candidate, IClient Client)[] pairs)
    {
        List<Measured> all = [];
        foreach ((ICandidate candidate, IClient client) in pairs)
        {
            Measured measured = new(workload, candidate.Name, await CalibrateAsync(workload, client), []);
            await Console.Error.WriteLineAsync($"{workload.Name}, {candidate.Name}: {measured.Count:N0} at a time");
            all.Add(measured);
        }

        for (int repetition = 0; repetition < plan.Repetitions; repetition++)
        {
            foreach (((_, IClient client), Measured measured) in pairs.Zip(all))
            {
                measured.Samples.Add(await OnceAsync(workload, client, measured.Count));
            }
        }

        return all;
    }

    // Warms up and finds how many units take the planned time. The fastest of several tries counts: one hiccup of the machine
    // would otherwise leave a count so small that only its beginning and end are measured.
    private async Task<long> CalibrateAsync(Workload workload, IClient client)
    {
        const int Tries = 3;
        long count = workload.Concurrency;
        while (true)
        {
            TimeSpan fastest = TimeSpan.MaxValue;
            for (int i = 0; i < Tries && fastest >= plan.Duration / 2; i++)
            {
                TimeSpan elapsed = (await OnceAsync(workload, client, count)).Elapsed;
                fastest = elapsed < fastest ? elapsed : fastest;
            }

            if (fastest >= plan.Duration / 2)
            {
                count = Math.Max(workload.Concurrency, (long)(count * (plan.Duration / fastest)));
                return workload.Shape == Shape.RoundTrip ? Math.Min(count, MostRoundTrips) : count;
            }

            count *= 2;
        }
    }

    private static async Task<Sample> OnceAsync(Workload workload, IClient client, long count)
    {
        using CancellationTokenSource limit = new(Patience, TimeProvider.System);
        return await client.RunAsync(workload, count, limit.Token);
    }
}
