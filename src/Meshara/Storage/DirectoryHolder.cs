using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Meshara.Storage;

/// <summary>Who has a data directory, as it looks from outside. The command has this file too.</summary>
internal static class DirectoryHolder
{
    public const string LockName = "lock", OwnerName = "lock.owner";
    private const int MaxOwner = 300;

    /// <summary>A process of this machine that lives and has the directory; null: nobody, or somebody who cannot be seen from here.</summary>
    /// <remarks>The lock is only tried where somebody lives who wrote that he has it: who asks must not keep out one who starts.</remarks>
    public static string? Of(string directory)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        string holder = Named(full);
        if (holder.Split(' ') is not ["process", var number, ..] || !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int id) || !Lives(id))
        {
            return null;
        }

        try
        {
            using FileStream free = new(Path.Combine(full, LockName), FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            return null;
        }
        catch (IOException e) when (IsSharingViolation(e))
        {
            return holder;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Another process has the file: ERROR_SHARING_VIOLATION; EWOULDBLOCK of Linux and of the BSDs.</summary>
    public static bool IsSharingViolation(IOException e) =>
        e.HResult == (OperatingSystem.IsWindows() ? unchecked((int)0x80070020) : OperatingSystem.IsLinux() || OperatingSystem.IsAndroid() ? 11 : 35);

    /// <summary>Who wrote last that he has it.</summary>
    public static string Named(string full)
    {
        try
        {
            using FileStream file = new(
                Path.Combine(full, OwnerName), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            byte[] buffer = new byte[MaxOwner];
            string text = Encoding.UTF8.GetString(buffer, 0, file.ReadAtLeast(buffer, MaxOwner, throwOnEndOfStream: false)).Trim();
            return text.Length > 0 && !text.Any(char.IsControl) ? text : "another process";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "another process";
        }
    }

    private static bool Lives(int process)
    {
        try
        {
            using Process living = Process.GetProcessById(process);
            return true;
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            return false;
        }
    }
}
