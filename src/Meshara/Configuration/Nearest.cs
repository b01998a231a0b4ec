namespace Meshara.Configuration;

/// <summary>The known name that a mistyped one is nearest to.</summary>
internal static class Nearest
{
    // Longer ones are no typing mistakes, and cost the square of their length.
    private const int Longest = 200;

    // Letters that a name in the wrong section is worth.
    private const int Misplaced = 3;

    /// <summary>By the fewest letters to add, drop, or change; of names in sections the last part counts too, for one in the wrong section. A name that was left off early is near.</summary>
    public static string Of(string name, IReadOnlyList<string> known) =>
        known.MinBy(other => other.StartsWith(name, StringComparison.OrdinalIgnoreCase) && other.LastIndexOf('.') < name.Length ? 1 : Math.Min(Distance(Cut(name), other), Distance(Last(Cut(name)), Last(other)) + Misplaced))!;

    private static string Cut(string name) => name.Length <= Longest ? name : name[..Longest];

    private static string Last(string name) => name[(name.LastIndexOf('.') + 1)..];

    // Levenshtein's, in two rows.
    private static int Distance(string a, string b)
    {
        int[] before = [.. Enumerable.Range(0, b.Length + 1)];
        int[] row = new int[b.Length + 1];
        for (int i = 1; i <= a.Length; i++)
        {
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int change = char.ToUpperInvariant(a[i - 1]) == char.ToUpperInvariant(b[j - 1]) ? 0 : 1;
                row[j] = Math.Min(Math.Min(row[j - 1], before[j]) + 1, before[j - 1] + change);
            }

            (before, row) = (row, before);
        }

        return before[b.Length];
    }
}
