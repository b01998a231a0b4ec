namespace Meshara.Benchmarks.Charts;

/// <summary>One bar, with the least and the most that was measured, and what it should reach, if told.</summary>
internal sealed record Bar(double Value, double? Low = null, double? High = null, double? Target = null);

/// <summary>Bars that belong together, one for each series of the chart; null where a series has none.</summary>
internal sealed record BarGroup(string Label, IReadOnlyList<Bar?> Bars);

/// <summary>Groups that share an axis, under a heading of their own.</summary>
internal sealed record BarPanel(string Title, IReadOnlyList<BarGroup> Groups);

/// <summary>Horizontal bars from zero, in groups, in panels. What was least and most is a thin line, cut off at the edge.</summary>
/// <param name="Title">The heading.</param>
/// <param name="Subtitle">The line below: when, where, how.</param>
/// <param name="Series">The names of the bars of each group.</param>
/// <param name="Panels">From top to bottom.</param>
/// <param name="Mark">A value with a line of its own, and its name; null: none.</param>
/// <param name="Show">A value as text; null: short, as 1.5, 20k, 3M.</param>
internal sealed record BarChart(
    string Title,
    string Subtitle,
    IReadOnlyList<string> Series,
    IReadOnlyList<BarPanel> Panels,
    (double Value, string Name)? Mark = null,
    Func<double, string>? Show = null)
{
    private const double Width = 760;
    private const double Left = 216;
    private const double Right = Width - 64;
    private const double Thickness = 12;
    private const double Pitch = Thickness + 3;
    private const double GroupGap = 12;

    public string ToSvg()
    {
        Svg svg = new();
        svg.Text(12, 24, Title, size: 16, bold: true);
        svg.Text(12, 44, Subtitle);
        double y = 96 + svg.Legend(12, Width - 12, 70, Legend());
        foreach (BarPanel panel in Panels)
        {
            y = Draw(svg, panel, y);
        }

        return svg.Close(Width, y, Title);
    }

    private IEnumerable<(string Name, string Colour)> Legend()
    {
        IEnumerable<(string, string)> series = Series.Select((name, at) => (name, Svg.Colour(at)));
        bool targets = Panels.SelectMany(panel => panel.Groups).SelectMany(group => group.Bars).Any(bar => bar?.Target is not null);
        return targets ? series.Append(("❙ target", "none")) : series;
    }

    // Returns where the next panel begins.
    private double Draw(Svg svg, BarPanel panel, double top)
    {
        Axis axis = new(panel.Title, Show: Show);
        List<Bar> bars = [.. panel.Groups.SelectMany(group => group.Bars).OfType<Bar>()];
        double most = bars.SelectMany(bar => new[] { bar.Value, bar.Target ?? 0, Mark?.Value ?? 0 }).Max();
        // One wild measurement must not make all bars short.
        Scale scale = axis.Over([most, Math.Min(most * 1.5, bars.Max(bar => bar.High ?? 0))]);
        double X(double value) => Left + (Math.Min(1, scale.Place(value)) * (Right - Left));

        svg.Text(12, top + 10, panel.Title, bold: true);
        double first = top + 26;
        double bottom = first + panel.Groups.Sum(group => (Shown(group).Count * Pitch) + GroupGap);
        foreach (double tick in scale.Ticks)
        {
            svg.Line(X(tick), first, X(tick), bottom, Svg.Faint);
            svg.Text(X(tick), bottom + 14, axis.Text(tick), Anchor.Middle, 11);
        }

        double y = first + (GroupGap / 2);
        foreach (BarGroup group in panel.Groups)
        {
            List<(int Series, Bar Bar)> shown = Shown(group);
            svg.Text(Left - 10, y + (shown.Count * Pitch / 2) + 3, group.Label, Anchor.End);
            foreach ((int series, Bar bar) in shown)
            {
                Draw(svg, bar, y, Svg.Colour(series), axis, X);
                y += Pitch;
            }

            y += GroupGap;
        }

        if (Mark is (double value, string name))
        {
            svg.Line(X(value), first - 4, X(value), bottom, width: 1.5, dashed: true);
            svg.Text(X(value), first - 8, name, Anchor.Middle, 11);
        }

        return bottom + 36;
    }

    private void Draw(Svg svg, Bar bar, double y, string colour, Axis axis, Func<double, double> x)
    {
        double middle = y + (Thickness / 2);
        svg.Rectangle(Left, y, Math.Max(1, x(bar.Value) - Left), Thickness, colour);
        svg.Line(x(bar.Low ?? bar.Value), middle, x(bar.High ?? bar.Value), middle, width: 1.5);
        double end = x(Math.Max(bar.Value, bar.High ?? 0));
        if (bar.Target is double target)
        {
            svg.Line(x(target), y - 2, x(target), y + Thickness + 2, width: 3);
        }

        // The number stands behind the bar, and behind a line that would go through it.
        string text = axis.Text(bar.Value);
        foreach (double line in new[] { bar.Target, Mark?.Value }.OfType<double>().Select(x).Order())
        {
            end = line > end && line < end + 10 + Svg.Width(text, 11) ? line : end;
        }

        svg.Text(end + 6, middle + 4, text, size: 11, fill: colour, bold: true);
    }

    private static List<(int Series, Bar Bar)> Shown(BarGroup group) =>
        [.. group.Bars.Index().Where(bar => bar.Item is not null).Select(bar => (bar.Index, bar.Item!))];
}
