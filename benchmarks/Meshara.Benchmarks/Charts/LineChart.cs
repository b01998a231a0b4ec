namespace Meshara.Benchmarks.Charts;

/// <summary>One point, with the least and the most that was measured there, if told.</summary>
internal sealed record LinePoint(double X, double Y, double? Low = null, double? High = null);

/// <summary>One line. A dashed one is a limit or what theory says, without dots.</summary>
internal sealed record LineSeries(string Name, IReadOnlyList<LinePoint> Points, bool Dashed = false);

/// <summary>How something grows: several lines over one pair of axes.</summary>
internal sealed record LineChart(string Title, string Subtitle, Axis X, Axis Y, IReadOnlyList<LineSeries> Series)
{
    private const double Width = 760;
    private const double Height = 420;
    private const double Left = 72;
    private const double Right = Width - 24;
    private const double Top = 92;
    private const double Bottom = Height - 52;

    public string ToSvg()
    {
        Svg svg = new();
        svg.Text(12, 24, Title, size: 16, bold: true);
        svg.Text(12, 44, Subtitle);
        svg.Legend(12, Width - 12, 70, Series.Select((series, at) => (series.Name, Colour(series, at))));
        Scale x = X.Over(Series.SelectMany(series => series.Points).Select(point => point.X));
        Scale y = Y.Over(Series.SelectMany(series => series.Points).SelectMany(point => new[] { point.Y, point.Low ?? point.Y, point.High ?? point.Y }));
        Grid(svg, x, y);
        foreach ((int at, LineSeries series) in Series.Index())
        {
            Line(svg, series, Colour(series, at), point => Left + (x.Place(point) * (Right - Left)), point => Bottom - (y.Place(point) * (Bottom - Top)));
        }

        return svg.Close(Width, Height, Title);
    }

    private static string Colour(LineSeries series, int at) => series.Dashed ? Svg.Ink : Svg.Colour(at);

    private void Grid(Svg svg, Scale x, Scale y)
    {
        foreach (double tick in y.Ticks)
        {
            double at = Bottom - (y.Place(tick) * (Bottom - Top));
            svg.Line(Left, at, Right, at, Svg.Faint);
            svg.Text(Left - 8, at + 4, Y.Text(tick), Anchor.End);
        }

        foreach (double tick in x.Ticks)
        {
            double at = Left + (x.Place(tick) * (Right - Left));
            svg.Line(at, Top, at, Bottom, Svg.Faint);
            svg.Text(at, Bottom + 18, X.Text(tick), Anchor.Middle);
        }

        svg.Text((Left + Right) / 2, Height - 12, X.Label, Anchor.Middle);
        svg.Text(18, (Top + Bottom) / 2, Y.Label, Anchor.Middle, upwards: true);
    }

    private static void Line(Svg svg, LineSeries series, string colour, Func<double, double> x, Func<double, double> y)
    {
        svg.Polyline(series.Points.Select(point => (x(point.X), y(point.Y))), colour, series.Dashed);
        foreach (LinePoint point in series.Points.Where(_ => !series.Dashed))
        {
            svg.Line(x(point.X), y(point.Low ?? point.Y), x(point.X), y(point.High ?? point.Y), colour);
            svg.Dot(x(point.X), y(point.Y), colour);
        }
    }
}
