using Meshara.Testing.Running;

namespace Meshara.Testing;

/// <summary>The main program of an executable that runs simulations: <c>return await SimulationRunner.RunAsync(args, Churn, Join);</c></summary>
/// <remarks>It takes the thread pool down to one thread for good. In a test suite use <see cref="SimulationProcess"/>.</remarks>
public static class SimulationRunner
{
    private const int ReportsShown = 3;
    private const int Wrong = 2;

    /// <summary>Runs the seeds that the command line asks for and prints what came of them; <c>--help</c> lists the options.</summary>
    /// <param name="args">The command line. The first word is the scenario: the method <c>TwoNodes</c> is <c>two-nodes</c>; without one the first scenario runs.</param>
    /// <param name="scenarios">The scenarios: each creates a <see cref="SimulatedNetwork"/> from the seed it is given.</param>
    /// <returns>The exit code: 0: all seeds were well; 1: one failed; 2: the command line is wrong.</returns>
    public static async Task<int> RunAsync(string[] args, params Func<int, Task>[] scenarios)
    {
        ArgumentNullException.ThrowIfNull(args);
        ArgumentNullException.ThrowIfNull(scenarios);
        RunnerArguments? arguments = RunnerArguments.Parse(args, out string? wrong);
        if (arguments is null || arguments.Help)
        {
            Print(arguments is null ? Console.Error : Console.Out, wrong, RunnerArguments.Usage, Titles(scenarios));
            return arguments is null ? Wrong : 0;
        }

        if (arguments.List)
        {
            Print(Console.Out, [.. scenarios.Select(Scenarios.Title)]);
            return 0;
        }

        try
        {
            Func<int, Task>? scenario = arguments.Assembly is { } assembly ? Scenarios.Load(assembly, arguments.Scenario ?? "")
                : arguments.Scenario is { } name ? Scenarios.Find(scenarios, name)
                : scenarios.FirstOrDefault();
            if (scenario is null)
            {
                Print(Console.Error, $"There is no scenario '{arguments.Scenario}'.", Titles(scenarios));
                return Wrong;
            }

            string title = arguments.Assembly is null ? Scenarios.Title(scenario) : arguments.Scenario!;
            return arguments.Jobs > 1 ? await ShareAsync(arguments, title).ConfigureAwait(false) : RunHere(arguments, title, scenario);
        }
        catch (SimulationException fault)
        {
            Print(Console.Error, fault.Message);
            return Wrong;
        }
    }

    private static int RunHere(RunnerArguments arguments, string title, Func<int, Task> scenario)
    {
        SeedRow row = new(title, scenario, arguments, seed => Replay(arguments, title, seed));
        if (arguments.Shrink)
            return Shrink(row, arguments.Seeds[0]);

        if (arguments.Machine)
            EndWithParent();
        long started = TimeProvider.System.GetTimestamp();
        Summary summary = new();
        foreach (int seed in arguments.Seeds)
        {
            if (arguments.Machine)
                Print(Console.Out, SeedResult.StartLine(seed));
            SeedResult result = row.Run(seed);
            summary.Add(result);
            Show(arguments, result, summary);
            if (row.IsBroken)
            {
                // In a child: the parent starts another for the rest.
                Print(arguments.Machine ? null : Console.Out, "The seeds after it were not run: the thread of this process does not come back.");
                break;
            }
        }

        return Finish(arguments, summary, started);
    }

    // A parent that is killed kills nobody: its end of this pipe closes. A thread, since the pool's one is the simulation's.
    private static void EndWithParent() => new Thread(static () =>
    {
        using Stream parent = Console.OpenStandardInput();
        while (parent.ReadByte() >= 0)
        {
        }

        Environment.Exit(Wrong);
    })
    { IsBackground = true }.Start();

    private static async Task<int> ShareAsync(RunnerArguments arguments, string title)
    {
        long started = TimeProvider.System.GetTimestamp();
        Summary summary = new();
        SortedDictionary<int, string> hashes = [];
        string[] forChildren = ["--scenario", title, .. AssemblyArguments(arguments), .. arguments.ForChildren()];
        await Children.RunAsync(
            HostCommand.ForSelf(arguments.Assembly),
            forChildren,
            arguments.Seeds,
            arguments.Jobs,
            arguments.Limit,
            result =>
            {
                summary.Add(result);
                hashes[result.Seed] = result.Hash;
                Show(arguments, result, summary);
            },
            line => Print(Console.Out, line),
            CancellationToken.None).ConfigureAwait(false);

        // In their order, so that two runs can be compared.
        if (arguments.Hashes)
            Print(Console.Out, [.. hashes.Select(static h => $"{h.Key} {h.Value}")]);
        return Finish(arguments, summary, started);
    }

    private static int Shrink(SeedRow row, int seed)
    {
        if (row.Shrink(seed, line => Print(Console.Out, line)) is not { } shrunk)
        {
            Print(Console.Out, $"Nothing to shrink: seed {seed} does not fail, or its scenario has no plan of faults.");
            return 0;
        }

        Print(Console.Out, shrunk.Result.Failure, $"{shrunk.Planned - shrunk.LeftOut.Count} of {shrunk.Planned} faults are left.");
        return 1;
    }

    private static void Show(RunnerArguments arguments, SeedResult result, Summary summary)
    {
        if (arguments.Machine)
            Print(Console.Out, result.ToLine());
        else if (arguments.Hashes)
            Print(arguments.Jobs > 1 ? null : Console.Out, $"{result.Seed} {result.Hash}");
        else if (result.Failure is not null)
            Print(Console.Out, summary.Failed.Count <= ReportsShown ? result.Failure : result.Headline);
        else
            Print(Console.Out, $"seed {result.Seed} ok, {result.VirtualTime.TotalMinutes:F0} min in {result.RealTime.TotalSeconds:F2} s, hash {result.Hash}");
    }

    private static int Finish(RunnerArguments arguments, Summary summary, long started)
    {
        if (!arguments.Machine && !arguments.Hashes)
            Print(Console.Out, summary.Text(TimeProvider.System.GetElapsedTime(started)));
        return summary.Failed.Count == 0 ? 0 : 1;
    }

    // The command by which this program was started, as far as it can be known.
    private static string Replay(RunnerArguments arguments, string title, int seed)
    {
        string program = System.Reflection.Assembly.GetEntryAssembly()?.Location ?? "";
        string[] what = arguments.Assembly is null ? [title, "--seed", $"{seed}"] : ["--scenario", title, .. AssemblyArguments(arguments), "--seed", $"{seed}"];
        return arguments.Assembly is not null ? HostCommand.ForSelf(arguments.Assembly).Text(what)
            : Path.GetFileName(program) == "Meshara.Simulator.dll" ? $"meshara-sim {string.Join(' ', what)}"
            : $"dotnet {program} {string.Join(' ', what)}";
    }

    private static IEnumerable<string> AssemblyArguments(RunnerArguments arguments) =>
        arguments.Assembly is { } assembly ? ["--assembly", Path.GetFullPath(assembly)] : [];

    private static string Titles(Func<int, Task>[] scenarios) =>
        scenarios.Length == 0 ? "" : $"scenarios: {string.Join(", ", scenarios.Select(Scenarios.Title))}";

    private static void Print(TextWriter? to, params string?[] lines)
    {
        foreach (string? line in lines)
        {
            if (!string.IsNullOrEmpty(line))
                to?.WriteLine(line.TrimEnd('\n'));
        }
    }
}
