using System.Runtime.InteropServices;

namespace Meshara.Cli;

/// <summary>Standard input where it is a keyboard.</summary>
internal static class StandardInput
{
    private const int Descriptor = 0;

    /// <summary>Whether what is typed goes to this process. A job in the background (<c>meshara … &amp;</c>) that reads the keyboard is stopped by the system (SIGTTIN).</summary>
    public static bool IsInForeground()
    {
        if (OperatingSystem.IsWindows())
        {
            return true;
        }

        // Negative: not the terminal of this session, and nobody is stopped for reading it.
        int group = ForegroundGroup(Descriptor);
        return group < 0 || group == OwnGroup();
    }

    [DllImport("libc", EntryPoint = "tcgetpgrp")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ForegroundGroup(int descriptor);

    [DllImport("libc", EntryPoint = "getpgrp")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int OwnGroup();
}
