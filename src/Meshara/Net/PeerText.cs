using System.Text;

namespace Meshara.Net;

/// <summary>Text that a peer supplied, made fit for logs and messages (hostile-inputs F12).</summary>
internal static class PeerText
{
    /// <summary>Replaces control, format (bidi) and other invisible characters by U+FFFD and cuts at 256.</summary>
    public static string Clean(string text)
    {
        StringBuilder clean = new(Math.Min(text.Length, 256));
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (clean.Length >= 256)
            {
                clean.Append('…');
                break;
            }

            System.Globalization.UnicodeCategory category = Rune.GetUnicodeCategory(rune);
            bool visible = category is not (System.Globalization.UnicodeCategory.Control or System.Globalization.UnicodeCategory.Format
                or System.Globalization.UnicodeCategory.LineSeparator or System.Globalization.UnicodeCategory.ParagraphSeparator
                or System.Globalization.UnicodeCategory.PrivateUse or System.Globalization.UnicodeCategory.OtherNotAssigned);
            clean.Append((visible ? rune : Rune.ReplacementChar).ToString());
        }

        return clean.ToString();
    }
}
