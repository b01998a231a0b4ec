namespace Meshara.Benchmarks;

/// <summary>How long and how often.</summary>
/// <param name="Duration">Aim for one measurement.</param>
/// <param name="Repetitions">Measurements of each workload with each candidate.</param>
internal sealed record Plan(TimeSpan Duration, int Repetitions)
{
    public static Plan Full { get; } = new(TimeSpan.FromSeconds(0.5), 15);

    public static Plan Quick { get; } = new(TimeSpan.FromMilliseconds(200), 5);
}

/// <summary>All measurements of one workload with one candidate, one for each repetition.</summary>
internal sealed record Measured(Workload Workload, string Candidate, long Count, List<Sample> Samples);

/// <summary>Runs every workload with every candidate, in turn, so that what else the machine does falls on all alike.</summary>
internal sealed class Runner(Plan plan)
{
    private const int MostRoundTrips = 1_000_000;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    public async Task<IReadOnlyList<Measured>> RunAsync(IReadOnlyList<Workload> workloads, IReadOnlyList<ICandidate> candidates)
    {
        List<Pair> pairs = [];
        try
        {
            foreach (ICandidate candidate in candidates)
            {
                using CancellationTokenSource limit = new(Patience, TimeProvider.System);
                (ChildProcess child, string address) = await ChildProcess.StartAsync(candidate, limit.Token);
                pairs.Add(new Pair(candidate, await candidate.ConnectAsync(address, limit.Token), child));
            }

            List<Measured> measured = [];
            foreach (IGrouping<(Shape, int), Workload> alike in workloads.GroupBy(workload => (workload.Shape, workload.Size)))
            {
                measured.AddRange(await MeasureAsync([.. alike], pairs));
            }

            return measured;
        }
        finally
        {
            foreach (Pair pair in pairs)
            {
                await pair.Client.DisposeAsync();
                await pair.Child.DisposeAsync();
            }
        }
    }

    // Workloads of one shape and size take turns too: those of several producers are set beside the yardstick's one.
    private async Task<IEnumerable<Measured>> MeasureAsync(Workload[] workloads, List<Pair> pairs)
    {
        List<(Pair Pair, Measured Measured)> all = [];
        foreach (Workload workload in workloads)
        {
            foreach (Pair pair in pairs.Where(pair => pair.Candidate.Supports(workload)))
            {
                Measured measured = new(workload, pair.Candidate.Name, await CalibrateAsync(workload, pair), []);
                await Console.Error.WriteLineAsync($"{workload.Name}, {measured.Candidate}: {measured.Count:N0} at a time");
                all.Add((pair, measured));
            }
        }

        for (int repetition = 0; repetition < plan.Repetitions; repetition++)
        {
            foreach ((Pair pair, Measured measured) in all)
            {
                measured.Samples.Add(await OnceAsync(measured.Workload, pair, measured.Count));
            }
        }

        return all.Select(each => each.Measured);
    }

    // Warms up and finds how many units take the planned time. The fastest of several tries counts: one hiccup of the machine
    // would otherwise leave a count so small that only its beginning and end are measured.
    private async Task<long> CalibrateAsync(Workload workload, Pair pair)
    {
        const int Tries = 3;
        long count = workload.Concurrency;
        while (true)
        {
            TimeSpan fastest = TimeSpan.MaxValue;
            for (int i = 0; i < Tries && fastest >= plan.Duration / 2; i++)
            {
                TimeSpan elapsed = (await OnceAsync(workload, pair, count)).Elapsed;
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

    private static async Task<Sample> OnceAsync(Workload workload, Pair pair, long count)
    {
        using CancellationTokenSource limit = new(Patience, TimeProvider.System);
        // Made here, because what is allocated between the two readings is counted.
        double[] roundTrips = new double[workload.Shape == Shape.RoundTrip ? count : 0];
        Usage before = Usage.Now + await pair.Child.UsageAsync(limit.Token);
        TimeSpan elapsed = await pair.Client.RunAsync(workload, count, roundTrips, limit.Token);
        Usage after = Usage.Now + await pair.Child.UsageAsync(limit.Token);
        return new Sample(elapsed, roundTrips, after - before);
    }

    private sealed record Pair(ICandidate Candidate, IClient Client, ChildProcess Child);
}
