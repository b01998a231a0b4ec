using System.Globalization;
using Xunit;

namespace Meshara.Sqlite.Tests;

/// <summary>A file system of a few hundred kilobytes (tmpfs), gone at the end of the test. Skipped where Linux or root is missing.</summary>
internal sealed class SmallDisk : IAsyncDisposable
{
    /// <summary>What <c>.ci/run</c> looks for in the reason of a skip.</summary>
    private const string NeedsRoot = "Needs root: only it can mount a small disk.";

    private readonly TempFolder _folder = new();

    private SmallDisk()
    {
    }

    public string this[string name] => _folder[name];

    public static async Task<SmallDisk> CreateAsync(int kilobytes)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "tmpfs is of Linux.");
        Assert.SkipUnless(Environment.IsPrivilegedProcess, NeedsRoot);
        SmallDisk made = new();
        (int exitCode, _, string error) = await Tool.RunAsync("mount", "-t", "tmpfs", "-o", Size(kilobytes), "meshara-test", made._folder.Path);
        if (exitCode != 0)
        {
            made._folder.Dispose();
            Assert.Skip($"{NeedsRoot} This machine did not let us: {error.Trim()}");
        }

        return made;
    }

    public Task ResizeAsync(int kilobytes) => RemountAsync(Size(kilobytes));

    public Task FreezeAsync() => RemountAsync("ro");

    public Task ThawAsync() => RemountAsync("rw");

    public async ValueTask DisposeAsync()
    {
        await Tool.OutputOfAsync("umount", _folder.Path);
        _folder.Dispose();
    }

    private static string Size(int kilobytes) => string.Create(CultureInfo.InvariantCulture, $"size={kilobytes}k");

    private async Task RemountAsync(string options) => await Tool.OutputOfAsync("mount", "-o", $"remount,{options}", _folder.Path);
}
