using System.Globalization;

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
        string target = Target is { } t ? $"{(t.AtLeast ? "≥" : "≤")} {Show(t.Value)}" : "";
        string met = Target is { } goal ? goal.IsMet(Median) ? "met" : "**missed**" : "";
        return $"| {Name} | {Unit} | {Show(Median)} | {Show(Values.Min())} | {Show(Values.Max())} | {target} | {met} |";
    }

    private static string Show(double value) => value.ToString(value >= 1000 ? "N0" : value >= 10 ? "0.0" : "0.00", CultureInfo.InvariantCulture);
}

/// <summary>A bound of the issue "Fast".</summary>
internal readonly record struct Target(double Value, bool AtLeast)
{
    public static Target Least(double value) => new(value, AtLeast: true);

    public static Target Most(double value) => new(value, AtLeast: false);

    public bool IsMet(double value) => AtLeast ? value >= Value : value <= Value;
}
