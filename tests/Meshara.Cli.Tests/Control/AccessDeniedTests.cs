using Meshara.Cli.Control;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Control;

/// <summary>Commands of a user who may not look into the node's data directory.</summary>
[Collection(nameof(Child))]
public sealed class AccessDeniedTests : IDisposable
{
    private const string Setpriv = "/usr/bin/setpriv";

    // What lets root into every directory.
    private const string Powers = "-dac_override,-dac_read_search";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("info")]
    [InlineData("peers")]
    [InlineData("ping", "0123456789abcdef")]
    [InlineData("pipe", "--accept")]
    public async Task Call_ClosedDirectory_SaysPermissionDeniedAndNotThatNoNodeRuns(params string[] command)
    {
        Mode.Require();
        string closed = Directory.CreateDirectory(_folder["closed"]).FullName;
        string data = Directory.CreateDirectory(Path.Combine(closed, "node")).FullName;
        Mode.Set(closed, UnixFileMode.None);
        try
        {
            await using Child child = StartWithoutPowers([.. command, "--data", data]);

            Assert.Equal(ExitCode.Failed, await child.ExitAsync());
            Assert.Equal($"meshara: Permission denied: {closed} is yours, but closed to you as well. Run: chmod 700 {closed}", child.AllError());
        }
        finally
        {
            Mode.Set(closed, Mode.Directory);
        }
    }

    [Fact]
    public async Task ExplainAsync_AnotherUsersDirectory_NamesHimAndWhatToDo()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The owner of / is root on Linux.");

        ControlException e = await AccessDenied.ExplainAsync("/", "somebody", new UnauthorizedAccessException(), TimeProvider.System);

        Assert.Equal("access-denied", e.Code);
        Assert.Equal(
            "Permission denied: / belongs to the user 'root', and only that user may ask the node there. Run this as that user (sudo -u root meshara …), or give --data DIR of a node of your own.",
            e.Message);
    }

    private static Child StartWithoutPowers(string[] args)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return Child.Start(args);
        }

        Assert.SkipUnless(File.Exists(Setpriv), "Needs setpriv (util-linux) when root runs the tests, who may look everywhere.");
        return Child.StartBy([Setpriv, $"--bounding-set={Powers}", $"--inh-caps={Powers}"], args);
    }
}
