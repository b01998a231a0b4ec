using System.Globalization;
using System.Text;

namespace Meshara.Benchmarks.Policies;

/// <summary><c>benchmarks/run policies</c>: what the policies of <c>Core/Policy</c> cost and what they withstand, as Markdown.</summary>
internal static class PolicyProgram
{
    public const string Argument = "policies";

    private const int Runs = 1000, QuickRuns = 50;
    private const double NodeHours = 1e6, QuickNodeHours = 3e4;

    public static int Run(string commit, bool quick, int seed)
    {
        Console.Out.WriteLine($"# The policies, commit {commit}\n");
        Section("Next dial among many addresses", PickBenchmark.Run);
        Section("A flood of peer records", () => RecordFlood.Run(quick));
        Section("Eclipse", () => EclipseReport.Of(quick ? QuickRuns : Runs, seed));
        Section("Honest peers", () => HonestReport.Of(quick ? QuickNodeHours : NodeHours, seed));
        return 0;
    }

    private static void Section(string name, Func<string> body)
    {
        long start = TimeProvider.System.GetTimestamp();
        StringBuilder text = new();
        text.AppendLine(CultureInfo.InvariantCulture, $"## {name}").AppendLine().AppendLine(body());
        text.AppendLine(CultureInfo.InvariantCulture, $"Took {TimeProvider.System.GetElapsedTime(start).TotalSeconds:0} s.");
        Console.Out.WriteLine(text);
    }
}
