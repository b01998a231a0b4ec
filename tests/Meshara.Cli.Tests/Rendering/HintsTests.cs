using Meshara.Cli.Commands;
using Meshara.Cli.Rendering;
using Xunit;

namespace Meshara.Cli.Tests.Rendering;

/// <summary>A command that is printed reaches the node that it is about.</summary>
public sealed class HintsTests
{
    [Fact]
    public void At_DefaultDirectoryOrNone_IsNothing()
    {
        Assert.Equal("", Hints.At(null));
        Assert.Equal("", Hints.At(CommonOptions.DefaultDirectory()));
        Assert.Equal("", Hints.At(CommonOptions.DefaultDirectory() + Path.DirectorySeparatorChar));
    }

    [Fact]
    public void At_AnotherDirectory_IsAbsoluteAndQuotedWhereAShellWouldSplitIt()
    {
        string plain = Path.Combine(Path.GetTempPath(), "a"), blank = Path.Combine(Path.GetTempPath(), "a b");

        Assert.Equal($" --data {Hints.Quote(plain)}", Hints.At(plain));
        Assert.Equal($" --data {Hints.Quote(blank)}", Hints.At(blank));
        Assert.NotEqual($" --data {blank}", Hints.At(blank));
        Assert.Equal($" --data {Hints.Quote(Path.GetFullPath("a"))}", Hints.At("a"));
    }

    [Theory]
    [InlineData("or this command: meshara trust replace 1 2", "or this command: meshara trust replace{0} 1 2")]
    [InlineData("or run here 'meshara trust add' with the key", "or run here 'meshara trust add{0}' with the key")]
    [InlineData("not among the known peers: 'meshara add h:1' makes it one.", "not among the known peers: 'meshara add{0} h:1' makes it one.")]
    [InlineData("'meshara peers --explain 1' says why; 'meshara peers --forgive 1' lifts the ban; 'meshara trust add' with its key", "'meshara peers{0} --explain 1' says why; 'meshara peers{0} --forgive 1' lifts the ban; 'meshara trust add{0}' with its key")]
    [InlineData("meshara why h:1", "meshara why{0} h:1")]
    [InlineData("On that machine run: meshara trust add 1", "On that machine run: meshara trust add 1")]
    [InlineData("On that machine run: meshara peers --forgive 1", "On that machine run: meshara peers --forgive 1")]
    public void Here_CommandsForThisNode_NameItsDirectory(string text, string expected)
    {
        string data = Path.Combine(Path.GetTempPath(), "a");

        Assert.Equal(expected.Replace("{0}", Hints.At(data), StringComparison.Ordinal), Hints.Here(text, data));
        Assert.Equal(text, Hints.Here(text, CommonOptions.DefaultDirectory()));
    }
}
