using System.Text;
using Meshara.Wire;

namespace Meshara.Net;

/// <summary>Protocol names as wire protocol section 8.1 has them.</summary>
internal static class ProtocolName
{
    private const string Reserved = "meshara/";

    /// <summary>Whether a name is one of the node's own protocols, or of a later version's (wire protocol section 8.1).</summary>
    public static bool IsReserved(string protocol) => protocol.StartsWith(Reserved, StringComparison.Ordinal);

    /// <summary>Checks that the application does not speak for the node.</summary>
    /// <exception cref="ArgumentException">It begins with <c>meshara/</c>.</exception>
    public static void ThrowIfReserved(string protocol)
    {
        if (IsReserved(protocol))
        {
            throw new ArgumentException($"Protocols that begin with '{Reserved}' are the node's own. Take another name.", nameof(protocol));
        }
    }

    /// <summary>Checks a name that the application gave.</summary>
    /// <exception cref="ArgumentException">Empty, over 128 bytes of UTF-8, control characters, or not Unicode.</exception>
    public static void ThrowIfInvalid(string protocol)
    {
        ArgumentException.ThrowIfNullOrEmpty(protocol);
        if (protocol.Length <= StreamFrames.MaxProtocolBytes && !protocol.AsSpan().ContainsAnyExceptInRange(' ', '~'))
        {
            return;
        }

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
