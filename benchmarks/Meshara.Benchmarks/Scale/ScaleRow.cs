namespace Meshara.Benchmarks.Scale;

/// <summary>One line of the table.</summary>
/// <param name="Name">What was measured.</param>
/// <param name="Unit">Of the values.</param>
/// <param name="Values">One for each repetition.</param>
internal sealed record ScaleRow(string Name, string Unit, IReadOnlyList<double> Values)
{
    /// <summary>What the median is to be; null: the line stands for comparison only.</summary>
    public Target? Target { get; init; }

    public double Median => Report.Percentile([.. Values], 0.5);

    public override string ToString()
    {
        (string limit, string verdict) = Target is { } target ? ($"{target.Sign} {Report.Show(target.Limit)}", target.Verdict(Median)) : ("", "");
        return $"| {Name} | {Unit} | {Report.Show(Median)} | {Report.Show(Values.Min())} | {Report.Show(Values.Max())} | {limit} | {verdict} |";
    }
}
