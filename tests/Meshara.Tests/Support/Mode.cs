using Xunit;

namespace Meshara.Tests;

/// <summary>Mode bits of files; a test that needs them is skipped where there are none.</summary>
internal static class Mode
{
    public const UnixFileMode File = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    public const UnixFileMode Directory = File | UnixFileMode.UserExecute;

    public static void Require() => Assert.SkipWhen(OperatingSystem.IsWindows(), "Mode bits are of Unix.");

    public static UnixFileMode Of(string path) =>
        OperatingSystem.IsWindows() ? throw new PlatformNotSupportedException() : System.IO.File.GetUnixFileMode(path);

    /// <summary>Sets the mode; does nothing on Windows, where a new file has the rights of its folder.</summary>
    public static void Set(string path, UnixFileMode mode)
    {
        if (!OperatingSystem.IsWindows())
            System.IO.File.SetUnixFileMode(path, mode);
    }
}
