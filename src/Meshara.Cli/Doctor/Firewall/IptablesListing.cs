namespace Meshara.Cli.Doctor.Firewall;

/// <summary>Reads what <c>iptables-save</c> and <c>ip6tables-save</c> print.</summary>
internal static class IptablesListing
{
    private static readonly Dictionary<string, string> Hooks = new(StringComparer.Ordinal)
    {
        ["PREROUTING"] = "prerouting",
        ["INPUT"] = "input",
        ["OUTPUT"] = "output",
        ["POSTROUTING"] = "postrouting",
    };

    /// <summary>Its chains, in which only packets of one family are seen. What is not understood is doubted, never thrown at.</summary>
    public static FirewallRules Read(string text, bool isIPv6)
    {
        string[] lines = [.. text.Split('\n').Select(static line => line.Trim())];
        bool setsMarks = lines.Any(static line => line.Contains("MARK ", StringComparison.Ordinal) && !line.StartsWith('#')), skipsTracking = lines.Any(static line => line.Contains("NOTRACK", StringComparison.Ordinal) || line.Contains("--notrack", StringComparison.Ordinal));
        IptablesFacts facts = new(setsMarks, skipsTracking);
        Dictionary<(string Table, string Name), (string? Policy, List<FirewallRule> Rules)> chains = [];
        string table = "";
        foreach (string line in lines)
        {
            string[] words = [.. Words(line)];
            switch (words)
            {
                case [['*', .. var name]]:
                    table = name == "filter" ? "" : $"table {name}";
                    break;
                case [[':', .. var name], var policy, ..]:
                    Of(name, policy == "DROP" ? line : null);
                    break;
                case ["-A", var name, ..]:
                    Of(name, null).Add(new FirewallRule(line, packet => new IptablesRule(words, packet, facts).Judge()));
                    break;
            }
        }

        return new FirewallRules(chains.Select(chain => new FirewallChain(chain.Key.Table, chain.Key.Name)
        {
            Hook = Hooks.GetValueOrDefault(chain.Key.Name, ""),
            SeesIPv4 = !isIPv6,
            SeesIPv6 = isIPv6,
            DropPolicy = chain.Value.Policy,
            Rules = chain.Value.Rules,
        }));

        List<FirewallRule> Of(string name, string? policy)
        {
            if (!chains.TryGetValue((table, name), out (string? Policy, List<FirewallRule> Rules) chain))
            {
                chains[(table, name)] = chain = (policy, []);
            }

            return chain.Rules;
        }
    }

    /// <summary>The tables that a listing of the nf_tables kind holds, by their names in nft: they are the same rules.</summary>
    public static IEnumerable<string> TablesInNft(string text, bool isIPv6) =>
        text.Contains("(nf_tables)", StringComparison.Ordinal)
            ? text.Split('\n').Where(static line => line.StartsWith('*')).Select(line => $"{(isIPv6 ? "ip6" : "ip")} {line.Trim()[1..]}")
            : [];

    // Words; what stands in quotes is one.
    private static IEnumerable<string> Words(string line)
    {
        int at = 0;
        while (at < line.Length)
        {
            if (line[at] == ' ')
            {
                at++;
                continue;
            }

            bool isQuoted = line[at] == '"';
            int end = at + 1;
            while (end < line.Length && (isQuoted ? line[end] != '"' || line[end - 1] == '\\' : line[end] != ' '))
            {
                end++;
            }

            yield return isQuoted ? $"\"{line[(at + 1)..end]}" : line[at..end];
            at = end + 1;
        }
    }
}

/// <summary>What the whole listing says.</summary>
/// <param name="SetsMarks">Whether a rule marks packets; else none has a mark.</param>
/// <param name="SkipsTracking">Whether a rule keeps connections untracked.</param>
internal sealed record IptablesFacts(bool SetsMarks, bool SkipsTracking);
