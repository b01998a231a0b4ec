namespace Meshara.Mutation.Driving;

/// <summary>The survivors that people have looked at: a line with a reason after `## `, and below it the mutants that it is true of.</summary>
internal sealed class SurvivorList
{
    private readonly Dictionary<string, string> _reasons = [];

    /// <summary>Reads the file.</summary>
    /// <param name="path">Where it is.</param>
    /// <exception cref="InvalidDataException">A mutant stands in it before any reason.</exception>
    public static SurvivorList Read(string path)
    {
        SurvivorList list = new();
        string reason = "";
        foreach (string line in File.ReadLines(path).Select(static l => l.Trim()))
        {
            if (line.StartsWith("## ", StringComparison.Ordinal))
                reason = line[3..];
            else if (line.Length > 0 && !line.StartsWith("# ", StringComparison.Ordinal))
                list._reasons[line] = reason.Length > 0 ? reason : throw new InvalidDataException($"{path}: no reason above {line}");
        }

        return list;
    }

    /// <summary>Whether a survivor is known, with its reason.</summary>
    public bool Knows(string key) => _reasons.ContainsKey(key);

    /// <summary>Lines that name no mutant, or one that is killed by now.</summary>
    public IEnumerable<string> Stale(IEnumerable<string> survivors) => _reasons.Keys.Except(survivors);

    /// <summary>How many lines it has.</summary>
    public int Count => _reasons.Count;
}
