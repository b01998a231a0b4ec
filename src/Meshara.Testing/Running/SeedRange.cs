using System.Globalization;

namespace Meshara.Testing.Running;

/// <summary>Seeds as they are written: <c>200</c> are 1 to 200, <c>5-9</c> are 5 to 9, <c>5-9,17</c> those and 17.</summary>
internal static class SeedRange
{
    private const int Most = 1_000_000;

    public static bool TryParse(string text, out IReadOnlyList<int> seeds)
    {
        List<int> all = [];
        seeds = all;
        if (TryNumber(text, out int count) && count is > 0 and <= Most)
        {
            all.AddRange(Enumerable.Range(1, count));
            return true;
        }

        foreach (string part in text.Split(','))
        {
            // Not before the first character: a seed may be negative there.
            int dash = part.Length > 1 ? part.IndexOf('-', 1) : -1;
            string last = dash < 0 ? part : part[(dash + 1)..];
            if (!TryNumber(dash < 0 ? part : part[..dash], out int from) || !TryNumber(last, out int to) || to < from || (long)to - from >= Most)
                return false;
            all.AddRange(Enumerable.Range(from, to - from + 1));
        }

        return all.Count is > 0 and <= Most;
    }

    /// <summary>The same in the shortest way.</summary>
    public static string Format(IReadOnlyList<int> seeds)
    {
        List<string> parts = [];
        for (int i = 0; i < seeds.Count;)
        {
            int end = i;
            while (end + 1 < seeds.Count && seeds[end + 1] == seeds[end] + 1)
                end++;

            // `7` alone would be read as 1 to 7.
            parts.Add(end == i && seeds.Count > 1 ? $"{seeds[i]}" : $"{seeds[i]}-{seeds[end]}");
            i = end + 1;
        }

        return string.Join(',', parts);
    }

    private static bool TryNumber(string text, out int number) => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number);
}
