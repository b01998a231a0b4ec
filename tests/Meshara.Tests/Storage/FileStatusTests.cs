using System.Globalization;
using System.Text;
using Meshara.Storage;
using Xunit;

namespace Meshara.Tests.Storage;

public sealed class FileStatusTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Of_EachKind_IsToldWithoutOpening()
    {
        await File.WriteAllTextAsync(_folder["file"], "x");
        File.CreateSymbolicLink(_folder["link"], await Fifo.MakeAsync(_folder["pipe"]));

        Assert.Equal(
            [FileKind.Regular, FileKind.Pipe, FileKind.Pipe, FileKind.Directory, FileKind.Other, null],
            ((string[])[_folder["file"], _folder["pipe"], _folder["link"], _folder.Path, "/dev/zero", _folder["none"]]).Select(path => FileStatus.Of(path)?.Kind));
        Assert.Null(FileStatus.WhyNotRegular(_folder["file"]));
        Assert.Equal("a pipe", FileStatus.WhyNotRegular(_folder["link"]));
    }

    [Fact]
    public async Task Of_File_HasItsOwner()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The owner of a file is told by statx, which is of Linux.");
        await File.WriteAllTextAsync(_folder["file"], "x");

        FileStatus status = FileStatus.Of(_folder["file"])!.Value;

        string[] ids = Encoding.ASCII.GetString(await Tool.OutputOfAsync("stat", "-c", "%u %g", _folder["file"])).Split(' ');
        Assert.Equal((uint.Parse(ids[0], CultureInfo.InvariantCulture), uint.Parse(ids[1], CultureInfo.InvariantCulture)), (status.User, status.Group));
    }
}
