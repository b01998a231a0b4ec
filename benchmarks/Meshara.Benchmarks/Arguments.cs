using System.Globalization;

namespace Meshara.Benchmarks;

/// <summary>The command line: at most one word for what is measured, and options for how. All of it is checked before anything runs, and the folders of results are made.</summary>
internal sealed class Arguments
{
    /// <summary>What may be asked for.</summary>
    public const string Usage = """
        Usage: benchmarks/run [--quick] [--only=PART_OF_A_WORKLOAD'S_NAME] [--out=FILE.md] [--chart=FILE.svg]
               benchmarks/run scale [--quick] [--only=PART_OF_A_PART'S_NAME] [--out=FILE.md] [--links=N] [--command=PUBLISHED_MESHARA]    charts go beside FILE.md
               benchmarks/run flood|policies [--quick]
               benchmarks/run micro [FILTER...]
        """;

    private const int MostLinks = 100_000;

    private static readonly Dictionary<string, string[]> Options = new(StringComparer.Ordinal)
    {
        [""] = ["--only=", "--out=", "--chart="],
        ["scale"] = ["--only=", "--out=", "--links=", "--command="],
        ["flood"] = [],
        ["policies"] = [],
    };

    private readonly string[] _args;

    private Arguments(string[] args, string mode) => (_args, Mode) = (args, mode);

    /// <summary>What is measured; empty: the comparison.</summary>
    public string Mode { get; }

    /// <summary>A first look.</summary>
    public bool Quick => _args.Contains("--quick");

    /// <summary>Reads them; null: <paramref name="wrong"/> says which cannot be.</summary>
    public static Arguments? Parse(string[] args, out string wrong)
    {
        string[] words = [.. args.Where(static arg => !arg.StartsWith('-'))];
        string mode = words is [var word] ? word : "";
        if (words.Length > 1 || !Options.TryGetValue(mode, out string[]? options))
        {
            wrong = $"Unknown argument {words[^1]}.";
            return null;
        }

        string[] known = [.. options, "--commit="];
        if (args.FirstOrDefault(arg => arg != mode && arg != "--quick" && !known.Any(option => arg.StartsWith(option, StringComparison.Ordinal) && arg.Length > option.Length)) is { } unknown)
        {
            wrong = $"Unknown argument {unknown}, or it lacks its value.";
            return null;
        }

        Arguments parsed = new(args, mode);
        if (parsed.Value("--links=") is { } links && !(int.TryParse(links, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count is > 0 and <= MostLinks))
        {
            wrong = $"--links={links} is no number from 1 to {MostLinks}.";
            return null;
        }

        wrong = "";
        return parsed;
    }

    /// <summary>What follows the option; null: it is not there.</summary>
    public string? Value(string option) => _args.FirstOrDefault(arg => arg.StartsWith(option, StringComparison.Ordinal))?[option.Length..];

    /// <summary>Makes the folders of the files that are to be written: not to find out after minutes that there is none.</summary>
    public void MakeFolders()
    {
        foreach (string? file in (string?[])[Value("--out="), Value("--chart=")])
        {
            if (file is not null && Path.GetDirectoryName(Path.GetFullPath(file)) is { } folder)
            {
                Directory.CreateDirectory(folder);
            }
        }
    }
}
