using System.Globalization;

namespace Meshara.Cli.Control;

/// <summary>A key that a pinned peer had before, as <c>known_peers</c> tells.</summary>
/// <param name="Peer">The id that is pinned now.</param>
/// <param name="Id">The older id.</param>
/// <param name="Until">Until when it is accepted still.</param>
internal sealed record OlderKey(NodeId Peer, NodeId Id, DateTimeOffset Until)
{
    private const string FileName = "known_peers";
    private const string Field = "previous=";
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss'Z'";

    /// <summary>All of a data directory, on which a node may run. What cannot be read has none: <see cref="TrustFile"/> says what is wrong with it.</summary>
    public static IReadOnlyList<OlderKey> Read(string dataDirectory)
    {
        try
        {
            return [.. File.ReadLines(Path.Combine(dataDirectory, FileName)).SelectMany(OfLine)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>The older keys in one line of the file, whose head describes it.</summary>
    internal static IEnumerable<OlderKey> OfLine(string line)
    {
        List<string> words = Words(line);
        if (words.Count == 0 || !PublicKey.TryParse(words[0], out PublicKey? key))
        {
            yield break;
        }

        foreach (string word in words.Where(static word => word.StartsWith(Field, StringComparison.Ordinal)))
        {
            string[] parts = word[Field.Length..].Split('/');
            if (parts is [string text, string time] && NodeId.TryParse(text, out NodeId id)
                && DateTimeOffset.TryParseExact(time, TimeFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset until))
            {
                yield return new OlderKey(key.Id, id, until);
            }
        }
    }

    // A name in quotes may have anything in it, and so may a comment.
    private static List<string> Words(string line)
    {
        List<string> words = [];
        int at = 0;
        while (true)
        {
            while (at < line.Length && char.IsWhiteSpace(line[at]))
            {
                at++;
            }

            if (at == line.Length || line[at] == '#')
            {
                return words;
            }

            int start = at;
            bool quoted = false;
            while (at < line.Length && (quoted || !char.IsWhiteSpace(line[at])))
            {
                quoted ^= line[at] == '"';
                at = Math.Min(line.Length, at + (quoted && line[at] == '\\' ? 2 : 1));
            }

            words.Add(line[start..at]);
        }
    }
}
