using System.Globalization;
using System.Text;

namespace Meshara.Cli.Rendering;

/// <summary>Numbers as people read them.</summary>
internal static class Show
{
    /// <summary>Bytes with a binary unit: <c>512 B</c>, <c>1.5 KiB</c>.</summary>
    public static string Bytes(long bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        double value = bytes;
        int unit = 0;
        while (value >= 1024 && unit < units.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        return unit == 0 ? $"{bytes} B" : $"{value:0.0} {units[unit]}";
    }

    /// <summary>A span in its two greatest units: <c>3 d 4 h</c>, <c>5 min 6 s</c>, <c>7 s</c>.</summary>
    public static string Span(TimeSpan span) => span switch
    {
        { TotalDays: >= 1 } => $"{(int)span.TotalDays} d {span.Hours} h",
        { TotalHours: >= 1 } => $"{span.Hours} h {span.Minutes} min",
        { TotalMinutes: >= 1 } => $"{span.Minutes} min {span.Seconds} s",
        _ => $"{Math.Max(0, (int)span.TotalSeconds)} s",
    };

    /// <summary>Milliseconds: <c>0.35 ms</c>, <c>120 ms</c>; a dash where there is no value.</summary>
    public static string Milliseconds(double? value) => value switch
    {
        null => "-",
        < 10 => $"{value:0.00} ms",
        _ => $"{value:0} ms",
    };

    /// <summary>A reputation to one digit behind the point, and never <c>-0</c>.</summary>
    public static string Score(double value) => (Math.Round(value, 1) + 0.0).ToString("0.#", CultureInfo.InvariantCulture);

    /// <summary>Safe text cut to a number of cells of a terminal; a rune from U+1100 on is counted as two.</summary>
    public static string Fit(string? text, int cells)
    {
        string safe = Safe.Text(text, cells + 1);
        StringBuilder fitting = new();
        int taken = 0;
        foreach (Rune rune in safe.EnumerateRunes())
        {
            int width = rune.Value >= 0x1100 && rune.Value != '…' ? 2 : 1;
            if (taken + width > cells)
            {
                // The last one makes room for the sign that something is missing.
                while (taken > cells - 1 && fitting.Length > 0)
                {
                    Rune last = Rune.GetRuneAt(fitting.ToString(), fitting.Length - (char.IsLowSurrogate(fitting[^1]) ? 2 : 1));
                    fitting.Length -= last.Utf16SequenceLength;
                    taken -= last.Value >= 0x1100 ? 2 : 1;
                }

                return fitting.Append('…').ToString();
            }

            fitting.Append(rune.ToString());
            taken += width;
        }

        return fitting.ToString();
    }

    /// <summary>The time of day where the user is.</summary>
    public static string Time(DateTimeOffset time, TimeProvider clock) => $"{TimeZoneInfo.ConvertTime(time, clock.LocalTimeZone):HH:mm:ss}";

    /// <summary>The day and time where the user is, to the minute.</summary>
    public static string Date(DateTimeOffset time, TimeProvider clock) => TimeZoneInfo.ConvertTime(time, clock.LocalTimeZone).ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);

    /// <summary>The first 16 digits of an id.</summary>
    public static string ShortId(string id) => id.Length > 16 ? id[..16] : id;
}
