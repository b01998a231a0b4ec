using System.Security.Cryptography;

namespace Meshara.Fuzz;

/// <summary>fuzz/corpus/TARGET/* and fuzz/crashes/TARGET-*.bin.</summary>
internal static class FuzzFolder
{
    /// <summary>The root of the repository, found upwards from where this program lies.</summary>
    public static string Root { get; } = FindRoot();

    private static string Fuzz => Path.Combine(Root, "fuzz");

    /// <summary>Inputs worth keeping, sorted by name.</summary>
    public static IReadOnlyList<byte[]> Corpus(string target) => [.. Read(Path.Combine(Fuzz, "corpus", target), "*").Select(static file => file.Bytes)];

    /// <summary>Inputs that failed once, sorted by name.</summary>
    public static IReadOnlyList<byte[]> Crashes(string target) =>
    [
        // The name of one target may begin with that of another.
        .. Read(Path.Combine(Fuzz, "crashes"), $"{target}-*.bin").Where(file => file.Name[(target.Length + 1)..^4].All(char.IsAsciiHexDigit)).Select(static file => file.Bytes),
    ];

    /// <summary>Keeps an input that failed, among the others or in a folder of its own; the name is that of the target and of the content.</summary>
    public static string SaveCrash(string target, byte[] input, string? folder)
    {
        folder ??= Path.Combine(Fuzz, "crashes");
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, $"{target}-{NameOf(input)}.bin");
        File.WriteAllBytes(path, input);
        return path;
    }

    /// <summary>Makes the corpus of a target exactly these.</summary>
    public static void SaveCorpus(string target, IEnumerable<byte[]> inputs)
    {
        string folder = Path.Combine(Fuzz, "corpus", target);
        Directory.CreateDirectory(folder);
        foreach (string old in Directory.GetFiles(folder))
            File.Delete(old);
        foreach (byte[] input in inputs)
            File.WriteAllBytes(Path.Combine(folder, NameOf(input)), input);
    }

    private static string NameOf(byte[] input) => Convert.ToHexStringLower(SHA256.HashData(input))[..16];

    private static (string Name, byte[] Bytes)[] Read(string folder, string pattern) => Directory.Exists(folder)
        ? [.. Directory.GetFiles(folder, pattern).Order(StringComparer.Ordinal).Select(static path => (Path.GetFileName(path), File.ReadAllBytes(path)))]
        : [];

    private static string FindRoot()
    {
        DirectoryInfo? directory = new(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Meshara.sln")))
            directory = directory.Parent;

        return directory?.FullName ?? throw new DirectoryNotFoundException("The repository (Meshara.sln) is not above this program.");
    }
}
