namespace Meshara.Benchmarks.Charts;

/// <summary>What values an axis shows, and where.</summary>
/// <param name="Label">What is shown, with its unit.</param>
/// <param name="Logarithmic">Each decade is as long as the other. Values must be above zero. Otherwise linear from zero.</param>
/// <param name="Ticks">The values with a grid line; null: round ones.</param>
/// <param name="Show">A value as text; null: short, as 1.5, 20k, 3M.</param>
internal sealed record Axis(string Label, bool Logarithmic = false, IReadOnlyList<double>? Ticks = null, Func<double, string>? Show = null)
{
    /// <summary>A value as text.</summary>
    public string Text(double value) => Show?.Invoke(value) ?? Short(value);

    /// <summary>The axis for these values: its two ends and its ticks.</summary>
    public Scale Over(IEnumerable<double> values)
    {
        List<double> all = [.. values, .. Ticks ?? []];
        if (all.Count == 0 || !all.TrueForAll(value => double.IsFinite(value) && (value > 0 || !Logarithmic)))
        {
            throw new ArgumentException($"The axis \"{Label}\" has no values, or some that it cannot show.", nameof(values));
        }

        return Logarithmic ? Decades(all.Min(), all.Max()) : Steps(all.Max());
    }

    /// <summary>At most three digits and a letter for thousands, millions, thousand millions.</summary>
    public static string Short(double value) => Math.Abs(value) switch
    {
        >= 999.5e6 => $"{value / 1e9:0.##}G",
        >= 999.5e3 => $"{value / 1e6:0.##}M",
        >= 1e4 => $"{value / 1e3:0.#}k",
        >= 100 => $"{value:0}",
        >= 1 or 0 => $"{value:0.##}",
        _ => $"{value:0.####}",
    };

    // Whole decades; within less than two of them also 2 and 5.
    private Scale Decades(double min, double max)
    {
        // Half a step to each side where the ticks are given: the first and the last point are not on the edge.
        double low = Ticks is null ? Math.Pow(10, Math.Floor(Math.Log10(min))) : min / 1.3;
        double high = Ticks is null ? Math.Pow(10, Math.Ceiling(Math.Log10(max))) : max * 1.3;
        high = high > low ? high : low * 10;
        List<double> ticks = [];
        bool few = high / low < 500;
        for (double decade = low; Ticks is null && decade <= high * 1.0001; decade *= 10)
        {
            ticks.AddRange(few && decade < high / 2 ? [decade, decade * 2, decade * 5] : [decade]);
        }

        return new Scale(low, high, Logarithmic: true, Ticks ?? ticks);
    }

    // About five steps of 1, 2 or 5 times a power of ten.
    private Scale Steps(double max)
    {
        max = max > 0 ? max : 1;
        double power = Math.Pow(10, Math.Floor(Math.Log10(max / 5)));
        double step = new[] { 1.0, 2, 5, 10 }.Select(factor => factor * power).First(step => max / step <= 5.0001);
        double end = Math.Ceiling((max / step) - 0.0001) * step;
        return new Scale(0, end, Logarithmic: false, Ticks ?? [.. Enumerable.Range(0, (int)Math.Round(end / step) + 1).Select(i => i * step)]);
    }
}

/// <summary>The two ends of an axis and its ticks.</summary>
internal sealed record Scale(double Low, double High, bool Logarithmic, IReadOnlyList<double> Ticks)
{
    /// <summary>Where a value is: 0 at the low end, 1 at the high one.</summary>
    public double Place(double value) => Logarithmic
        ? Math.Log(value / Low) / Math.Log(High / Low)
        : (value - Low) / (High - Low);
}
