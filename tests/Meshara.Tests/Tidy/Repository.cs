namespace Meshara.Tests.Tidy;

/// <summary>The checked-out sources, found from the test assembly: the first directory above it with Meshara.sln.</summary>
internal static class Repository
{
    private static readonly string[] SourceRoots = ["src", "tests", "fuzz", "benchmarks"];

    private static readonly HashSet<string> Generated =
        new(["bin", "obj", "artifacts", "TestResults", "BenchmarkDotNet.Artifacts"], StringComparer.Ordinal);

    public static string Root { get; } = Find();

    /// <summary>Every C# file that a person wrote, sorted, as `src/Meshara/Node.cs`.</summary>
    public static IReadOnlyList<string> Sources { get; } =
        [.. SourceRoots.SelectMany(root => Files(root, "*.cs")).Order(StringComparer.Ordinal)];

    public static IReadOnlyList<string> Projects { get; } =
        [.. SourceRoots.SelectMany(root => Files(root, "*.csproj")).Order(StringComparer.Ordinal)];

    public static string Read(string path) => File.ReadAllText(Absolute(path));

    public static string Absolute(string path) => Path.Combine(Root, path.Replace('/', Path.DirectorySeparatorChar));

    /// <summary>Files below a directory of the repository (empty: all of it); output of builds and hidden directories left out.</summary>
    public static IEnumerable<string> Files(string directory, string pattern)
    {
        string start = Absolute(directory);
        if (!Directory.Exists(start))
        {
            return [];
        }

        return Walk(new DirectoryInfo(start), pattern)
            .Select(file => Path.GetRelativePath(Root, file.FullName).Replace(Path.DirectorySeparatorChar, '/'));
    }

    private static IEnumerable<FileInfo> Walk(DirectoryInfo directory, string pattern)
    {
        IEnumerable<FileInfo> below = directory.EnumerateDirectories()
            .Where(child => !Generated.Contains(child.Name) && child.Name is not (".git" or ".vs" or ".idea"))
            .SelectMany(child => Walk(child, pattern));
        return directory.EnumerateFiles(pattern).Concat(below);
    }

    private static string Find()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Meshara.sln")))
            {
                return at.FullName;
            }
        }

        throw new InvalidOperationException("No Meshara.sln above the test assembly: these tests read the sources and run from a checkout.");
    }
}
