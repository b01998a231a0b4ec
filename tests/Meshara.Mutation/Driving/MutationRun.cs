using System.Globalization;
using Meshara.Mutation.Proof;
using Meshara.Mutation.Sites;

namespace Meshara.Mutation.Driving;

/// <summary>The command: proves the harness, tries mutants, and says which survive without a reason.</summary>
internal static class MutationRun
{
    private const string Usage = "usage: run [--room Core|Wire|Security] [--sample N] [--seed S] [--only TEXT] [--keys FILE] [--most TESTS] [--workers N] [--deep] [--list] [--verbose]";

    /// <summary>0: every survivor has its reason. 1: one has none, or the harness is wrong. 2: not understood.</summary>
    public static async Task<int> RunAsync(string[] args)
    {
        if (Options.Read(args) is not { } options)
        {
            await Console.Error.WriteLineAsync(Usage);
            return 2;
        }

        string root = Root();
        string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        string folder = Path.Combine(Path.GetTempPath(), $"meshara-mutation.{Environment.ProcessId}");
        try
        {
            return await RunAsync(options, root, configuration, folder);
        }
        finally
        {
            if (Directory.Exists(folder))
                Directory.Delete(folder, true);
        }
    }

    private static async Task<int> RunAsync(Options options, string root, string configuration, string folder)
    {
        long start = TimeProvider.System.GetTimestamp();
        Workplace work = Workplace.OfMeshara(root, configuration, Path.Combine(folder, "meshara"), options.Deep);
        Mutant[] mutants = [.. options.Choose(work.Mutants)];
        if (options.List)
        {
            foreach (Mutant mutant in mutants)
                Console.WriteLine($"{mutant.Place}\t{mutant.Key}");
            Console.WriteLine(string.Join(", ", mutants.GroupBy(m => m.Room).Select(g => $"{g.Key} {g.Count()}")));
            return 0;
        }

        if (mutants.Length == 0)
        {
            await Console.Error.WriteLineAsync("No mutant is chosen by these options; --list shows what there is.");
            return 2;
        }

        SurvivorList known = SurvivorList.Read(Path.Combine(root, "tests", "Meshara.Mutation", "survivors.txt"));
        if (await WrongAsync(ProofOfHarness.RunAsync(root, Path.Combine(folder, "toy")), "the harness is wrong"))
            return 1;
        Campaign campaign = new(work, options.Most, options.Workers);
        if (await WrongAsync(campaign.RecordAsync(), "fails with no mutant on"))
            return 1;
        Say(start, $"{campaign.Tests} tests pass with no mutant on ({campaign.QuickTests} quick ones first, {campaign.Skipped.Count} skipped themselves); {mutants.Length} of {work.Mutants.Count} mutants");

        if (options.Verbose)
            foreach (Seen slow in campaign.Slow)
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"slow\t{slow.Took.TotalMilliseconds:F0} ms\t{slow.Name}"));
        int tried = 0;
        IReadOnlyList<Verdict> verdicts = await campaign.TryAsync(mutants, verdict =>
        {
            int count = Interlocked.Increment(ref tried);
            if (options.Verbose || (!verdict.IsKilled && !known.Knows(verdict.Mutant.Key)))
                Console.WriteLine($"{verdict.Fate}\t{verdict.Mutant.Place}\t{verdict.Mutant.Key}\t{verdict.By}");
            if (count % 100 == 0)
                Say(start, $"{count} of {mutants.Length}");
        });
        return Report(verdicts, known, options, start);
    }

    private static int Report(IReadOnlyList<Verdict> verdicts, SurvivorList known, Options options, long start)
    {
        Verdict[] alive = [.. verdicts.Where(v => !v.IsKilled)];
        Verdict[] without = [.. alive.Where(v => !known.Knows(v.Mutant.Key))];
        if (options.IsWhole)
            foreach (string stale in known.Stale(alive.Select(v => v.Mutant.Key)))
                Console.WriteLine($"survivors.txt names what does not survive: {stale}");
        foreach (Verdict verdict in verdicts.Where(v => v.Fate == Fate.TimedOut))
            Console.WriteLine($"killed by its time limit\t{verdict.Mutant.Place}\t{verdict.Mutant.Key}");
        Say(start, $"{verdicts.Count(v => v.Fate == Fate.Survived)} survived, {verdicts.Count(v => v.Fate == Fate.Unseen)} were met by no test, {verdicts.Count(v => v.Fate == Fate.TimedOut)} were killed by their time limit");
        if (without.Length > 0)
        {
            Console.WriteLine($"{without.Length} survive without a reason in tests/Meshara.Mutation/survivors.txt:");
            foreach (Verdict verdict in without)
                Console.WriteLine($"{verdict.Mutant.Place}\n{verdict.Mutant.Key}");
        }

        Console.WriteLine("mutation: " + string.Join(", ", verdicts.GroupBy(v => v.Mutant.Room).OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => string.Create(CultureInfo.InvariantCulture, $"{g.Key} {g.Count(v => v.IsKilled)}/{g.Count()} killed ({100.0 * g.Count(v => v.IsKilled) / g.Count():F1} %)"))));
        return without.Length > 0 ? 1 : 0;
    }

    private static async Task<bool> WrongAsync(Task<IReadOnlyList<string>> check, string what)
    {
        IReadOnlyList<string> wrong = await check;
        foreach (string line in wrong)
            Console.WriteLine($"{what}: {line}");
        return wrong.Count > 0;
    }

    private static void Say(long start, string text) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"[{TimeProvider.System.GetElapsedTime(start).TotalSeconds:F0} s] {text}"));

    private static string Root()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
            if (File.Exists(Path.Combine(at.FullName, "Meshara.sln")))
                return at.FullName;
        throw new DirectoryNotFoundException("No Meshara.sln above this program.");
    }
}
