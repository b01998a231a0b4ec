using System.Runtime.InteropServices;
using System.Text;

namespace Meshara.Benchmarks.Scale;

/// <summary><c>benchmarks/run scale</c>: what many connections cost, beside raw SslStream where the two can be compared, as Markdown.</summary>
internal static class ScaleProgram
{
    public const string Argument = "scale";

    private static readonly (string Name, Func<ScalePlan, Task<IReadOnlyList<ScaleRow>>> Measure)[] Parts =
    [
        ("connections", ConnectionRate.MeasureAsync),
        ("memory", IdleMemory.MeasureAsync),
        ("many", ManyLinks.MeasureAsync),
        ("fairness", Fairness.MeasureAsync),
        ("start", StartUp.MeasureAsync),
        ("growth of throughput", Growth.ThroughputAsync),
        ("growth of memory", Growth.MemoryAsync),
        ("growth of dial choice", Growth.DialChoiceAsync),
    ];

    public static async Task<int> RunAsync(ScalePlan plan, string only)
    {
        if (!OperatingSystem.IsLinux())
        {
            await Console.Error.WriteLineAsync("The scale benchmark reads /proc, which Linux alone has.");
            return 2;
        }

        StringBuilder text = new();
        text.AppendLine("# What many links cost").AppendLine();
        text.AppendLine($"- {TimeProvider.System.GetUtcNow():yyyy-MM-dd HH:mm} UTC, commit {plan.Commit}");
        text.AppendLine($"- {Report.Processors()}{Report.Load()} before the run; {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}");
        text.AppendLine("- over loopback, in two or three processes where links are between processes; repetitions are interleaved, ratios are of the same repetition").AppendLine();
        text.AppendLine("| row | unit | median | min | max | target | |");
        text.AppendLine("|---|---|--:|--:|--:|--:|---|");
        (string Name, Func<ScalePlan, Task<IReadOnlyList<ScaleRow>>> Measure)[] parts = [.. Parts.Where(p => p.Name.Contains(only, StringComparison.Ordinal))];
        if (parts.Length == 0)
        {
            await Console.Error.WriteLineAsync($"No part has \"{only}\" in its name. There are: {string.Join(", ", Parts.Select(static p => p.Name))}.");
            return 2;
        }

        foreach ((string name, Func<ScalePlan, Task<IReadOnlyList<ScaleRow>>> measure) in parts)
        {
            await Console.Error.WriteLineAsync(name);
            foreach (ScaleRow row in await measure(plan))
            {
                text.AppendLine(row.ToString());
            }
        }

        await Console.Out.WriteAsync(text);
        await (plan.Out is { } path ? File.WriteAllTextAsync(path, text.ToString()) : Task.CompletedTask);
        return 0;
    }
}
