using System.Globalization;
using System.Text;

namespace Meshara.Storage;

/// <summary>One line of <c>known_peers</c>: a peer, or a comment or blank line that is kept as it is.</summary>
/// <param name="Text">The line as it stands in the file, without its line feed.</param>
/// <param name="Peer">The peer; null: a comment or blank line.</param>
/// <param name="Extra">Fields of a later version, kept as they are when the line is written again.</param>
/// <param name="Comment">The comment after the fields, with its #; empty: none.</param>
internal sealed record KnownPeersLine(string Text, KnownPeer? Peer, IReadOnlyList<string> Extra, string Comment);

/// <summary>The text form of <c>known_peers</c>; <see cref="Header"/> describes it.</summary>
internal static class KnownPeersText
{
    public const string Header =
        """
        # Peers that may join this node, one a line. You can edit this file while the node is stopped, or use 'meshara add', 'trust' and 'remove'.
        #   PUBLIC-KEY [name=NAME] [origin=added|trusted] [HOST:PORT ...] [previous=ID/TIME ...] [# comment]
        # PUBLIC-KEY is what 'meshara id' prints on the peer's machine. A NAME with blanks stands in double quotes; \" and \\ are a quote and a backslash in it.
        # IPv6 addresses stand in brackets. Peers with an address are dialled.
        # 'previous' is written by the node: an older key of the peer, and until when it is accepted still.
        """;

    private const int MaxLine = 16 * 1024;
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss'Z'";
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads one line.</summary>
    /// <param name="bytes">The line without its line feed; a carriage return at its end is kept.</param>
    /// <param name="line">The line; null when something is wrong.</param>
    /// <returns>What is wrong, a clause without a full stop; null: nothing.</returns>
    public static string? Parse(ReadOnlySpan<byte> bytes, out KnownPeersLine? line)
    {
        line = null;
        if (bytes.Length > MaxLine)
            return $"the line has {bytes.Length} bytes, {MaxLine} are the most";

        string text;
        try
        {
            text = Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return "it is not UTF-8 text";
        }

        ReadOnlySpan<char> content = text.AsSpan().TrimEnd('\r');
        foreach (char c in content)
        {
            if (char.IsControl(c) && c != '\t')
                return $"it has the control character {Printable.Quote([c])}";
        }

        if (Tokenize(content, out List<string> tokens, out string comment) is { } badToken)
            return badToken;

        if (tokens.Count == 0)
        {
            line = new KnownPeersLine(text, null, [], comment);
            return null;
        }

        List<string> extra = [];
        string? wrong = ParsePeer(tokens, extra, out KnownPeer? peer);
        line = peer is null ? null : new KnownPeersLine(text, peer, extra, comment);
        return wrong;
    }

    /// <summary>The line for a peer that is new or changed.</summary>
    public static KnownPeersLine Format(KnownPeer peer, IReadOnlyList<string> extra, string comment)
    {
        StringBuilder text = new(peer.Key.ToString());
        if (peer.Name is { } name)
            text.Append(" name=").Append(Quote(name));

        text.Append(peer.Origin == KnownPeerOrigin.Added ? " origin=added" : " origin=trusted");
        foreach (PeerAddress address in peer.Addresses)
            text.Append(' ').Append(address.HostAndPort);

        foreach (PreviousKey previous in peer.Previous)
            text.Append(CultureInfo.InvariantCulture, $" previous={previous.Id}/{previous.Until.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture)}");

        foreach (string field in extra)
            text.Append(' ').Append(field);

        if (comment.Length > 0)
            text.Append(' ').Append(comment);

        return new KnownPeersLine(text.ToString(), peer, extra, comment);
    }

    private static string? ParsePeer(List<string> tokens, List<string> extra, out KnownPeer? peer)
    {
        peer = null;
        if (!PublicKey.TryParse(tokens[0], out PublicKey? key))
            return $"{Printable.Quote(tokens[0])} is not the public key of a node, {PublicKey.Size * 2} hex digits, with which each line begins";

        string? name = null;
        KnownPeerOrigin? origin = null;
        List<PeerAddress> addresses = [];
        List<PreviousKey> previous = [];
        foreach (string token in tokens.Skip(1))
        {
            int equals = token.IndexOf('=', StringComparison.Ordinal);
            string? wrong = equals < 0 ? ParseAddress(token, key, addresses)
                : token[..equals] switch
                {
                    "name" => ParseName(token[(equals + 1)..], ref name),
                    "origin" => ParseOrigin(token[(equals + 1)..], ref origin),
                    "previous" => ParsePrevious(token[(equals + 1)..], key, previous),
                    _ => Keep(token, extra),
                };
            if (wrong is not null)
                return wrong;
        }

        // Written by hand without an origin: an address is there to be dialled.
        peer = new KnownPeer(key, addresses, name, origin ?? (addresses.Count > 0 ? KnownPeerOrigin.Added : KnownPeerOrigin.Trusted)) { Previous = previous };
        return null;
    }

    private static string? Keep(string token, List<string> extra)
    {
        extra.Add(token);
        return null;
    }

    private static string? ParseAddress(string token, PublicKey key, List<PeerAddress> addresses)
    {
        if (!PeerAddressParser.TryParse(token, out PeerAddress? address, out string? why))
            return $"{Printable.Quote(token)} is not an address: {why}";

        if (address.Id is { } id && id != key.Id)
            return $"{Printable.Quote(token)} names another id than that of the line's key, {key.Id}";

        address = address with { Id = key.Id };
        if (addresses.Contains(address))
            return null;

        addresses.Add(address);
        return addresses.Count > KnownPeer.MaxAddresses ? $"it has more than {KnownPeer.MaxAddresses} addresses" : null;
    }

    private static string? ParsePrevious(string value, PublicKey key, List<PreviousKey> previous)
    {
        int slash = value.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0 || !NodeId.TryParse(value[..slash], out NodeId id)
            || !DateTimeOffset.TryParseExact(value[(slash + 1)..], TimeFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset until))
        {
            return $"previous {Printable.Quote(value)} is not an id, a slash and a time such as 2026-12-31T23:59:59Z";
        }

        if (id == key.Id || previous.Exists(p => p.Id == id))
            return $"previous {Printable.Quote(value)} is the key of the line, or stands there twice";

        previous.Add(new PreviousKey(id, until));
        return previous.Count > KnownPeer.MaxPrevious ? $"it has more than {KnownPeer.MaxPrevious} previous keys" : null;
    }

    private static string? ParseName(string value, ref string? name)
    {
        if (name is not null)
            return "it has two names";

        name = Unquote(value);
        return KnownPeer.IsName(name) ? null : $"a name has 1 to {KnownPeer.MaxName} characters and no control characters";
    }

    private static string? ParseOrigin(string value, ref KnownPeerOrigin? origin)
    {
        if (origin is not null)
            return "it has two origins";

        origin = value switch
        {
            "added" => KnownPeerOrigin.Added,
            "trusted" => KnownPeerOrigin.Trusted,
            _ => null,
        };
        return origin is null ? $"origin {Printable.Quote(value)} is neither 'added' nor 'trusted'" : null;
    }

    // Fields are separated by blanks; a value may stand in double quotes, in which a backslash keeps the next character from ending it.
    private static string? Tokenize(ReadOnlySpan<char> text, out List<string> tokens, out string comment)
    {
        tokens = [];
        comment = "";
        int at = 0;
        while (true)
        {
            while (at < text.Length && text[at] is ' ' or '\t')
                at++;

            if (at == text.Length)
                return null;

            if (text[at] == '#')
            {
                comment = text[at..].TrimEnd().ToString();
                return null;
            }

            int start = at;
            bool quoted = false;
            while (at < text.Length && (quoted || text[at] is not (' ' or '\t')))
            {
                if (quoted && text[at] == '\\')
                    at++;
                else if (text[at] == '"')
                    quoted = !quoted;

                at++;
            }

            if (quoted || at > text.Length)
                return "the closing quote is missing";

            tokens.Add(text[start..at].ToString());
        }
    }

    private static string Quote(string name) =>
        name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
            ? name
            : $"\"{name.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    private static string Unquote(string value)
    {
        StringBuilder text = new(value.Length);
        bool quoted = false;
        for (int i = 0; i < value.Length; i++)
        {
            if (value[i] == '"')
            {
                quoted = !quoted;
                continue;
            }

            if (quoted && value[i] == '\\')
                i++;

            text.Append(value[i]);
        }

        return text.ToString();
    }
}
