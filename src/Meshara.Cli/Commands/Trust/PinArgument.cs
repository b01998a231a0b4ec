using System.CommandLine;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Commands.Trust;

/// <summary>A pinned peer, as the operator names it.</summary>
internal static class PinArgument
{
    public static Argument<string> Create() =>
        new("PEER") { Description = "A pinned peer: its id or one that it had, the first 8 or more digits of it, or its name." };

    /// <summary>The one pin that is meant.</summary>
    /// <exception cref="CliException">There is none, or there are several.</exception>
    public static TrustedPeer Find(string dataDirectory, string text) => Find(TrustFile.Read(dataDirectory), OlderKey.Read(dataDirectory), text);

    private static TrustedPeer Find(IReadOnlyList<TrustedPeer> pins, IReadOnlyList<OlderKey> older, string text)
    {
        // Digits that are too few to be an id's may still be somebody's name.
        bool isPrefix = text.Length >= PeerResolver.ShortestPrefix && text.All(char.IsAsciiHexDigit);
        TrustedPeer[] found = [.. pins.Where(p =>
            p.Name == text || (isPrefix && older.Where(key => key.Peer == p.Id).Select(static key => key.Id).Append(p.Id).Any(id => id.ToString().StartsWith(text, StringComparison.OrdinalIgnoreCase))))];
        return found switch
        {
            [TrustedPeer one] => one,
            [] => throw new CliException($"No pinned peer is called '{Safe.Text(text, 80)}' or has an id that begins so. 'meshara trust list' shows them; at least {PeerResolver.ShortestPrefix} digits of an id are needed."),
            _ => throw new CliException($"{found.Length} pinned peers are called '{Safe.Text(text, 80)}' or have ids that begin so. Give more digits of the id."),
        };
    }
}
