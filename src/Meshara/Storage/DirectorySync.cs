using System.Runtime.InteropServices;

namespace Meshara.Storage;

/// <summary>Makes a new or renamed directory entry survive a power cut: fsync(2) on the directory, which .NET does not offer.</summary>
internal static class DirectorySync
{
    private const int ReadOnly = 0;

    /// <summary>Best effort: some file systems refuse it, and the file itself is safe by then.</summary>
    /// <returns>Whether it was done.</returns>
    public static bool Flush(string directory)
    {
        // NTFS keeps its entries in a journal.
        if (OperatingSystem.IsWindows())
            return false;

        try
        {
            int descriptor = Open(directory, ReadOnly);
            if (descriptor < 0)
                return false;

            bool done = Fsync(descriptor) == 0;
            _ = Close(descriptor);
            return done;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            // A system whose C library has another name: the kernel writes the entry within seconds.
            return false;
        }
    }

    [DllImport("libc", EntryPoint = "open")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "fsync")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Fsync(int descriptor);

    [DllImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Close(int descriptor);
}
