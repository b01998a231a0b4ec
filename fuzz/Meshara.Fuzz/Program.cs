using Meshara.Fuzz;

// A hang is a finding too; generous, because a loaded machine may stall the process itself.
TimeSpan stuckAfter = TimeSpan.FromSeconds(30);
TimeProvider clock = TimeProvider.System;
if (!TryReadArguments(args, out string name, out double seconds, out int seed))
{
    Console.Error.WriteLine($"usage: run TARGET|all --seconds N [--seed S]\ntargets: {string.Join(", ", WireTargets.All.Select(t => t.Name))}");
    return 2;
}

Console.WriteLine($"seed {seed}");
int findings = 0;
foreach (FuzzTarget target in WireTargets.All.Where(t => name == "all" || t.Name == name))
    findings += Fuzz(target) ? 0 : 1;
return findings == 0 ? 0 : 1;

bool Fuzz(FuzzTarget target)
{
    FuzzRun run = new(target, FuzzFolder.Corpus(target.Name), seed);
    using ITimer watchdog = Watch(target, run);
    long start = clock.GetTimestamp();
    while (clock.GetElapsedTime(start).TotalSeconds < seconds)
    {
        if (run.Step() is { } finding)
        {
            Report(target.Name, finding.Input, run.Runs, finding.Fault.ToString());
            return false;
        }
    }

    double elapsed = clock.GetElapsedTime(start).TotalSeconds;
    Console.WriteLine($"{target.Name,-8} {run.Runs,12:N0} runs in {elapsed:F1} s, {run.Runs / elapsed,9:N0} runs/s, nothing found");
    return true;
}

ITimer Watch(FuzzTarget target, FuzzRun run)
{
    long last = -1;
    return clock.CreateTimer(
        _ =>
        {
            long runs = run.Runs;
            if (runs != last)
            {
                last = runs;
                return;
            }

            Report(target.Name, run.Current, runs, $"It did not end within {stuckAfter.TotalSeconds} s.");
            Environment.Exit(1);
        },
        null,
        stuckAfter,
        stuckAfter);
}

void Report(string target, byte[] input, long runs, string what)
{
    string path = FuzzFolder.SaveCrash(target, input);
    Console.WriteLine($"{target,-8} FOUND at run {runs:N0} of seed {seed}: {what}\n  input of {input.Length} bytes: {path}");
}

static bool TryReadArguments(string[] args, out string name, out double seconds, out int seed)
{
    name = args.Length > 0 ? args[0] : "";
    string chosen = name;
    bool ok = chosen == "all" || WireTargets.All.Any(t => t.Name == chosen);
    seconds = -1;

    // Printed, so that the run can be repeated.
    seed = (int)(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() & int.MaxValue);
    for (int i = 1; ok && i < args.Length; i += 2)
    {
        ok = i + 1 < args.Length && args[i] switch
        {
            "--seconds" => double.TryParse(args[i + 1], out seconds) && seconds > 0,
            "--seed" => int.TryParse(args[i + 1], out seed),
            _ => false,
        };
    }

    return ok && seconds > 0;
}
