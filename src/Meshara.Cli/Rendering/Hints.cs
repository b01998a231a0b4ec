namespace Meshara.Cli.Rendering;

/// <summary>What to do next, where the command knows it.</summary>
internal static class Hints
{
    /// <summary>The other side proved its key and refused ours.</summary>
    public static string NotAdmitted(string address, PublicKey own) =>
        $"{Safe.Text(address, 400)} refuses this node: its operator has not admitted it. On that machine run: meshara trust add {own} (with its --data, if it has one); then do this again.";

    /// <summary>A path as a shell reads it.</summary>
    public static string Quote(string path) => path.Any(static c => char.IsWhiteSpace(c) || c is '\'' or '"' or '$' or '&' or ';' or '(' or ')' or '*')
        ? OperatingSystem.IsWindows() ? $"\"{path}\"" : $"'{path.Replace("'", "'\\''", StringComparison.Ordinal)}'"
        : path;
}
