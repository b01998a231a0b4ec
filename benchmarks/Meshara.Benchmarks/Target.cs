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
        (Figure.Rate, Shape.Bulk, _, _) => new(0.95, AtLeast: true, IsRatio: true),
        (Figure.Rate, Shape.Messages, 64, 1) => new(0.40, AtLeast: true, IsRatio: true),
        (Figure.Rate, Shape.Messages, 1024, 1) => new(0.85, AtLeast: true, IsRatio: true),
        (Figure.Rate, Shape.Messages, 16 * 1024, 1) => new(0.95, AtLeast: true, IsRatio: true),
        (Figure.Rate, Shape.Messages, 64, 4) => new(0.60, AtLeast: true, IsRatio: true),
        (Figure.Rate, Shape.Messages, 1024, 4) => new(0.90, AtLeast: true, IsRatio: true),
        (Figure.Rate, Shape.InFlight, _, _) => new(600_000, AtLeast: true, IsRatio: false),
        (Figure.P50, _, _, _) => new(1.25, AtLeast: false, IsRatio: true),
        (Figure.P99, _, _, _) => new(1.30, AtLeast: false, IsRatio: true),
        (Figure.Cpu, Shape.Bulk, _, _) => new(1.0, AtLeast: false, IsRatio: false),
        // None at all, but for what a run needs once.
        (Figure.Allocated, Shape.Messages, 64, _) => new(0.5, AtLeast: false, IsRatio: false),
        (Figure.Allocated, Shape.RoundTrip or Shape.InFlight, _, _) => new(200, AtLeast: false, IsRatio: false),
        _ => null,
    };

    /// <summary>The limit and whether the median keeps it.</summary>
    public string Judge(Spread value, Spread? ratio)
    {
        if ((IsRatio ? ratio : value)?.Median is not double measured)
        {
            return ""; // measured without the yardstick
        }

        measured = Math.Round(measured, 2); // as it is shown
        string limit = IsRatio ? $"{Limit:0.00} ×" : $"{Limit:#,0.##}";
        return $"{(AtLeast ? "≥" : "≤")} {limit}: {((AtLeast ? measured >= Limit : measured <= Limit) ? "met" : "**missed**")}";
    }
}
