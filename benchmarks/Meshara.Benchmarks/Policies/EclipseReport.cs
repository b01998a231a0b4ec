using System.Globalization;
using System.Text;

namespace Meshara.Benchmarks.Policies;

/// <summary>How often an attacker gets all outbound links of a node within a day.</summary>
internal static class EclipseReport
{
    public static string Of(int runs, int seed)
    {
        StringBuilder text = new();
        text.AppendLine(CultureInfo.InvariantCulture, $"""
            {EclipsePlan.HonestNodes} honest nodes in {EclipsePlan.HonestGroups} groups, {EclipsePlan.Attackers} attackers in {EclipsePlan.AttackerGroups} groups, {runs} runs, seed {seed}.
            """);
        foreach (EclipsePlan plan in EclipsePlan.Presets)
        {
            EclipseResult[] results = [.. Enumerable.Range(0, runs).Select(run => new EclipseRun(plan, seed + run).Run())];
            int eclipsed = results.Count(r => r.Eclipsed is not null);
            double share = (double)results.Sum(r => r.OfAttackers) / results.Sum(r => r.Links);
            text.AppendLine(CultureInfo.InvariantCulture, $"{plan.Name} eclipsed {eclipsed} share {share:0.000} links {results.Average(r => r.Links):0.0} outbound {results.Average(r => r.Outbound):0.0} bad {results.Average(r => r.Bad):0.0}");
        }

        return text.ToString();
    }
}
