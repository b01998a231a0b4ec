using System.Globalization;
using System.Text;

namespace Meshara;

/// <summary>Quotes foreign text for an error message: one line, printable ASCII, bounded.</summary>
internal static class Printable
{
    private const int MaxLength = 80;

    /// <summary>The text in single quotes; what is not printable ASCII as <c>\u{hex}</c>, cut after 80 characters.</summary>
    public static string Quote(ReadOnlySpan<char> text)
    {
        StringBuilder quoted = new("'");
        foreach (char c in text.Length > MaxLength ? text[..MaxLength] : text)
        {
            if (c is >= ' ' and <= '~')
                quoted.Append(c);
            else
                quoted.Append(CultureInfo.InvariantCulture, $"\\u{{{(int)c:x}}}");
        }

        return quoted.Append(text.Length > MaxLength ? "...'" : "'").ToString();
    }
}
