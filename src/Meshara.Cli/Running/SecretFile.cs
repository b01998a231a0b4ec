using System.Text;

namespace Meshara.Cli.Running;

/// <summary>A file that holds one secret and nothing else.</summary>
internal static class SecretFile
{
    private const int Longest = 64 << 10;
    private const UnixFileMode ForOthers =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    /// <summary>Reads it without white space at both ends; warns when other users can read it too.</summary>
    /// <param name="path">The file.</param>
    /// <param name="what">What it holds, for messages.</param>
    /// <param name="terminal">Gets the warning.</param>
    /// <exception cref="CliException">Missing, unreadable, empty, too long or not UTF-8.</exception>
    public static string Read(string path, string what, Terminal terminal)
    {
        string text;
        try
        {
            using FileStream file = File.OpenRead(path);
            byte[] bytes = new byte[Longest + 1];
            int length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            if (length > Longest)
            {
                throw new CliException($"The {what} file {path} is longer than {Longest} bytes: is it the right one?");
            }

            text = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(bytes, 0, length).TrimStart('\uFEFF').Trim();
        }
        catch (ArgumentException e)
        {
            throw new CliException($"The {what} file {path} is not UTF-8: {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"The {what} file {path} cannot be read: {e.Message}", e);
        }

        if (text.Length == 0)
        {
            throw new CliException($"The {what} file {path} is empty.");
        }

        WarnIfShared(path, what, terminal);
        return text;
    }

    /// <summary>Warns when other users can read it.</summary>
    public static void WarnIfShared(string path, string what, Terminal terminal)
    {
        if (!OperatingSystem.IsWindows() && File.Exists(path) && (File.GetUnixFileMode(path) & ForOthers) != UnixFileMode.None)
        {
            terminal.Complain($"warning: other users can read the {what} file {path}; run: chmod 600 {path}");
        }
    }
}
