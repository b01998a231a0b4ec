using System.Globalization;

namespace Meshara.Fuzz.Engine;

/// <summary>The command line.</summary>
internal sealed record Options
{
    public const string Usage = """
        usage: run TARGET|all --seconds N|--runs N [--seed S] [--jobs N] [--blind] [--keep] [--out FOLDER]
               run verdicts
        """;

    /// <summary>A target's name, or <c>all</c>.</summary>
    public required string Target { get; init; }

    /// <summary>Null: no limit.</summary>
    public double? Seconds { get; init; }

    /// <summary>Null: no limit.</summary>
    public long? Runs { get; init; }

    /// <summary>Printed, so that the run can be repeated.</summary>
    public int Seed { get; init; } = (int)(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() & int.MaxValue);

    /// <summary>Targets at the same time.</summary>
    public int Jobs { get; init; } = 1;

    /// <summary>No feedback.</summary>
    public bool Blind { get; init; }

    /// <summary>What was found worth keeping becomes the corpus.</summary>
    public bool Keep { get; init; }

    /// <summary>Where findings are written; null: where the test suite looks for them.</summary>
    public string? Out { get; init; }

    /// <summary>The mapped file of the parent; null: this is the parent.</summary>
    public string? Page { get; init; }

    /// <summary>Null: wrong usage.</summary>
    public static Options? Read(string[] args, IEnumerable<string> targets)
    {
        if (args is not [var name, ..] || !(name is "all" or "verdicts" || targets.Contains(name)))
            return null;
        Options? options = new() { Target = name };
        for (int i = 1; i < args.Length && options is not null; i++)
        {
            if (args[i] is "--blind" or "--keep")
                options = args[i] == "--blind" ? options with { Blind = true } : options with { Keep = true };
            else
                options = i + 1 < args.Length ? options.With(args[i], args[++i]) : null;
        }

        return options is { Target: "verdicts" } or { Seconds: not null } or { Runs: not null } ? options : null;
    }

    /// <summary>The arguments of a child for one target.</summary>
    public IEnumerable<string> ForChild(string target, string page) =>
    [
        target, "--seed", Text(Seed), "--page", page,
        .. Seconds is { } seconds ? (string[])["--seconds", Text(seconds)] : [],
        .. Runs is { } runs ? (string[])["--runs", Text(runs)] : [],
        .. Out is { } folder ? (string[])["--out", folder] : [],
        .. Blind ? (string[])["--blind"] : [],
        .. Keep ? (string[])["--keep"] : [],
    ];

    private static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);

    private Options? With(string name, string value) => name switch
    {
        "--seconds" when double.TryParse(value, CultureInfo.InvariantCulture, out double seconds) && seconds > 0 => this with { Seconds = seconds },
        "--runs" when long.TryParse(value, CultureInfo.InvariantCulture, out long runs) && runs > 0 => this with { Runs = runs },
        "--seed" when int.TryParse(value, CultureInfo.InvariantCulture, out int seed) => this with { Seed = seed },
        "--jobs" when int.TryParse(value, CultureInfo.InvariantCulture, out int jobs) && jobs is > 0 and <= 64 => this with { Jobs = jobs },
        "--out" => this with { Out = Path.GetFullPath(value) },
        "--page" => this with { Page = value },
        _ => null,
    };
}
