using System.Text;
using Meshara.Storage;

namespace Meshara.Cli.Running;

/// <summary>A file that holds one secret and nothing else.</summary>
internal static class SecretFile
{
    private const int Longest = 64 << 10;
    private const UnixFileMode ForOthers =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    // A password store may have to ask somebody first.
    private static readonly TimeSpan PipeWithin = TimeSpan.FromSeconds(10);

    /// <summary>Reads it without white space at both ends; warns when other users can read it too.</summary>
    /// <remarks>A pipe may be given too, as a shell makes one of <c>&lt;(pass show mesh)</c>: it is read to its end, which has to come within 10 s.</remarks>
    /// <param name="path">The file or pipe.</param>
    /// <param name="what">What it holds, for messages.</param>
    /// <param name="terminal">Gets the warning; its clock counts the wait for a pipe.</param>
    /// <param name="cancellationToken">Ends the wait for a pipe.</param>
    /// <exception cref="CliException">Missing, unreadable, a device or directory, empty, too long or not UTF-8; or nobody writes into the pipe.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async Task<string> ReadAsync(string path, string what, Terminal terminal, CancellationToken cancellationToken)
    {
        string text;
        try
        {
            byte[] bytes = IsPipe(path) ? await ReadPipeAsync(path, what, terminal, cancellationToken)
                : FileStatus.WhyNotRegular(path) is { } kind ? throw new CliException($"The {what} file {path} is {kind}. Name a regular file or a pipe.")
                : Load(path);
            if (bytes.Length > Longest)
            {
                throw new CliException($"The {what} file {path} is longer than {Longest} bytes: is it the right one?");
            }

            text = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(bytes).TrimStart('\uFEFF').Trim();
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

    /// <summary>Whether it gives what it holds only once.</summary>
    public static bool IsPipe(string path) => FileStatus.Of(path)?.Kind == FileKind.Pipe;

    /// <summary>Warns when other users can read it.</summary>
    public static void WarnIfShared(string path, string what, Terminal terminal)
    {
        if (!OperatingSystem.IsWindows() && File.Exists(path) && (File.GetUnixFileMode(path) & ForOthers) != UnixFileMode.None)
        {
            terminal.Complain($"warning: other users can read the {what} file {path}; run: chmod 600 {path}");
        }
    }

    // To open a pipe is to wait for who writes into it: where the time is up, the thread that waits is left behind.
    private static async Task<byte[]> ReadPipeAsync(string path, string what, Terminal terminal, CancellationToken cancellationToken)
    {
        try
        {
            return await Task.Run(() => Load(path), CancellationToken.None).WaitAsync(PipeWithin, terminal.Time, cancellationToken);
        }
        catch (TimeoutException e)
        {
            throw new CliException($"Nobody wrote the {what} into the pipe {path} and closed it within {PipeWithin.TotalSeconds:0} s.", e);
        }
    }

    // One byte more than may be, where there are more.
    private static byte[] Load(string path)
    {
        using FileStream file = File.OpenRead(path);
        byte[] bytes = new byte[Longest + 1];
        return bytes[..file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false)];
    }
}
