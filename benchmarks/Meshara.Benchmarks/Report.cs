using System.Runtime;
using System.Runtime.InteropServices;
using System.Text;

namespace Meshara.Benchmarks;

/// <summary>The measurements as Markdown.</summary>
internal static class Report
{
    public static string Of(IReadOnlyList<Measured> all, string baseline, string commit, Plan plan)
    {
        StringBuilder text = new();
        text.AppendLine($"# Meshara beside {baseline}").AppendLine();
        text.AppendLine($"- {TimeProvider.System.GetUtcNow():yyyy-MM-dd HH:mm} UTC, commit {commit}");
        text.AppendLine($"- {Processor()}, {Environment.ProcessorCount} logical processors{Load()}; {RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture}");
        text.AppendLine($"- {RuntimeInformation.FrameworkDescription}, {(GCSettings.IsServerGC ? "server" : "workstation")} GC");
        text.AppendLine($"- two processes over loopback; {plan.Repetitions} interleaved repetitions of about {plan.Duration.TotalSeconds:0.##} s");
        text.AppendLine();
        text.AppendLine($"| workload | unit | candidate | median | min | max | median ÷ {baseline} |");
        text.AppendLine("|---|---|---|--:|--:|--:|--:|");
        foreach (Line line in all.SelectMany(Lines))
        {
            Line? yardstick = Yardstick(all, line, baseline);
            string ratio = yardstick is null || line.Candidate == baseline ? "" : $"{line.Median / yardstick.Median:0.00}";
            text.AppendLine($"| {line.Name} | {line.Unit} | {line.Candidate} | {Show(line.Median)} | {Show(line.Min)} | {Show(line.Max)} | {ratio} |");
        }

        text.AppendLine();
        text.AppendLine("MB is 10^6 bytes. Of rates more is better, of µs less. A bare stream has one writer: lines of four producers are set beside its one.");
        return text.ToString();
    }

    private static IEnumerable<Line> Lines(Measured measured)
    {
        Workload workload = measured.Workload;
        if (workload.Shape == Shape.RoundTrip)
        {
            return
            [
                new Line(workload.Name + ", p50", "µs", workload, measured.Candidate, [.. measured.Samples.Select(sample => Percentile(sample.RoundTripMicroseconds, 0.50))]),
                new Line(workload.Name + ", p99", "µs", workload, measured.Candidate, [.. measured.Samples.Select(sample => Percentile(sample.RoundTripMicroseconds, 0.99))]),
            ];
        }

        string unit = workload.Shape switch { Shape.Bulk => "MB/s", Shape.Messages => "messages/s", _ => "requests/s" };
        return [new Line(workload.Name, unit, workload, measured.Candidate, [.. measured.Samples.Select(sample => workload.Rate(measured.Count, sample.Elapsed))])];
    }

    // The same line of the baseline; without one, that of the same shape and size.
    private static Line? Yardstick(IReadOnlyList<Measured> all, Line line, string baseline)
    {
        List<Line> own = [.. all.Where(measured => measured.Candidate == baseline).SelectMany(Lines)];
        return own.Find(other => other.Name == line.Name)
            ?? own.Find(other => other.Unit == line.Unit && other.Workload.Shape == line.Workload.Shape && other.Workload.Size == line.Workload.Size);
    }

    public static double Percentile(double[] values, double rank)
    {
        double[] sorted = [.. values.Order()];
        return sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * rank))];
    }

    private static string Show(double value) => value >= 1000 ? $"{value:N0}" : $"{value:0.0}";

    public static string Processor()
    {
        const string CpuInfo = "/proc/cpuinfo";
        string? model = File.Exists(CpuInfo)
            ? File.ReadLines(CpuInfo).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))
            : Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER");
        return model?.Split(':')[^1].Trim() ?? "processor unknown";
    }

    // Other work on the machine explains odd numbers; a busy run is not worth keeping.
    public static string Load()
    {
        const string LoadAverage = "/proc/loadavg";
        return File.Exists(LoadAverage) ? $", load average {File.ReadAllText(LoadAverage).Split(' ')[0]}" : "";
    }

    private sealed record Line(string Name, string Unit, Workload Workload, string Candidate, double[] Values)
    {
        public double Median => Percentile(Values, 0.5);

        public double Min => Values.Min();

        public double Max => Values.Max();
    }
}
