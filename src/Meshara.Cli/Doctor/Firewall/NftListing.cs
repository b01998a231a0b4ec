using System.Text.RegularExpressions;

namespace Meshara.Cli.Doctor.Firewall;

/// <summary>A word of nft's language.</summary>
/// <param name="Text">Without quotes.</param>
/// <param name="IsString">Whether it had quotes: a name or a comment, never a word of the language.</param>
/// <param name="At">Where it begins.</param>
internal readonly record struct NftToken(string Text, bool IsString, int At)
{
    public bool Is(string word) => !IsString && Text == word;
}

/// <summary>Reads what <c>nft list ruleset</c> prints.</summary>
internal sealed partial class NftListing
{
    private const string NewLine = "\n";

    private readonly string _text;
    private readonly List<NftToken> _tokens;
    private readonly HashSet<string> _skipped;
    private readonly NftFacts _facts;
    private int _at;

    private NftListing(string text, IReadOnlyCollection<string> skipped)
    {
        _text = text;
        _tokens = [.. Split(text)];
        _skipped = [.. skipped];
        _facts = new NftFacts(SetsMarks: Pairs("mark", "set") || _tokens.Any(static token => token.Is("xt")), SkipsTracking: _tokens.Any(static token => token.Is("notrack")));
    }

    /// <summary>Its chains. What is not understood is doubted, never thrown at.</summary>
    /// <param name="text">The output.</param>
    /// <param name="skipped">Tables that are read elsewhere: <c>ip filter</c>.</param>
    public static FirewallRules Read(string text, params IReadOnlyCollection<string> skipped) => new(new NftListing(text, skipped).Tables());

    private List<FirewallChain> Tables()
    {
        List<FirewallChain> chains = [];
        while (_at < _tokens.Count)
        {
            List<NftToken> head = Head();
            if (head is [{ Text: "table" }, var family, var name] && Opens())
            {
                List<FirewallChain> of = Table(family.Text, name.Text);
                if (family.Text is "ip" or "ip6" or "inet" or "netdev" && !_skipped.Contains($"{family.Text} {name.Text}"))
                {
                    chains.AddRange(of);
                }
            }
            else
            {
                _at++;
            }
        }

        return chains;
    }

    private List<FirewallChain> Table(string family, string name)
    {
        List<FirewallChain> chains = [];
        NftSets sets = new();
        bool isDormant = false;
        while (_at < _tokens.Count && !Take("}"))
        {
            List<NftToken> head = Head();
            if (head is [{ Text: "chain" }, var chain] && Opens())
            {
                chains.Add(Chain(family, name, chain.Text, sets));
            }
            else if (head is [{ Text: "set" or "map" }, var set] && Opens())
            {
                sets.Add(set.Text, Block());
            }
            else if (Opens())
            {
                Block();
            }
            else
            {
                isDormant |= head.Any(static token => token.Is("dormant"));
                Pass();
            }
        }

        return isDormant ? [] : chains;
    }

    private FirewallChain Chain(string family, string table, string name, NftSets sets)
    {
        string hook = "";
        string? policy = null;
        List<string> devices = [];
        List<FirewallRule> rules = [];
        while (_at < _tokens.Count && !Take("}"))
        {
            List<NftToken> line = Line();
            if (line.Count == 0)
            {
                continue;
            }

            int at = line.FindIndex(static token => token.Is("hook"));
            if (line[0].Is("type") && at > 0 && at + 1 < line.Count)
            {
                hook = line[at + 1].Text;
                int priority = line.FindIndex(static token => token.Is("priority"));
                devices.AddRange(line.Take(priority < 0 ? line.Count : priority).Skip(at + 2).Where(static token => token.IsString).Select(static token => token.Text));
                policy = line.Zip(line.Skip(1)).Any(static pair => pair.First.Is("policy") && pair.Second.Is("drop")) ? Written(line) : null;
            }
            else if (!line[0].Is("comment"))
            {
                NftToken[] tokens = [.. line];
                rules.Add(new FirewallRule(Written(line), packet => new NftRule(tokens, packet, sets, _facts).Judge()));
            }
        }

        return new FirewallChain($"table {family} {table}", name)
        {
            Hook = hook,
            DropPolicy = policy,
            Devices = devices,
            Rules = rules,
            SeesIPv4 = family != "ip6",
            SeesIPv6 = family != "ip",
        };
    }

    // The words before the next brace or the end of the line.
    private List<NftToken> Head()
    {
        List<NftToken> words = [];
        while (_at < _tokens.Count && !_tokens[_at].Is("{") && !_tokens[_at].Is("}") && !_tokens[_at].Is(NewLine))
        {
            words.Add(_tokens[_at++]);
        }

        return words;
    }

    // A line; sets in it may have lines of their own.
    private List<NftToken> Line()
    {
        List<NftToken> words = [];
        int depth = 0;
        for (; _at < _tokens.Count; _at++)
        {
            NftToken token = _tokens[_at];
            if (token.Is(NewLine) && depth == 0)
            {
                _at++;
                break;
            }

            if (token.Is("}") && depth == 0)
            {
                break;
            }

            depth += token.Is("{") ? 1 : token.Is("}") ? -1 : 0;
            if (!token.Is(NewLine))
            {
                words.Add(token);
            }
        }

        return words;
    }

    // What is within braces that are open already.
    private List<NftToken> Block()
    {
        List<NftToken> words = [];
        for (int depth = 1; _at < _tokens.Count; _at++)
        {
            depth += _tokens[_at].Is("{") ? 1 : _tokens[_at].Is("}") ? -1 : 0;
            if (depth == 0)
            {
                _at++;
                break;
            }

            words.Add(_tokens[_at]);
        }

        return words;
    }

    private bool Opens() => Take("{");

    private bool Take(string word)
    {
        bool isThere = _at < _tokens.Count && _tokens[_at].Is(word);
        _at += isThere ? 1 : 0;
        return isThere;
    }

    private void Pass() => _at += _at < _tokens.Count && !_tokens[_at].Is("}") ? 1 : 0;

    private bool Pairs(string first, string second) => _tokens.Zip(_tokens.Skip(1)).Any(pair => pair.First.Is(first) && pair.Second.Is(second));

    private string Written(List<NftToken> line)
    {
        NftToken last = line[^1];
        int end = Math.Min(_text.Length, last.At + last.Text.Length + (last.IsString ? 2 : 0));
        return string.Join(' ', _text[line[0].At..end].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
    }

    private static IEnumerable<NftToken> Split(string text)
    {
        foreach (Match match in Words().Matches(text))
        {
            // A remark of nft on a line of its own; within a rule it stands for what nft cannot write.
            if (match.Value[0] == '#' && IsLineStart(text, match.Index))
            {
                continue;
            }

            yield return match.Value is ['"', .. var inner, '"'] ? new NftToken(inner, true, match.Index) : new NftToken(match.Value, false, match.Index);
        }
    }

    private static bool IsLineStart(string text, int at)
    {
        while (at > 0 && text[at - 1] is ' ' or '\t')
        {
            at--;
        }

        return at == 0 || text[at - 1] == '\n';
    }

    [GeneratedRegex("\"[^\"\n]*\"|#[^\n]*|[{}();,|&]|\n|[^\\s{}();,|&\"]+", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Words();
}

/// <summary>What the whole listing says.</summary>
/// <param name="SetsMarks">Whether a rule marks packets; else none has a mark.</param>
/// <param name="SkipsTracking">Whether a rule keeps connections untracked.</param>
internal sealed record NftFacts(bool SetsMarks, bool SkipsTracking);

/// <summary>An element of a set or map.</summary>
/// <param name="Key">Its parts; more than one in a concatenation.</param>
/// <param name="Value">What a verdict map says of it.</param>
internal sealed record NftElement(IReadOnlyList<string> Key, RuleVerdict? Value);

/// <summary>The named sets and maps of a table.</summary>
internal sealed class NftSets
{
    private readonly Dictionary<string, IReadOnlyList<NftElement>> _sets = new(StringComparer.Ordinal);

    /// <summary>Keeps what is within the braces of <c>set name { … }</c>.</summary>
    public void Add(string name, IReadOnlyList<NftToken> body)
    {
        for (int i = 0; i + 2 < body.Count; i++)
        {
            if (body[i].Is("elements") && body[i + 1].Is("=") && body[i + 2].Is("{"))
            {
                _sets[name] = Elements([.. body.Skip(i + 3)]);
                return;
            }
        }

        _sets[name] = [];
    }

    /// <summary>Null: there is none of this name.</summary>
    public IReadOnlyList<NftElement>? Find(string name) => _sets.GetValueOrDefault(name);

    /// <summary>What is within the braces of a set, up to the brace that closes it.</summary>
    public static IReadOnlyList<NftElement> Elements(IReadOnlyList<NftToken> tokens)
    {
        List<NftElement> elements = [];
        List<string> key = [];
        RuleVerdict? value = null;
        bool isKey = true;
        for (int i = 0; i < tokens.Count; i++)
        {
            NftToken token = tokens[i];
            if (token.Is(",") || token.Is("}"))
            {
                Add();
                if (token.Is("}"))
                {
                    return elements;
                }
            }
            else if (token.Is(":"))
            {
                isKey = false;
                value = i + 1 < tokens.Count ? NftRule.Verdict(tokens[i + 1].Text, i + 2 < tokens.Count ? tokens[i + 2].Text : "") : null;
            }
            else if (token.Is("timeout") || token.Is("expires") || token.Is("counter") || token.Is("comment"))
            {
                isKey = false;
            }
            else if (isKey && !token.Is("\n") && !token.Is("."))
            {
                key.Add(token.Text);
            }
        }

        Add();
        return elements;

        void Add()
        {
            if (key.Count > 0)
            {
                elements.Add(new NftElement(key, value));
            }

            (key, value, isKey) = ([], null, true);
        }
    }
}
