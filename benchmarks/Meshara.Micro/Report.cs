using System.Globalization;
using System.Text;
using BenchmarkDotNet.Environments;
using BenchmarkDotNet.Mathematics;
using BenchmarkDotNet.Reports;

namespace Meshara.Micro;

/// <summary>One table in Markdown, in the form of the other benchmarks.</summary>
internal static class Report
{
    public static string Of(IEnumerable<BenchmarkReport> reports, string commit)
    {
        StringBuilder text = new();
        text.AppendLine(CultureInfo.InvariantCulture, $"- {TimeProvider.System.GetUtcNow():yyyy-MM-dd HH:mm} UTC, commit {commit}");
        text.AppendLine(CultureInfo.InvariantCulture, $"- {Machine()}");
        text.AppendLine();
        text.AppendLine("| | ns, median | min | max | bytes allocated |");
        text.AppendLine("|---|---:|---:|---:|---:|");
        foreach (BenchmarkReport report in reports.OrderBy(static r => r.BenchmarkCase.Descriptor.Type.Name, StringComparer.Ordinal))
        {
            Statistics times = report.ResultStatistics!;
            text.AppendLine(CultureInfo.InvariantCulture, $"| {report.BenchmarkCase.Descriptor.WorkloadMethodDisplayInfo.Trim('\'')} | {Time(times.Median)} | {Time(times.Min)} | {Time(times.Max)} | {report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase):N0} |");
        }

        return text.ToString();
    }

    private static string Machine()
    {
        HostEnvironmentInfo host = HostEnvironmentInfo.GetCurrent();
        return $"{host.CpuInfo.Value?.ProcessorName}, {Environment.ProcessorCount} logical processors; {host.OsVersion.Value}, {host.RuntimeVersion}";
    }

    // Three digits, whatever the size.
    private static string Time(double nanoseconds) => nanoseconds.ToString(nanoseconds < 10 ? "0.00" : nanoseconds < 100 ? "0.0" : "N0", CultureInfo.InvariantCulture);
}
