using Xunit;

namespace Meshara.Tests;

/// <summary>Named pipes.</summary>
internal static class Fifo
{
    /// <summary>Makes one; the test is skipped where their kind cannot be told without opening them.</summary>
    public static async Task<string> MakeAsync(string path)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The kind of a file is told by statx, which is of Linux.");
        await Tool.OutputOfAsync("mkfifo", "-m", "600", path);
        return path;
    }
}
