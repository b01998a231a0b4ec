using System.Xml.Linq;

using Xunit;

namespace Meshara.Tests.Tidy;

/// <summary>Every dependency is known by name, version and reason.</summary>
public sealed class ProjectFilesTests
{
    private const string Packages = "Directory.Packages.props";

    [Fact]
    public void Packages_OfEveryProject_AreListedWithAReason()
    {
        HashSet<string> explained = [.. Explained(XDocument.Parse(Repository.Read(Packages)))];
        string[] files = [.. Repository.Projects, "Directory.Build.props"];

        IEnumerable<string> wrong =
            from path in files
            from reference in XDocument.Parse(Repository.Read(path)).Descendants("PackageReference")
            let name = reference.Attribute("Include")?.Value
            where name is not null && !explained.Contains(name)
            select $"{path}: {name} has no comment in {Packages} that says why it is needed";
        Assert.NotEmpty(explained);
        Assert.Empty(wrong);
    }

    [Fact]
    public void Packages_Listed_AreAllUsed()
    {
        IEnumerable<string?> listed = XDocument.Parse(Repository.Read(Packages)).Descendants("PackageVersion")
            .Select(version => version.Attribute("Include")?.Value);
        HashSet<string?> used = [.. Repository.Projects.Append("Directory.Build.props")
            .SelectMany(path => XDocument.Parse(Repository.Read(path)).Descendants("PackageReference"))
            .Select(reference => reference.Attribute("Include")?.Value)];

        Assert.DoesNotContain(listed, name => !used.Contains(name));
    }

    [Fact]
    public void Projects_OfRepository_AreAllInTheSolution()
    {
        string solution = Repository.Read("Meshara.sln").Replace('\\', '/');

        Assert.NotEmpty(Repository.Projects);
        Assert.DoesNotContain(Repository.Projects, path => !solution.Contains($"\"{path}\"", StringComparison.Ordinal));
    }

    // A comment stands above its package, or above the first of a group of lines.
    private static IEnumerable<string> Explained(XDocument document)
    {
        foreach (XElement version in document.Descendants("PackageVersion"))
        {
            XNode? above = version.PreviousNode;
            while (above is XText or XElement)
            {
                above = above.PreviousNode;
            }

            if (above is XComment { Value.Length: > 10 })
            {
                yield return version.Attribute("Include")!.Value;
            }
        }
    }
}
