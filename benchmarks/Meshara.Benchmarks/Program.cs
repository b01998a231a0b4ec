using System.Globalization;
using Meshara.Benchmarks;
using Meshara.Benchmarks.Flood;
using Meshara.Benchmarks.Policies;
using Meshara.Benchmarks.Scale;

if (args is [ChildProcess.Argument, string name, string parent])
{
    return await ChildProcess.ServeAsync(name, parent);
}

if (args is [FloodChild.Argument, ..])
{
    return await FloodChild.RunAsync(args[1..]);
}

if (args is [ScaleChild.Argument, ..])
{
    return await ScaleChild.RunAsync(args[1..]);
}

bool quick = args.Contains("--quick");
string commit = Value("--commit=") ?? "unknown";
if (args.Contains(PolicyProgram.Argument))
{
    return PolicyProgram.Run(commit, quick, seed: 1);
}

if (args.Contains("flood"))
{
    return await FloodBenchmark.RunAsync(commit, quick);
}

string only = Value("--only=") ?? "";
if (args.Contains(ScaleProgram.Argument))
{
    int links = int.Parse(Value("--links=") ?? (quick ? "1000" : "10000"), CultureInfo.InvariantCulture);
    return await ScaleProgram.RunAsync(new ScalePlan(commit, quick, links, Value("--command="), Value("--out=")), only);
}

List<Workload> workloads = [.. Workload.All.Where(workload => workload.Name.Contains(only, StringComparison.Ordinal))];
string[] options = ["--commit=", "--only=", "--out=", "--chart="];
if (args.FirstOrDefault(arg => arg != "--quick" && !options.Any(option => arg.StartsWith(option, StringComparison.Ordinal))) is string unknown)
{
    Console.Error.WriteLine($"Unknown argument {unknown}. Usage: benchmarks/run [flood|policies|scale] [--quick] [--only=PART_OF_A_WORKLOAD'S_NAME] [--out=FILE.md] [--chart=FILE.svg]");
    return 2;
}

if (workloads.Count == 0)
{
    Console.Error.WriteLine($"No workload has \"{only}\" in its name. There are:\n  {string.Join("\n  ", Workload.All.Select(workload => workload.Name))}");
    return 2;
}

Plan plan = quick ? Plan.Quick : Plan.Full;
IReadOnlyList<Measured> measured = await new Runner(plan).RunAsync(workloads, Candidates.All);
Report report = new(measured, yardstick: "raw SslStream", subject: "Meshara", commit, plan);
Console.Out.Write(report.ToMarkdown());
await KeepAsync(Value("--out="), report.ToMarkdown);
await KeepAsync(Value("--chart="), report.ToSvg);
return 0;

static Task KeepAsync(string? path, Func<string> text) => path is null ? Task.CompletedTask : File.WriteAllTextAsync(path, text());

string? Value(string option) => args.FirstOrDefault(arg => arg.StartsWith(option, StringComparison.Ordinal))?[option.Length..];
