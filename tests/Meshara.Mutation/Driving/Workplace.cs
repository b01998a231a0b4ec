using Meshara.Mutation.Sites;

namespace Meshara.Mutation.Driving;

/// <summary>A folder with the changed assembly, the tests and all they need, and what is in it.</summary>
/// <param name="Folder">Its path.</param>
/// <param name="Changed">File name of the changed assembly.</param>
/// <param name="Tests">File name of the tests' assembly; may be the same.</param>
/// <param name="Mutants">What was changed.</param>
/// <param name="Namespaces">Where its tests are; after a minus, which of them are left out.</param>
internal sealed record Workplace(string Folder, string Changed, string Tests, IReadOnlyList<Mutant> Mutants, IReadOnlyList<string> Namespaces)
{
    /// <summary>One more than the highest number of a site.</summary>
    public int Sites { get; } = Mutants.Select(m => Math.Max(m.Id, m.SeenAs)).DefaultIfEmpty().Max() + 1;

    private static readonly Room[] Rooms =
    [
        new("Core", "src/Meshara/Core/"),
        new("Wire", "src/Meshara/Wire/"),
        new("Security", "src/Meshara/Security/"),
    ];

    private static readonly string[] Suites = ["Meshara.Tests.Core", "Meshara.Tests.Wire", "Meshara.Tests.Security", "Meshara.Tests.Fuzz", "Meshara.Tests.Models"];

    /// <summary>The library, with the tests of its pure rooms.</summary>
    /// <param name="root">The repository.</param>
    /// <param name="configuration">Release or Debug: whose build is used.</param>
    /// <param name="folder">Made anew.</param>
    /// <param name="deep">With the slow tests too.</param>
    public static Workplace OfMeshara(string root, string configuration, string folder, bool deep)
    {
        string built = Path.Combine(root, "tests", "Meshara.Tests", "bin", configuration, "net10.0");
        if (!File.Exists(Path.Combine(built, "Meshara.Tests.dll")))
            throw new FileNotFoundException($"The tests are not built: dotnet build tests/Meshara.Tests -c {configuration}");
        Copy(built, folder);
        IReadOnlyList<Mutant> mutants = Rewriter.Write(Path.Combine(built, "Meshara.dll"), Path.Combine(folder, "Meshara.dll"), Rooms, root);
        return new Workplace(folder, "Meshara.dll", "Meshara.Tests.dll", mutants, deep ? Suites : [.. Suites, .. Slow(root)]);
    }

    /// <summary>The toy and its tests, which are in this program itself.</summary>
    /// <param name="root">The repository.</param>
    /// <param name="folder">Made anew.</param>
    public static Workplace OfToy(string root, string folder)
    {
        string own = typeof(Workplace).Assembly.Location;
        Fresh(folder);
        string name = Path.GetFileName(own);
        IReadOnlyList<Mutant> mutants = Rewriter.Write(own, Path.Combine(folder, name), [new Room("Toy", "tests/Meshara.Mutation/Proof/Toy.cs")], root);
        return new Workplace(folder, name, name, mutants, ["Meshara.Mutation.Proof"]);
    }

    private static IEnumerable<string> Slow(string root) =>
        File.ReadLines(Path.Combine(root, "tests", "Meshara.Mutation", "slow.txt")).Where(static l => l.Length > 0 && l[0] != '#').Select(static l => "-" + l);

    private static void Fresh(string folder)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, true);
        Directory.CreateDirectory(folder);
    }

    private static void Copy(string from, string folder)
    {
        Fresh(folder);
        foreach (string file in Directory.EnumerateFiles(from, "*.dll"))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
    }
}
