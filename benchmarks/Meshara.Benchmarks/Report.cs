using System.Runtime;
using System.Runtime.InteropServices;
using System.Text;

using Meshara.Benchmarks.Charts;

namespace Meshara.Benchmarks;

/// <summary>The measurements as two tables in Markdown and as a chart.</summary>
/// <param name="all">What was measured.</param>
/// <param name="yardstick">The candidate that the others are multiples of.</param>
/// <param name="subject">The candidate that has targets.</param>
/// <param name="commit">What was built.</param>
/// <param name="plan">How it was measured.</param>
internal sealed class Report(IReadOnlyList<Measured> all, string yardstick, string subject, string commit, Plan plan)
{
    private readonly DateTimeOffset _at = TimeProvider.System.GetUtcNow();

    private readonly string _load = Load();

    private readonly List<Series> _series = [.. all.SelectMany(measured => Figures(measured.Workload).Select(figure => Series.Of(measured, figure)))];

    /// <summary>The tables, with what one must know to read them.</summary>
    public string ToMarkdown()
    {
        StringBuilder text = new();
        text.AppendLine($"# {subject} beside {yardstick}").AppendLine();
        text.AppendLine($"- {_at:yyyy-MM-dd HH:mm} UTC, commit {commit}");
        text.AppendLine($"- {Processors()}{_load}; {RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture}");
        text.AppendLine($"- {RuntimeInformation.FrameworkDescription}, {(GCSettings.IsServerGC ? "server" : "workstation")} GC");
        text.AppendLine($"- two processes over loopback; {plan.Repetitions} interleaved repetitions of about {plan.Duration.TotalSeconds:0.##} s");
        text.AppendLine();
        text.AppendLine($"| workload | candidate | median | min – max | ÷ {yardstick} | min – max | target for {subject} |");
        text.AppendLine("|---|---|--:|--:|--:|--:|---|");
        foreach ((Series series, Spread? ratio) in Lines(Figure.Rate, Figure.P50, Figure.P99))
        {
            text.AppendLine($"| {series.Name} | {series.Candidate} | {Cells(series.Spread, Show)} | {Cells(ratio, Ratio)} | {Judged(series, ratio)} |");
        }

        Costs(text);
        text.AppendLine();
        text.AppendLine($"÷ {yardstick}: each repetition's value divided by that of {yardstick} in the same repetition, and of these the median. Of rates more is better, of all else less. MB and GB are 10^6 and 10^9 bytes. A bare stream has one writer: lines of four producers are set beside its one.");
        return text.ToString();
    }

    /// <summary>The ratios as bars.</summary>
    public string ToSvg()
    {
        List<string> candidates = [subject, .. all.Select(measured => measured.Candidate).Distinct().Where(name => name != subject && name != yardstick)];
        BarPanel[] panels =
        [
            new("Rates: more is better", [.. Groups(candidates, shape => shape != Shape.InFlight, Figure.Rate)]),
            new("Requests (Meshara, POST) beside packed echoes (the others): more is better", [.. Groups(candidates, shape => shape == Shape.InFlight, Figure.Rate)]),
            new("Times: less is better", [.. Groups(candidates, _ => true, Figure.P50, Figure.P99)]),
        ];
        string subtitle = $"{_at:yyyy-MM-dd}, commit {commit}, {Processors()}; median of {plan.Repetitions}, thin line: min to max, cut off at the edge";
        return new BarChart(
            $"Speed as a multiple of {yardstick}",
            subtitle,
            candidates,
            [.. panels.Where(panel => panel.Groups.Count > 0)],
            (1, yardstick),
            value => $"{value:0.00}").ToSvg();
    }

    /// <summary>A value with as many places as its size calls for.</summary>
    public static string Show(double value) => value switch { >= 1000 => $"{value:N0}", >= 10 => $"{value:0.0}", _ => $"{value:0.00}" };

    public static double Percentile(double[] values, double rank)
    {
        double[] sorted = [.. values.Order()];
        return sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * rank))];
    }

    public static string Processors()
    {
        const string CpuInfo = "/proc/cpuinfo";
        string? model = File.Exists(CpuInfo)
            ? File.ReadLines(CpuInfo).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))
            : Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER");
        return $"{model?.Split(':')[^1].Trim() ?? "processor unknown"}, {Environment.ProcessorCount} logical processors";
    }

    // Other work on the machine explains odd numbers; a busy run is not worth keeping.
    public static string Load()
    {
        const string LoadAverage = "/proc/loadavg";
        return File.Exists(LoadAverage) ? $", load average {File.ReadAllText(LoadAverage).Split(' ')[0]}" : "";
    }

    private void Costs(StringBuilder text)
    {
        text.AppendLine();
        text.AppendLine("Of both processes together, processor time in seconds, and bytes allocated for each write, message or request:");
        text.AppendLine();
        text.AppendLine($"| workload | candidate | CPU s | min – max | ÷ {yardstick} | min – max | target for {subject} | allocated B | min – max | target for {subject} |");
        text.AppendLine("|---|---|--:|--:|--:|--:|---|--:|--:|---|");
        foreach ((Series cpu, Spread? ratio) in Lines(Figure.Cpu))
        {
            Series allocated = _series.Single(series => series.Figure == Figure.Allocated && series.Workload == cpu.Workload && series.Candidate == cpu.Candidate);
            text.AppendLine($"| {cpu.Name} | {cpu.Candidate} | {Cells(cpu.Spread, Show)} | {Cells(ratio, Ratio)} | {Judged(cpu, ratio)} | {Cells(allocated.Spread, Show)} | {Judged(allocated, null)} |");
        }
    }

    private IEnumerable<BarGroup> Groups(List<string> candidates, Func<Shape, bool> wanted, params Figure[] figures) =>
        from line in Lines(figures)
        where line.Ratio is not null && wanted(line.Series.Workload.Shape)
        group line by line.Series.Label into lines
        select new BarGroup(lines.Key, [.. candidates.Select(name => lines.FirstOrDefault(line => line.Series.Candidate == name) is { Ratio: Spread ratio } line ? Bar(line.Series, ratio) : null)]);

    private Bar Bar(Series series, Spread ratio)
    {
        Target? target = Aim(series);
        return new Bar(ratio.Median, ratio.Min, ratio.Max, target is { IsRatio: true } ? target.Limit : null);
    }

    private Target? Aim(Series series) => series.Candidate == subject ? Target.Of(series.Figure, series.Workload) : null;

    private string Judged(Series series, Spread? ratio) => Aim(series)?.Judge(series.Spread, ratio) ?? "";

    private IEnumerable<(Series Series, Spread? Ratio)> Lines(params Figure[] figures) =>
        from series in _series
        where figures.Contains(series.Figure)
        let beside = series.Candidate == yardstick ? null : Yardstick(series)
        select (series, beside is null ? null : series.Over(beside));

    // The same workload; without it, that of the same shape and size.
    private Series? Yardstick(Series series)
    {
        List<Series> own = _series.FindAll(other => other.Candidate == yardstick && other.Figure == series.Figure);
        return own.Find(other => other.Workload == series.Workload)
            ?? own.Find(other => other.Workload.Shape == series.Workload.Shape && other.Workload.Size == series.Workload.Size);
    }

    private static Figure[] Figures(Workload workload) =>
        workload.Shape == Shape.RoundTrip ? [Figure.P50, Figure.P99, Figure.Cpu, Figure.Allocated] : [Figure.Rate, Figure.Cpu, Figure.Allocated];

    private static string Cells(Spread? spread, Func<double, string> show) =>
        spread is null ? "|" : $"{show(spread.Median)} | {show(spread.Min)} – {show(spread.Max)}";

    private static string Ratio(double value) => $"{value:0.00}";
}
