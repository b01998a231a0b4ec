using System.Globalization;
using System.Text;
using Meshara.Core.Policy;

namespace Meshara.Benchmarks.Policies;

/// <summary>How often attackers get all outbound links of a node within a day.</summary>
internal static class EclipseReport
{
    public static string Of(int runs, int seed)
    {
        int others = Math.Max(10, runs / 10);
        StringBuilder text = new();
        text.AppendLine(CultureInfo.InvariantCulture, $"""
            {EclipsePlan.HonestNodes} honest nodes in {EclipsePlan.HonestGroups} groups, there for {EclipsePlan.MeanSession.TotalHours} h and away for {EclipsePlan.MeanAbsence.TotalHours} h on average; {EclipsePlan.Attackers} attackers in {EclipsePlan.AttackerGroups} groups,
            always there, with all the inbound places and all the table entries that they can get. One victim a run, attacked for 24 h. Seed {seed}.

            | victim | preset | runs | all outbound links theirs at some moment | theory, at most | for a minute and more | theory, at most | links made | strangers of these | attackers among strangers | outbound links at the end | theirs |
            |---|---|---|---|---|---|---|---|---|---|---|---|
            """);
        foreach (EclipsePlan plan in EclipsePlan.Presets)
        {
            Row(text, "as built", plan, runs, seed);
        }

        foreach (EclipsePlan plan in EclipsePlan.Presets)
        {
            Row(text, "new, attacked from its first minute", plan with { Before = TimeSpan.Zero }, others, seed);
        }

        foreach (EclipsePlan plan in EclipsePlan.Presets)
        {
            Row(text, "draws a stranger each time", plan with { Regulars = false }, others, seed);
        }

        text.AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"""
            Theory: a stranger that answers is an attacker with p <= {EclipsePlan.AttackerGroups} / ({EclipsePlan.AttackerGroups} + h), h = the honest groups proven when the attack begins (feelers, half of them answered) of which one is there
            (half of them). Of the S strangers that a day needs (from runs in which attackers only call in) at least n must be attackers, n = the least outbound links that callers leave
            room for: P(Binomial(S, p) >= n). For a moment, while one link is being replaced, n - 1 are enough.
            """);
        return text.ToString();
    }

    private static void Row(StringBuilder text, string victim, EclipsePlan plan, int runs, int seed)
    {
        EclipseResult[] results = [.. Enumerable.Range(0, runs).Select(run => new EclipseRun(plan, seed + run).Run())];
        int[] needed = [.. Enumerable.Range(0, Math.Max(10, runs / 20)).Select(run => new EclipseRun(plan with { Poison = false }, seed + run).Run().Strangers)];
        int least = Math.Min(plan.Target - ((plan.Target + 1) / 2), plan.Max - ConnectionPlan.InboundSlots(plan.Target, plan.Max));
        double strangers = results.Average(r => r.Strangers);
        double attackers = results.Sum(r => (double)r.Attackers) / Math.Max(1, results.Sum(r => r.Strangers));
        text.AppendLine(CultureInfo.InvariantCulture, $"| {victim} | {plan.Name} | {runs:N0} | {Share(results, r => r.Eclipsed):0.0%} | {needed.Average(s => Theory(plan, s, least - 1)):0.0%} | {Share(results, r => r.Lasting):0.0%} | {needed.Average(s => Theory(plan, s, least)):0.0%} | {results.Average(r => r.Links):0.0} | {strangers:0.0} | {attackers:0%} | {results.Average(r => r.Outbound):0.0} | {results.Average(r => r.Bad):0.0} |");
    }

    private static double Share(EclipseResult[] results, Func<EclipseResult, TimeSpan?> moment) => (double)results.Count(r => moment(r) is not null) / results.Length;

    private static double Theory(EclipsePlan plan, int strangers, int least)
    {
        double proven = EclipsePlan.BootstrapNodes + (plan.Before / EclipsePlan.Feeler / 2);
        double groups = EclipsePlan.HonestGroups * (1 - Math.Pow(1 - (1.0 / EclipsePlan.HonestGroups), proven));
        double p = EclipsePlan.AttackerGroups / (EclipsePlan.AttackerGroups + (groups / 2));

        // The tail of the binomial distribution, term by term.
        double tail = 0, term = Math.Pow(1 - p, strangers);
        for (int k = 0; k <= strangers; k++)
        {
            tail += k >= least ? term : 0;
            term *= (double)(strangers - k) / (k + 1) * (p / (1 - p));
        }

        return Math.Min(1, tail);
    }
}
