using Xunit;

namespace Meshara.Tests.Tidy;

/// <summary>A file is read in one sitting, a method on one screen.</summary>
public sealed class SizeTests
{
    private const int MostLinesOfFile = 500;
    private const int MostLinesOfMethod = 70;

    [Fact]
    public void Files_OfRepository_AreShort()
    {
        Assert.Contains("src/Meshara/NodeId.cs", Repository.Sources);

        IEnumerable<string> wrong =
            from path in Repository.Sources
            let lines = Repository.Read(path).AsSpan().Count('\n')
            where lines > MostLinesOfFile
            select $"{path}: {lines} lines, at most {MostLinesOfFile}";
        Assert.Empty(wrong);
    }

    [Fact]
    public void Methods_OfRepository_AreShort()
    {
        IEnumerable<string> wrong =
            from path in Repository.Sources
            from member in CSharpMembers.Of(Repository.Read(path))
            where member.Lines > MostLinesOfMethod
            select $"{path}({member.Line}): {member.Name} has {member.Lines} lines, at most {MostLinesOfMethod}";
        Assert.Empty(wrong);
    }

    [Fact]
    public void Members_OfThisFile_AreFound() =>
        Assert.Equal(
            [nameof(Files_OfRepository_AreShort), nameof(Methods_OfRepository_AreShort), nameof(Members_OfThisFile_AreFound)],
            CSharpMembers.Of(Repository.Read("tests/Meshara.Tests/Tidy/SizeTests.cs")).Select(member => member.Name));
}
