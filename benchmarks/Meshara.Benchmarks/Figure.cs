namespace Meshara.Benchmarks;

/// <summary>What is read off a measurement.</summary>
internal enum Figure
{
    /// <summary>MB/s, messages/s or requests/s.</summary>
    Rate,

    /// <summary>µs of a round trip, the median.</summary>
    P50,

    /// <summary>µs of a round trip that one in a hundred exceeds.</summary>
    P99,

    /// <summary>Seconds of processor time of both processes for a GB, or for a million messages or requests.</summary>
    Cpu,

    /// <summary>Bytes that both processes allocate for a write, a message or a request.</summary>
    Allocated,
}

/// <summary>One figure of one workload with one candidate, a value for each repetition.</summary>
internal sealed record Series(Workload Workload, Figure Figure, string Candidate, double[] Values)
{
    /// <summary>For people: the workload and the unit.</summary>
    public string Name => Figure switch
    {
        Figure.Rate => $"{Workload.Name}, {Rate(Workload.Shape)}",
        Figure.P50 or Figure.P99 => $"{Label}, µs",
        _ => $"{Workload.Name}, for {(Workload.Shape == Shape.Bulk ? "1 GB" : "1,000,000")}",
    };

    /// <summary>The workload, and which of its two figures.</summary>
    public string Label => Figure switch
    {
        Figure.P50 => Workload.Name + ", p50",
        Figure.P99 => Workload.Name + ", p99",
        _ => Workload.Name,
    };

    public Spread Spread => Spread.Of(Values);

    public static Series Of(Measured measured, Figure figure) =>
        new(measured.Workload, figure, measured.Candidate, [.. measured.Samples.Select(sample => Value(measured, sample, figure))]);

    /// <summary>Each repetition's value as a multiple of the other's in the same repetition.</summary>
    public Spread Over(Series other) => Spread.Of([.. Values.Zip(other.Values, (own, theirs) => own / theirs)]);

    private static double Value(Measured measured, Sample sample, Figure figure) => figure switch
    {
        Figure.Rate => measured.Workload.Rate(measured.Count, sample.Elapsed),
        Figure.P50 => Report.Percentile(sample.RoundTrips, 0.50),
        Figure.P99 => Report.Percentile(sample.RoundTrips, 0.99),
        Figure.Cpu => sample.Used.Cpu.TotalSeconds / (measured.Workload.Shape == Shape.Bulk
            ? measured.Count * (double)measured.Workload.Size / 1e9
            : measured.Count / 1e6),
        _ => sample.Used.Allocated / (double)measured.Count,
    };

    private static string Rate(Shape shape) => shape switch { Shape.Bulk => "MB/s", Shape.Messages => "messages/s", _ => "requests/s" };
}

/// <summary>Of several values that in the middle, the least and the most.</summary>
internal sealed record Spread(double Median, double Min, double Max)
{
    public static Spread Of(double[] values) => new(Report.Percentile(values, 0.5), values.Min(), values.Max());
}
