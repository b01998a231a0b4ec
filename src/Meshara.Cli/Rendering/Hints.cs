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

    /// <summary>A path as a shell reads it.</summary>
    public static string Quote(string path) => path.Any(static c => char.IsWhiteSpace(c) || c is '\'' or '"' or '$' or '&' or ';' or '(' or ')' or '*')
        ? OperatingSystem.IsWindows() ? $"\"{path}\"" : $"'{path.Replace("'", "'\\''", StringComparison.Ordinal)}'"
        : path;
}
