using System.Runtime.InteropServices;

namespace Meshara.Storage;

/// <summary>link(2): gives a file its name only if nobody has it. File.Move without overwrite looks first and renames then, so of two racers the second wins.</summary>
internal static class HardLink
{
    private const int FileExists = 17; // EEXIST on Linux, macOS and the BSDs

    /// <summary>True: made. False: something has the name. Null: not to be had here (Windows, FAT, some network file systems).</summary>
    public static bool? TryCreate(string existing, string name)
    {
        if (OperatingSystem.IsWindows())
            return null;

        try
        {
            return Link(existing, name) == 0 ? true
                : Marshal.GetLastPInvokeError() == FileExists ? false
                : null;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return null;
        }
    }

    [DllImport("libc", EntryPoint = "link", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Link([MarshalAs(UnmanagedType.LPUTF8Str)] string existing, [MarshalAs(UnmanagedType.LPUTF8Str)] string name);
}
