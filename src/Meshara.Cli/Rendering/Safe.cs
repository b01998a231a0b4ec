using System.Globalization;
using System.Text;

namespace Meshara.Cli.Rendering;

/// <summary>The one place where text that came from a peer becomes text that a terminal may see (hostile inputs, F12).</summary>
internal static class Safe
{
    // Letters of real scripts carry at most a few marks; a tower of them overwrites the lines above.
    private const int MostMarks = 4;

    /// <summary>Escapes whatever could move the cursor, colour, reorder, hide or break a line, and cuts what is too long.</summary>
    /// <remarks>
    /// Escaped as <c>\u{1B}</c>: controls (C0, DEL, C1, so every ANSI sequence), format characters (bidi overrides and isolates, zero width),
    /// line and paragraph separators, lone surrogates, private and unassigned code points. The rest is left, <c>[x]</c> too:
    /// our tables take plain text and read no markup.
    /// </remarks>
    /// <param name="text">Any text.</param>
    /// <param name="most">Most characters shown; the rest becomes one ellipsis.</param>
    public static string Text(string? text, int most = 256)
    {
        if (string.IsNullOrEmpty(text))
        {
            return "";
        }

        StringBuilder safe = new(Math.Min(text.Length, most));
        int shown = 0;
        int marks = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (shown++ == most)
            {
                return safe.Append('…').ToString();
            }

            marks = IsMark(rune) ? marks + 1 : 0;
            if (marks > MostMarks || IsDangerous(rune))
            {
                safe.Append(CultureInfo.InvariantCulture, $"\\u{{{rune.Value:X}}}");
            }
            else
            {
                safe.Append(rune.ToString());
            }
        }

        return safe.ToString();
    }

    /// <summary>The same for a message of several lines that has to be one: line ends become spaces.</summary>
    public static string Line(string? text) =>
        Text(string.Join(' ', (text ?? "").Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)), 2000);

    private static bool IsMark(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark;

    private static bool IsDangerous(Rune rune) => Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.Control
        or UnicodeCategory.Format
        or UnicodeCategory.LineSeparator
        or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.Surrogate
        or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned;
}
