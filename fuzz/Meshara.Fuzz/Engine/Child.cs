namespace Meshara.Fuzz.Engine;

/// <summary>Runs one target until its time is over or something is found. It may well be killed by what it finds: <see cref="Parent"/> then tells.</summary>
internal static class Child
{
    // Between two looks at the clock.
    private const int Stride = 32;

    private const int MostFiles = 300, MostBytes = 256 << 10, MostShown = 4096;

    /// <summary>0: nothing found. 1: a finding, which is written and told.</summary>
    public static int Run(FuzzTarget target, Options options, EdgeTable edges, TimeProvider clock)
    {
        using SharedPage page = SharedPage.Open(options.Page!);
        GuidedRun run = new(target, [.. FuzzFolder.Corpus(target.Name), .. FuzzFolder.Crashes(target.Name)], options.Seed, edges, options.Blind, (number, input) => page.Write(number, input));
        long start = clock.GetTimestamp();
        for (int i = 0; !(run.Runs >= options.Runs); i++)
        {
            if (i % Stride == 0 && clock.GetElapsedTime(start).TotalSeconds >= options.Seconds)
                break;
            if (run.Step() is { } finding)
            {
                Tell(target.Name, options, run.Runs, finding.Input, finding.Fault.ToString());
                return 1;
            }
        }

        if (options.Keep)
            Keep(target, run);
        double elapsed = clock.GetElapsedTime(start).TotalSeconds;
        string passing = run.Passing > 0 ? $", {run.Passing} findings did not come again" : "";
        Console.WriteLine(
            $"{target.Name,-12} {run.Runs,11:N0} runs in {elapsed:F1} s, {run.Runs / elapsed,9:N0} runs/s, {run.Entries.Count,5:N0} inputs, "
            + $"edges {run.Features.Edges:N0}/{edges.WithinReach(run.Features.IsTaken):N0}, nothing found{passing}");
        return 0;
    }

    /// <summary>Writes a finding's file and says where it is, and what is in it: of a machine that is gone tomorrow only the log is left.</summary>
    public static void Tell(string target, Options options, long run, byte[] input, string what)
    {
        string path = FuzzFolder.SaveCrash(target, input, options.Out);
        Console.WriteLine($"{target,-12} FOUND at run {run:N0} of seed {options.Seed}: {what}\n  input of {input.Length} bytes: {path}");
        if (input.Length <= MostShown)
            Console.WriteLine($"  {Convert.ToHexStringLower(input)}");
    }

    // The fewest inputs, about, that take all edges that the seeds do not take: each time the one that adds most, the smaller before the larger.
    private static void Keep(FuzzTarget target, GuidedRun run)
    {
        HashSet<int> covered = [];
        HashSet<string> seeds = [.. target.Seeds.Select(Convert.ToHexString)];
        foreach (CorpusEntry entry in run.Entries.Where(entry => seeds.Contains(Convert.ToHexString(entry.Bytes))))
            covered.UnionWith(entry.Edges);

        List<CorpusEntry> left = [.. run.Entries.OrderBy(static entry => entry.Bytes.Length)];
        List<byte[]> kept = [];
        while (kept.Count < MostFiles && left.MaxBy(entry => entry.Edges.Count(edge => !covered.Contains(edge))) is { } best)
        {
            if (best.Edges.All(covered.Contains))
                break;
            left.Remove(best);
            if (kept.Sum(static k => k.Length) + best.Bytes.Length > MostBytes)
                continue;
            covered.UnionWith(best.Edges);
            kept.Add(best.Bytes);
        }

        FuzzFolder.SaveCorpus(target.Name, kept);
        Console.WriteLine($"{target.Name,-12} keeps {kept.Count} of {run.Entries.Count} inputs, {kept.Sum(static k => k.Length):N0} bytes");
    }
}
