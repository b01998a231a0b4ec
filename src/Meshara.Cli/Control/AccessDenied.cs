using System.ComponentModel;
using System.Diagnostics;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Control;

/// <summary>Says why this user may not ask a node, and who may.</summary>
internal static class AccessDenied
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>The error for a file or directory that this user may not open.</summary>
    /// <param name="path">What was to be opened.</param>
    /// <param name="user">Who was not let in.</param>
    /// <param name="cause">What the system said.</param>
    /// <param name="time">The clock.</param>
    public static async Task<ControlException> ExplainAsync(string path, string user, Exception cause, TimeProvider time)
    {
        string closed = Closed(path);
        string? owner = await OwnerOfAsync(closed, time);
        string what = owner == user
            ? $"{closed} is yours, but closed to you as well. Run: chmod 700 {Hints.Quote(closed)}"
            : $"{closed} belongs to {(owner is null ? "another user" : $"the user '{owner}'")}, and only that user may ask the node there. "
                + $"Run this as that user{(owner is null ? "" : $" (sudo -u {owner} meshara …)")}, or give --data DIR of a node of your own.";
        return new ControlException("access-denied", $"Permission denied: {what}", cause);
    }

    // The directory that bars the way may be one above.
    private static string Closed(string path)
    {
        for (string at = path; ; at = Path.GetDirectoryName(at)!)
        {
            try
            {
                _ = File.GetAttributes(at);
                return at;
            }
            catch (Exception e) when (e is UnauthorizedAccessException or IOException)
            {
                if (Path.GetDirectoryName(at) is null)
                {
                    return path;
                }
            }
        }
    }

    // The framework does not know the owners of files.
    private static async Task<string?> OwnerOfAsync(string path, TimeProvider time)
    {
        if (OperatingSystem.IsWindows())
        {
            return null;
        }

        try
        {
            ProcessStartInfo start = new("stat", OperatingSystem.IsLinux() ? ["-c", "%U", "--", path] : ["-f", "%Su", path])
            {
                UseShellExecute = false,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            using Process stat = Process.Start(start)!;
            string name = (await stat.StandardOutput.ReadToEndAsync().WaitAsync(Patience, time)).Trim();
            return name.Length is 0 || name == "UNKNOWN" ? null : name;
        }
        catch (Exception e) when (e is Win32Exception or TimeoutException)
        {
            // No such program here, or a file system that hangs.
            return null;
        }
    }
}
