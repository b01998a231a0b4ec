using Meshara.Cli.Commands;

namespace Meshara.Cli.Rendering;

/// <summary>What to do next, where the command knows it.</summary>
internal static class Hints
{
    /// <summary>The other side proved its key and refused ours.</summary>
    /// <param name="message">What the error says, the other side's words included: there may be another reason than that nobody has named this key.</param>
    /// <param name="own">This node's key.</param>
    public static string NotAdmitted(string message, PublicKey own) =>
        $"{Safe.Text(message, 800)} There run: meshara trust add {own}";

    /// <summary>One of the two sides misses the other's proof of the secret; which one, only the message says.</summary>
    public static string OtherSecret(string message, PublicKey own) =>
        $"{message} Give both nodes the same secret; or add it here with --pubkey, and on that machine run: meshara trust add {own}";

    // Commands for this node as the library words them, which knows nothing of this program's options. What is to be typed on another machine is worded otherwise.
    private static readonly string[] ForThisNode =
    [
        "this command: meshara trust replace",
        "run here 'meshara trust add",
        "lifts the ban; 'meshara trust add",
        "among the known peers: 'meshara add",
        "to end that: meshara trust forget",
        "make a new key: meshara id",
        "'meshara peers",
    ];

    /// <summary>What a command for the node of a data directory needs besides: <c> --data DIR</c>, or nothing where that is the directory that it takes by itself.</summary>
    /// <param name="directory">The data directory; null: not known.</param>
    public static string At(string? directory)
    {
        if (directory is null)
        {
            return "";
        }

        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        return full == CommonOptions.DefaultDirectory() ? "" : $" --data {Safe.Text(Quote(full), 4096)}";
    }

    /// <summary>A text of the library in which the commands for this node reach it.</summary>
    /// <param name="text">As the library says it.</param>
    /// <param name="directory">The data directory; null: not known.</param>
    public static string Here(string text, string? directory)
    {
        string at = At(directory);
        if (at.Length == 0)
        {
            return text;
        }

        const string why = "meshara why ";
        text = text.StartsWith(why, StringComparison.Ordinal) ? $"{why.TrimEnd()}{at} {text[why.Length..]}" : text;
        return ForThisNode.Aggregate(text, (done, command) => done.Replace(command, command + at, StringComparison.Ordinal));
    }

    /// <summary>A path as a shell reads it.</summary>
    public static string Quote(string path) => path.Any(static c => !char.IsLetterOrDigit(c) && c is not ('/' or '.' or '-' or '_' or '+' or ',' or ':' or '=' or '@') && c != Path.DirectorySeparatorChar)
        ? OperatingSystem.IsWindows() ? $"\"{path}\"" : $"'{path.Replace("'", "'\\''", StringComparison.Ordinal)}'"
        : path;
}
