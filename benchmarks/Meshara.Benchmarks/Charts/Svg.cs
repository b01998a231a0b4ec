using System.Globalization;
using System.Text;

namespace Meshara.Benchmarks.Charts;

/// <summary>Where a text stands from its point.</summary>
internal enum Anchor
{
    Start,
    Middle,
    End,
}

/// <summary>Writes the few elements of SVG 1.1 that the charts need. Nothing is drawn behind them, so each colour must be readable on white and on black.</summary>
internal sealed class Svg
{
    /// <summary>Text and axes: a grey with a contrast of over 4 to 1 on white and on the dark pages in use.</summary>
    public const string Ink = "#777777";

    /// <summary>Grid lines.</summary>
    public const string Faint = "#77777755";

    private const string Fonts = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif";

    // Told apart also by those who see no red or no green; the first is for Meshara.
    private static readonly string[] Palette = ["#2f7fe0", "#d07716", "#1f9a6d", "#b15bc4", "#8f8f3a", "#c9504c"];

    private readonly StringBuilder _body = new();

    /// <summary>The colour of the series at this place.</summary>
    public static string Colour(int series) => Palette[series % Palette.Length];

    /// <summary>About how wide a text is: fonts differ from machine to machine.</summary>
    public static double Width(string text, double size) => text.Length * size * 0.58;

    public void Text(double x, double y, string text, Anchor anchor = Anchor.Start, double size = 12, string fill = Ink, bool bold = false, bool upwards = false)
    {
        string place = upwards ? $" transform=\"rotate(-90 {N(x)} {N(y)})\"" : "";
        string weight = bold ? " font-weight=\"600\"" : "";
        string stand = anchor switch { Anchor.Middle => " text-anchor=\"middle\"", Anchor.End => " text-anchor=\"end\"", _ => "" };
        _body.AppendLine($"  <text x=\"{N(x)}\" y=\"{N(y)}\" font-size=\"{N(size)}\" fill=\"{fill}\"{stand}{weight}{place}>{Escape(text)}</text>");
    }

    public void Line(double x1, double y1, double x2, double y2, string stroke = Ink, double width = 1, bool dashed = false)
    {
        string dash = dashed ? " stroke-dasharray=\"5 4\"" : "";
        _body.AppendLine($"  <line x1=\"{N(x1)}\" y1=\"{N(y1)}\" x2=\"{N(x2)}\" y2=\"{N(y2)}\" stroke=\"{stroke}\" stroke-width=\"{N(width)}\"{dash}/>");
    }

    public void Rectangle(double x, double y, double width, double height, string fill) =>
        _body.AppendLine($"  <rect x=\"{N(x)}\" y=\"{N(y)}\" width=\"{N(width)}\" height=\"{N(height)}\" fill=\"{fill}\"/>");

    public void Dot(double x, double y, string fill) =>
        _body.AppendLine($"  <circle cx=\"{N(x)}\" cy=\"{N(y)}\" r=\"3.5\" fill=\"{fill}\"/>");

    public void Polyline(IEnumerable<(double X, double Y)> points, string stroke, bool dashed = false)
    {
        string dash = dashed ? " stroke-dasharray=\"5 4\"" : "";
        string path = string.Join(' ', points.Select(point => $"{N(point.X)},{N(point.Y)}"));
        _body.AppendLine($"  <polyline points=\"{path}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"2\"{dash}/>");
    }

    /// <summary>The names of the series with their colours, from <paramref name="left"/>, in as many rows as they need to end before <paramref name="right"/>.</summary>
    /// <returns>How far down the last row is moved.</returns>
    public double Legend(double left, double right, double top, IEnumerable<(string Name, string Colour)> series)
    {
        const double Size = 12, Row = 18;
        (double x, double y) = (left, top);
        foreach ((string name, string colour) in series)
        {
            double width = 15 + Width(name, Size);
            if (x > left && x + width > right)
            {
                (x, y) = (left, y + Row);
            }

            Rectangle(x, y - 9, 10, 10, colour);
            Text(x + 15, y, name, size: Size);
            x += width + 18;
        }

        return y - top;
    }

    /// <summary>The whole file.</summary>
    public string Close(double width, double height, string title) =>
        $"""
        <svg xmlns="http://www.w3.org/2000/svg" width="{N(width)}" height="{N(height)}" viewBox="0 0 {N(width)} {N(height)}" role="img" font-family="{Fonts}">
          <title>{Escape(title)}</title>
        {_body}</svg>

        """.ReplaceLineEndings("\n");

    private static string N(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    private static string Escape(string text) => text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal);
}
