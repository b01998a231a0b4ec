using System.Runtime.InteropServices;
using System.Text;

namespace Meshara.Benchmarks.Scale;

/// <summary>How much is measured.</summary>
/// <param name="Quick">A first look.</param>
/// <param name="Links">Idle links to one node.</param>
internal sealed record ScalePlan(bool Quick, int Links);

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
    ];

    public static async Task<int> RunAsync(string commit, ScalePlan plan, string only)
    {
        if (!OperatingSystem.IsLinux())
        {
            await Console.Error.WriteLineAsync("The scale benchmark reads /proc, which Linux alone has.");
            return 2;
        }

        StringBuilder text = new();
        text.AppendLine("# What many links cost").AppendLine();
        text.AppendLine($"- {TimeProvider.System.GetUtcNow():yyyy-MM-dd HH:mm} UTC, commit {commit}");
        text.AppendLine($"- {Report.Processor()}, {Environment.ProcessorCount} logical processors{Report.Load()} before the run; {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}");
        text.AppendLine("- two processes and more over loopback; repetitions are interleaved, ratios are of the same repetition").AppendLine();
        text.AppendLine("| row | unit | median | min | max | target | |");
        text.AppendLine("|---|---|--:|--:|--:|--:|---|");
        foreach ((string name, Func<ScalePlan, Task<IReadOnlyList<ScaleRow>>> measure) in Parts.Where(p => p.Name.Contains(only, StringComparison.Ordinal)))
        {
            await Console.Error.WriteLineAsync(name);
            foreach (ScaleRow row in await measure(plan))
            {
                text.AppendLine(row.ToString());
            }
        }

        await Console.Out.WriteAsync(text);
        return 0;
    }
}
