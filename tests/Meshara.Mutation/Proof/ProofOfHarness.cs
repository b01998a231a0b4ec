using Meshara.Mutation.Driving;

namespace Meshara.Mutation.Proof;

/// <summary>Tries the harness on mutants whose fate is known, before it is believed about others.</summary>
internal static class ProofOfHarness
{
    /// <summary>What must survive: one that changes nothing, and two that no test looks at closely enough.</summary>
    private static readonly string[] Survivors =
    [
        "Toy.IsTall | public static bool IsTall(int height) => height > 190; | other boundary",
        "Toy.Larger | public static int Larger(int a, int b) => a > b ? a : b; | other boundary",
    ];

    /// <summary>What must end by its time limit, not by a failed test.</summary>
    private const string Endless = "Toy.CountUp | int step = 1, at = 0, steps = 0; | 1 becomes 2";

    /// <summary>The one in a static constructor.</summary>
    private const string Static = "Toy.cctor | private static readonly int Limit = Math.Abs(7); | 7 becomes 8";

    /// <summary>What is wrong with the harness; empty when it is right.</summary>
    public static async Task<IReadOnlyList<string>> RunAsync(string root, string folder)
    {
        Workplace toy = Workplace.OfToy(root, folder);
        Campaign campaign = new(toy, int.MaxValue, 2);
        List<string> wrong = [.. await campaign.RecordAsync()];
        if (wrong.Count > 0)
            return wrong;
        IReadOnlyList<Verdict> verdicts = await campaign.TryAsync(toy.Mutants, static _ => { });
        string[] survived = [.. verdicts.Where(v => !v.IsKilled).Select(v => v.Mutant.Key).Order(StringComparer.Ordinal)];
        if (!survived.SequenceEqual(Survivors))
            wrong.Add($"The toy's survivors are not the known ones: {string.Join("; ", survived)}");
        if (verdicts.SingleOrDefault(v => v.Mutant.Key == Endless)?.Fate != Fate.TimedOut)
            wrong.Add("The toy's endless mutant was not ended by its time limit.");
        if (verdicts.SingleOrDefault(v => v.Mutant.Key == Static)?.Fate != Fate.Killed)
            wrong.Add("The toy's mutant in a static constructor was not killed.");
        if (wrong.Count == 0)
            Console.WriteLine($"proof: of {verdicts.Count} mutants of a toy {verdicts.Count - survived.Length} are killed, one of them by its time limit, and the {survived.Length} that must survive do");
        else
            wrong.AddRange(verdicts.Select(v => $"  {v.Fate} {v.Mutant.Key} {v.By}"));
        return wrong;
    }
}
