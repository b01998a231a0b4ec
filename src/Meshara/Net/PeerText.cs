using System.Globalization;
using System.Text;

namespace Meshara.Net;

/// <summary>Text that a peer supplied, made fit for one line of a message.</summary>
internal static class PeerText
{
    /// <summary>
    /// Without control characters (terminal escapes, line breaks), line separators and format characters (bidirectional overrides,
    /// zero-width marks), which could make a line show something that it does not say. Each becomes U+FFFD.
    /// Markup of a certain terminal library is for whoever renders.
    /// </summary>
    public static string Clean(string text)
    {
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (IsUnsafe(rune))
            {
                return Replace(text);
            }
        }

        return text;
    }

    // An unpaired surrogate is enumerated as U+FFFD; it only survives if nothing else is replaced, and no UTF-8 reader yields one.
    private static string Replace(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            result.Append((IsUnsafe(rune) ? Rune.ReplacementChar : rune).ToString());
        }

        return result.ToString();
    }

    private static bool IsUnsafe(Rune rune) => Rune.GetUnicodeCategory(rune) is
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
