using System.Text.Unicode;

namespace Meshara.Wire;

/// <summary>What <c>string&lt;N&gt;</c> may hold, spec section 2.</summary>
internal static class WireText
{
    /// <summary>Whether the bytes are UTF-8 (RFC 3629) without control characters (U+0000–U+001F, U+007F–U+009F).</summary>
    public static bool IsValid(ReadOnlySpan<byte> utf8)
    {
        if (!Utf8.IsValid(utf8))
            return false;

        for (int i = 0; i < utf8.Length; i++)
        {
            byte b = utf8[i];

            // In valid UTF-8 0xC2 always leads a pair; C2 80 to C2 9F are U+0080 to U+009F.
            if (b is < 0x20 or 0x7F || (b == 0xC2 && utf8[i + 1] < 0xA0))
                return false;
        }

        return true;
    }
}
