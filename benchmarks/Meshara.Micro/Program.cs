using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Meshara.Micro;
using Perfolizer.Horology;

// usage: Meshara.Micro [--commit=NAME] [FILTER…], a filter as '*Frame*'. Standard output is the table alone; what BenchmarkDotNet says meanwhile goes to standard error.
const string CommitOption = "--commit=";
string commit = args.FirstOrDefault(static a => a.StartsWith(CommitOption, StringComparison.Ordinal))?[CommitOption.Length..] ?? "unknown";
string[] filters = [.. args.Where(static a => !a.StartsWith(CommitOption, StringComparison.Ordinal))];
if (Array.Find(filters, static f => f.StartsWith('-')) is { } option)
{
    // BenchmarkDotNet would answer with the help of its own options, which are not meant here.
    Console.Error.WriteLine($"'{option}' is no option here. usage: benchmarks/run micro [FILTER…], a filter as '*Frame*'");
    return 2;
}

// In this process: the ordinary toolchain builds a project of its own, which knows nothing of how this repository pins its packages.
Job job = Job.Default
    .WithToolchain(InProcessEmitToolchain.Instance)
    .WithWarmupCount(3)
    .WithIterationCount(9)
    .WithIterationTime(TimeInterval.FromMilliseconds(100));
using StreamWriter errors = new(Console.OpenStandardError()) { AutoFlush = true };
ManualConfig config = ManualConfig.CreateEmpty()
    .AddJob(job)
    .AddDiagnoser(MemoryDiagnoser.Default)
    .AddLogger(new StreamLogger(errors))
    .WithArtifactsPath(Path.Combine(AppContext.BaseDirectory, "BenchmarkDotNet.Artifacts"));
Summary[] summaries = [.. BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(["--filter", .. filters.Length == 0 ? ["*"] : filters], config)];
BenchmarkReport[] reports = [.. summaries.SelectMany(static s => s.Reports)];
if (reports.Length == 0 || !Array.TrueForAll(reports, static r => r.Success))
{
    return 1;
}

Console.Write(Report.Of(reports, commit));
return 0;
