using System.Security.Cryptography;
using Meshara.Tests.Wire;

namespace Meshara.Fuzz;

/// <summary>fuzz/corpus/TARGET/* and fuzz/crashes/TARGET-*.bin.</summary>
internal static class FuzzFolder
{
    private static string Fuzz => Path.Combine(VectorFile.Root, "fuzz");

    /// <summary>Inputs worth keeping, sorted by name.</summary>
    public static IReadOnlyList<byte[]> Corpus(string target) => Read(Path.Combine(Fuzz, "corpus", target), "*");

    /// <summary>Inputs that failed once, sorted by name.</summary>
    public static IReadOnlyList<byte[]> Crashes(string target) => Read(Path.Combine(Fuzz, "crashes"), $"{target}-*.bin");

    /// <summary>Keeps an input that failed; the name is that of the target and of the content.</summary>
    public static string SaveCrash(string target, byte[] input)
    {
        string folder = Path.Combine(Fuzz, "crashes");
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, $"{target}-{Convert.ToHexStringLower(SHA256.HashData(input))[..16]}.bin");
        File.WriteAllBytes(path, input);
        return path;
    }

    private static byte[][] Read(string folder, string pattern) =>
        Directory.Exists(folder) ? [.. Directory.GetFiles(folder, pattern).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)] : [];
}
