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

if (args.Contains("--help"))
{
    Console.Out.WriteLine(Arguments.Usage);
    return 0;
}

if (Arguments.Parse(args, out string wrong) is not { } arguments)
{
    Console.Error.WriteLine($"{wrong}\n{Arguments.Usage}");
    return 2;
}

arguments.MakeFolders();
bool quick = arguments.Quick;
string commit = arguments.Value("--commit=") ?? "unknown";
string only = arguments.Value("--only=") ?? "";
switch (arguments.Mode)
{
    case PolicyProgram.Argument:
        return PolicyProgram.Run(commit, quick, seed: 1);
    case "flood":
        return await FloodBenchmark.RunAsync(commit, quick);
    case ScaleProgram.Argument:
        int links = int.Parse(arguments.Value("--links=") ?? (quick ? "1000" : "10000"), CultureInfo.InvariantCulture);
        return await ScaleProgram.RunAsync(new ScalePlan(commit, quick, links, arguments.Value("--command="), arguments.Value("--out=")), only);
    default:
        break;
}

List<Workload> workloads = [.. Workload.All.Where(workload => workload.Name.Contains(only, StringComparison.Ordinal))];
if (workloads.Count == 0)
{
    Console.Error.WriteLine($"No workload has \"{only}\" in its name. There are:\n  {string.Join("\n  ", Workload.All.Select(workload => workload.Name))}");
    return 2;
}

Plan plan = quick ? Plan.Quick : Plan.Full;
IReadOnlyList<Measured> measured = await new Runner(plan).RunAsync(workloads, Candidates.All);
Report report = new(measured, yardstick: "raw SslStream", subject: "Meshara", commit, plan);
Console.Out.Write(report.ToMarkdown());
await KeepAsync(arguments.Value("--out="), report.ToMarkdown);
await KeepAsync(arguments.Value("--chart="), report.ToSvg);
return 0;

static Task KeepAsync(string? path, Func<string> text) => path is null ? Task.CompletedTask : File.WriteAllTextAsync(path, text());
