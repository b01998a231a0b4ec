using Meshara.Testing.Engine;

namespace Meshara.Testing.Running;

/// <summary>Runs seeds of one scenario in this process, one after the other.</summary>
internal sealed class SeedRow(string name, Func<int, Task> scenario, RunnerArguments arguments, Func<int, string> replay)
{
    /// <summary>Whether this process can run no further seed: its only pool thread does not come back.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Runs one seed; with <c>--verify</c> twice.</summary>
    public SeedResult Run(int seed) => arguments.Verify ? Verify(seed) : Result(RunOnce(seed, arguments.LeftOut, OpenTrace()));

    /// <summary>Leaves out faults of the plan one at a time for as long as the same thing goes wrong; null: the seed does not fail at all, or it has no plan.</summary>
    public (IReadOnlySet<int> LeftOut, int Planned, SeedResult Result)? Shrink(int seed, Action<string> say)
    {
        SimulationRun first = RunOnce(seed, arguments.LeftOut, null).Run;
        if (first.Failure is null || first.PlannedFaults == 0)
            return null;

        HashSet<int> left = [.. arguments.LeftOut];
        SeedResult last = Result((first, TimeSpan.Zero));
        bool shrunk = true;
        while (shrunk)
        {
            shrunk = false;
            foreach (int fault in Enumerable.Range(0, first.PlannedFaults).Reverse().Where(f => !left.Contains(f)).ToList())
            {
                HashSet<int> fewer = [.. left, fault];
                (SimulationRun Run, TimeSpan Real) tried = RunOnce(seed, fewer, null);
                if (!SameFault(first, tried.Run))
                    continue;
                left = fewer;
                last = Result(tried);
                shrunk = true;
                say($"{first.PlannedFaults - left.Count} of {first.PlannedFaults} faults are enough");
            }
        }

        return (left, first.PlannedFaults, last);
    }

    private static bool SameFault(SimulationRun first, SimulationRun other) =>
        other.Failure is not null && other.Violation?.Invariant == first.Violation?.Invariant && other.Failure.GetType() == first.Failure!.GetType();

    private SeedResult Verify(int seed)
    {
        string[] files = [Path.GetTempFileName(), Path.GetTempFileName()];
        try
        {
            (SimulationRun Run, TimeSpan Real) first = RunOnce(seed, arguments.LeftOut, new StreamWriter(files[0]));
            if (IsBroken)
                return Result(first);

            (SimulationRun Run, TimeSpan Real) second = RunOnce(seed, arguments.LeftOut, new StreamWriter(files[1]));
            if (Difference(files[0], files[1]) is { } differs)
                second.Run.Failure = new SimulationException($"Two runs of this seed are not the same: something decides that is not the seed, such as a clock, a wait or a chance outside sim.Time and sim.Random (`#`: a write to a connection). {differs}");
            else if (first.Run.Hash != second.Run.Hash)
                second.Run.Failure = new SimulationException($"Two runs have the same lines and other hashes, {first.Run.Hash} and {second.Run.Hash}.");
            return Result(second);
        }
        finally
        {
            File.Delete(files[0]);
            File.Delete(files[1]);
        }
    }

    private static string? Difference(string first, string second)
    {
        using IEnumerator<string> a = File.ReadLines(first).GetEnumerator();
        using IEnumerator<string> b = File.ReadLines(second).GetEnumerator();
        string? before = null;
        for (int line = 1; ; line++)
        {
            string? one = a.MoveNext() ? a.Current : null, other = b.MoveNext() ? b.Current : null;
            if (one == other && one is null)
                return null;
            if (one != other)
                return $"Line {line}:\nfirst:  {one ?? "(it has ended)"}\nsecond: {other ?? "(it has ended)"}\nbefore: {before}";
            before = one;
        }
    }

    private (SimulationRun Run, TimeSpan Real) RunOnce(int seed, IReadOnlySet<int> leftOut, TextWriter? trace)
    {
        using TextWriter? writer = trace;
        SimulationRun run = new()
        {
            Seed = seed,
            Scenario = name,
            TraceTo = trace,
            Break = arguments.Break,
            LeftOut = leftOut,
            Settings = arguments.Settings,
        };
        long started = TimeProvider.System.GetTimestamp();
        SimulationRun.Current = run;
        try
        {
            SimulationEngine.Run(run, scenario);
        }
        catch (Exception fault)
        {
            // Whatever a scenario throws is its result.
            run.Failure = fault;
            IsBroken = fault is SimulationException { ThreadIsLost: true };
        }
        finally
        {
            SimulationRun.Current = null;
        }

        return (run, TimeProvider.System.GetElapsedTime(started));
    }

    private StreamWriter? OpenTrace() => arguments.TraceFile is { } file ? new StreamWriter(file) : null;

    private SeedResult Result((SimulationRun Run, TimeSpan Real) done) => new()
    {
        Seed = done.Run.Seed,
        Hash = done.Run.Hash,
        VirtualTime = done.Run.VirtualTime,
        RealTime = done.Real,
        Drawn = done.Run.Drawn,
        Hit = done.Run.Hit,
        Counted = done.Run.Counted,
        Failure = done.Run.Failure is null ? null : FailureReport.Of(done.Run, Replay(done.Run)),
    };

    private string Replay(SimulationRun run) =>
        replay(run.Seed)
        + string.Concat(run.Settings.Select(static s => $" --set {s.Key}={s.Value}"))
        + (run.LeftOut.Count > 0 ? $" --without {string.Join(',', run.LeftOut.Order())}" : "")
        + (run.Break is { } broken ? $" --break {broken}" : "");
}
