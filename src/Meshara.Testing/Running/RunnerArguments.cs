using System.Globalization;

namespace Meshara.Testing.Running;

/// <summary>The command line of a simulation.</summary>
internal sealed class RunnerArguments
{
    private const int MostJobs = 64;

    public const string Usage = """
        usage: [SCENARIO] [options]
          --seeds N | A-B | A-B,C   seeds to run one after the other; N: 1 to N (default 1)
          --seed N                  one seed
          --jobs N                  children that share the seeds (default 1: in this process)
          --trace FILE              every line of the trace, of one seed
          --verify                  run each seed twice and show the first line that differs
          --shrink                  leave out faults of the plan for as long as the seed goes on failing
          --without A,B             leave out these faults of the plan
          --set NAME=NUMBER         a number that the scenario takes
          --break NAME              break the harness on purpose: the check of that name must fail
          --limit SECONDS           real time that one seed may take in a child (default 300)
          --hashes                  nothing but each seed and its hash
          --list                    the scenarios
          --assembly FILE           look for the scenario, Type.Method, in that assembly
        """;

    public string? Scenario { get; private set; }

    public string? Assembly { get; private set; }

    public IReadOnlyList<int> Seeds { get; private set; } = [1];

    public int Jobs { get; private set; } = 1;

    public string? TraceFile { get; private set; }

    public bool Verify { get; private set; }

    public bool Shrink { get; private set; }

    public bool Hashes { get; private set; }

    public bool List { get; private set; }

    public bool Help { get; private set; }

    /// <summary>A program reads the output.</summary>
    public bool Machine { get; private set; }

    public string? Break { get; private set; }

    public TimeSpan Limit { get; private set; } = TimeSpan.FromMinutes(5);

    public HashSet<int> LeftOut { get; } = [];

    public SortedDictionary<string, int> Settings { get; } = new(StringComparer.Ordinal);

    /// <summary>Reads the arguments; what is wrong is one sentence.</summary>
    public static RunnerArguments? Parse(IReadOnlyList<string> args, out string? wrong)
    {
        RunnerArguments parsed = new();
        wrong = null;
        for (int i = 0; i < args.Count && wrong is null; i++)
        {
            string name = args[i];
            if (parsed.Flag(name))
                continue;

            if (!name.StartsWith("--", StringComparison.Ordinal))
                wrong = parsed.Scenario is null ? null : $"Two scenarios: '{parsed.Scenario}' and '{name}'.";
            else if (i + 1 == args.Count)
                wrong = $"'{name}' is unknown, or its value is missing.";
            if (wrong is null)
                wrong = parsed.Take(name, name.StartsWith("--", StringComparison.Ordinal) ? args[++i] : name);
        }

        wrong ??= parsed.Contradiction();
        return wrong is null ? parsed : null;
    }

    /// <summary>What a child is given for some of the seeds, apart from the scenario and the seeds.</summary>
    public IEnumerable<string> ForChildren()
    {
        foreach ((string name, int value) in Settings)
        {
            yield return "--set";
            yield return $"{name}={value}";
        }

        if (LeftOut.Count > 0)
        {
            yield return "--without";
            yield return string.Join(',', LeftOut.Order());
        }

        if (Break is not null)
        {
            yield return "--break";
            yield return Break;
        }

        if (Verify)
            yield return "--verify";
    }

    private bool Flag(string name)
    {
        switch (name)
        {
            case "--verify": Verify = true; return true;
            case "--shrink": Shrink = true; return true;
            case "--hashes": Hashes = true; return true;
            case "--list": List = true; return true;
            case "--machine": Machine = true; return true;
            case "--help" or "-h": Help = true; return true;
            default: return false;
        }
    }

    private string? Take(string name, string value)
    {
        int number = 0;
        bool isNumber = int.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number);
        switch (name)
        {
            case "--seed" when isNumber: Seeds = [number]; return null;
            case "--seeds" when SeedRange.TryParse(value, out IReadOnlyList<int> seeds): Seeds = seeds; return null;
            case "--jobs" when isNumber && number is >= 1 and <= MostJobs: Jobs = number; return null;
            case "--limit" when isNumber && number > 0: Limit = TimeSpan.FromSeconds(number); return null;
            case "--scenario": Scenario = value; return null;
            case "--assembly": Assembly = value; return null;
            case "--trace": TraceFile = value; return null;
            case "--break": Break = value; return null;
            case "--without" when value.Split(',').All(static v => int.TryParse(v, NumberStyles.None, CultureInfo.InvariantCulture, out _)):
                LeftOut.UnionWith(value.Split(',').Select(static v => int.Parse(v, CultureInfo.InvariantCulture)));
                return null;
            case "--set" when value.Split('=') is [var key, var text] && int.TryParse(text, out int given): Settings[key] = given; return null;
            case "--seed" or "--seeds" or "--jobs" or "--limit" or "--without" or "--set": return $"'{value}' is no value for {name}.";
            default:
                Scenario = value;
                return name.StartsWith("--", StringComparison.Ordinal) ? $"'{name}' is unknown." : null;
        }
    }

    private string? Contradiction() =>
        TraceFile is not null && Seeds.Count != 1 ? "--trace is of one seed."
        : Shrink && Seeds.Count != 1 ? "--shrink is of one seed."
        : Jobs > 1 && (TraceFile is not null || Shrink) ? "--trace and --shrink need --jobs 1."
        : null;
}
