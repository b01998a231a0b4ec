using System.Text;
using Meshara.Wire;

namespace Meshara.Net;

/// <summary>Protocol names as wire protocol section 8.1 has them.</summary>
internal static class ProtocolName
{
    /// <summary>Checks a name that the application gave.</summary>
    /// <exception cref="ArgumentException">Empty, over 128 bytes of UTF-8, control characters, or not Unicode.</exception>
    public static void ThrowIfInvalid(string protocol)
    {
        ArgumentException.ThrowIfNullOrEmpty(protocol);
        bool valid = protocol.Length <= StreamFrames.MaxProtocolBytes
            && Encoding.UTF8.GetByteCount(protocol) <= StreamFrames.MaxProtocolBytes
            && !protocol.Any(char.IsControl)
            && protocol.EnumerateRunes().All(rune => rune != Rune.ReplacementChar);
        if (!valid)
        {
            throw new ArgumentException($"A protocol name has 1 to {StreamFrames.MaxProtocolBytes} bytes of UTF-8 without control characters.", nameof(protocol));
        }
    }
}
