namespace Meshara.Benchmarks;

/// <summary>What Meshara means to reach.</summary>
/// <param name="Limit">The value.</param>
/// <param name="AtLeast">More is better; otherwise the limit is the most.</param>
/// <param name="IsRatio">A multiple of the yardstick in the same repetition; otherwise the figure itself.</param>
internal sealed record Target(double Limit, bool AtLeast, bool IsRatio)
{
    /// <summary>The target for a figure of a workload, if it has one.</summary>
    public static Target? Of(Figure figure, Workload workload) => (figure, workload.Shape, workload.Size, workload.Concurrency) switch
    {
        (Figure.Rate, Shape.Bulk, _, _) => Least(0.95, ofYardstick: true),
        (Figure.Rate, Shape.Messages, 64, 1) => Least(0.40, ofYardstick: true),
        (Figure.Rate, Shape.Messages, 1024, 1) => Least(0.85, ofYardstick: true),
        (Figure.Rate, Shape.Messages, 16 * 1024, 1) => Least(0.95, ofYardstick: true),
        (Figure.Rate, Shape.Messages, 64, 4) => Least(0.60, ofYardstick: true),
        (Figure.Rate, Shape.Messages, 1024, 4) => Least(0.90, ofYardstick: true),
        (Figure.Rate, Shape.InFlight, _, _) => Least(600_000),
        (Figure.P50, _, _, _) => Most(1.25, ofYardstick: true),
        (Figure.P99, _, _, _) => Most(1.30, ofYardstick: true),
        (Figure.Cpu, Shape.Bulk, _, _) => Most(1.0),
        // None at all, but for what a run needs once.
        (Figure.Allocated, Shape.Messages, 64, _) => Most(0.5),
        (Figure.Allocated, Shape.RoundTrip or Shape.InFlight, _, _) => Most(200),
        _ => null,
    };

    /// <summary>How it is written before the limit.</summary>
    public char Sign => AtLeast ? '≥' : '≤';

    public static Target Least(double limit, bool ofYardstick = false) => new(limit, AtLeast: true, ofYardstick);

    public static Target Most(double limit, bool ofYardstick = false) => new(limit, AtLeast: false, ofYardstick);

    /// <summary>Whether a value keeps the limit.</summary>
    public string Verdict(double value) => (AtLeast ? value >= Limit : value <= Limit) ? "met" : "**missed**";

    /// <summary>The limit and whether the median keeps it.</summary>
    public string Judge(Spread value, Spread? ratio)
    {
        if ((IsRatio ? ratio : value)?.Median is not double measured)
        {
            return ""; // measured without the yardstick
        }

        string limit = IsRatio ? $"{Limit:0.00} ×" : $"{Limit:#,0.##}";
        return $"{Sign} {limit}: {Verdict(Math.Round(measured, 2))}"; // as it is shown
    }
}
