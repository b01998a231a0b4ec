using Meshara.Benchmarks;

if (args is [ChildProcess.Argument, string name, string parent])
{
    return await ChildProcess.ServeAsync(name, parent);
}

bool quick = args.Contains("--quick");
string commit = args.FirstOrDefault(arg => arg.StartsWith("--commit=", StringComparison.Ordinal))?["--commit=".Length..] ?? "unknown";
if (args.FirstOrDefault(arg => arg != "--quick" && !arg.StartsWith("--commit=", StringComparison.Ordinal)) is string unknown)
{
    Console.Error.WriteLine($"Unknown argument {unknown}. Usage: benchmarks/run [--quick]");
    return 2;
}

Plan plan = quick ? Plan.Quick : Plan.Full;
IReadOnlyList<Measured> measured = await new Runner(plan).RunAsync(Candidates.All);
Console.Out.Write(Report.Of(measured, Candidates.All[0].Name, commit, plan));
return 0;
