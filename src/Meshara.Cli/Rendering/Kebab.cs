using System.Text;

namespace Meshara.Cli.Rendering;

/// <summary>Names of enum members as scripts read them: <c>PinMismatch</c> is <c>pin-mismatch</c>.</summary>
internal static class Kebab
{
    public static string Of<T>(T value)
        where T : struct, Enum
    {
        StringBuilder text = new();
        foreach (char letter in value.ToString())
        {
            if (char.IsAsciiLetterUpper(letter) && text.Length > 0)
            {
                text.Append('-');
            }

            text.Append(char.ToLowerInvariant(letter));
        }

        return text.ToString();
    }
}
