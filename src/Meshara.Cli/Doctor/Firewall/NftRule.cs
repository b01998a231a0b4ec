namespace Meshara.Cli.Doctor.Firewall;

/// <summary>One rule of nft, read from left to right as the kernel runs it, for one packet.</summary>
internal sealed class NftRule(IReadOnlyList<NftToken> tokens, FirewallPacket packet, NftSets sets, NftFacts facts)
{
    private static readonly RuleVerdict Nothing = new(VerdictKind.Continue);

    private Truth _all = Truth.Yes;
    private int _at;

    /// <summary>All that it may do; with a doubt also nothing.</summary>
    public IReadOnlyList<RuleVerdict> Judge()
    {
        while (_at < tokens.Count && _all != Truth.No)
        {
            if (IsForeign())
            {
                return Doubted([new RuleVerdict(VerdictKind.Unknown), Nothing]);
            }

            if (!tokens[_at].IsString && Verdict(tokens[_at].Text, At(_at + 1)) is { } verdict)
            {
                return Doubted([verdict]);
            }

            if (Passed())
            {
                continue;
            }

            List<NftSelector> selectors = Selectors();
            if (selectors.Count == 0)
            {
                // A word that is not known here: whatever it asks.
                Doubt();
            }
            else if (Compare(selectors) is { } mapped)
            {
                return Doubted(mapped);
            }
        }

        return [Nothing];
    }

    /// <summary>The verdict that a word is; null: it is none.</summary>
    public static RuleVerdict? Verdict(string word, string next) => word switch
    {
        "accept" or "snat" or "masquerade" => new(VerdictKind.Accept),
        "drop" or "reject" => new(VerdictKind.Drop),
        "return" => new(VerdictKind.Return),
        "continue" => Nothing,
        "jump" => new(VerdictKind.Jump, next),
        "goto" => new(VerdictKind.Goto, next),
        "queue" or "dnat" or "redirect" or "tproxy" or "synproxy" => new(VerdictKind.Unknown),
        _ => null,
    };

    // A target of iptables that nft cannot write: it may be anything.
    private bool IsForeign() => (Is("xt") && At(_at + 1) == "target") || (tokens[_at] is { IsString: false, Text: ['#', ..] text } && !text.StartsWith("# handle", StringComparison.Ordinal));

    private IReadOnlyList<RuleVerdict> Doubted(IReadOnlyList<RuleVerdict> verdicts) => _all switch
    {
        Truth.No => [Nothing],
        Truth.Maybe => [.. verdicts, Nothing],
        _ => verdicts,
    };

    private string At(int index) => index < tokens.Count ? tokens[index].Text : "";

    private bool Is(string word) => _at < tokens.Count && tokens[_at].Is(word);

    private void And(Truth one) => _all = _all.And(one);

    // Statements that ask nothing of the packet.
    private bool Passed()
    {
        switch (tokens[_at] is { IsString: false } token ? token.Text : "")
        {
            case "counter":
                _at += At(_at + 1) switch { "packets" => 5, "name" => 3, _ => 1 };
                return true;
            case "comment":
                _at += 2;
                return true;
            case "notrack" or "accounting":
                _at++;
                return true;
            case "log":
                for (_at++; At(_at) is "prefix" or "level" or "group" or "flags" or "snaplen" or "queue-threshold"; _at += 2)
                {
                }

                return true;
            case "meta" or "ct" when At(_at + 2) == "set":
                _at += 3;
                PassValue();
                return true;
            case "limit":
                And(Truth.Maybe);
                for (_at++; At(_at) is "rate" or "over" or "burst" or "packets" or "bytes" or "name" || At(_at).Contains('/', StringComparison.Ordinal) || (At(_at).Length > 0 && At(_at).All(char.IsAsciiDigit)); _at++)
                {
                }

                return true;
            default:
                return false;
        }
    }

    private void PassValue()
    {
        _at += Is("meta") || Is("ct") ? 2 : 1;
        while (Is("|") || Is("&") || Is("^") || Is("or") || Is("and") || Is("xor"))
        {
            _at += 2;
        }
    }

    private void Doubt()
    {
        And(Truth.Maybe);
        if (Is("{"))
        {
            Braces();
        }
        else
        {
            _at++;
        }
    }

    private List<NftSelector> Selectors()
    {
        List<NftSelector> selectors = [];
        while (NftSelector.Read(tokens, ref _at, packet, facts) is { } selector)
        {
            selectors.Add(selector);
            if (!Is("."))
            {
                break;
            }

            _at++;
        }

        return selectors;
    }

    // Not null: a verdict map has decided.
    private List<RuleVerdict>? Compare(List<NftSelector> selectors)
    {
        foreach (NftSelector selector in selectors)
        {
            And(selector.Applies);
        }

        if (Is("vmap"))
        {
            _at++;
            return Map(selectors, Values());
        }

        if (selectors is [{ Masked: { } masked }] && masked(tokens, ref _at) is { } known)
        {
            And(known);
            return null;
        }

        bool isNot = Is("!=");
        _at += isNot || Is("==") ? 1 : 0;
        if (Is("&") || Is("map") || Is("<") || Is(">") || Is("<=") || Is(">=") || Is("over") || Is("|"))
        {
            _at++;
            And(Truth.Maybe);
            return null;
        }

        Truth meets = Values() is { } values ? Truths.Any(values.Select(element => Meets(selectors, element))) : Truth.Maybe;
        And(isNot ? meets.Not() : meets);
        return null;
    }

    private static List<RuleVerdict> Map(List<NftSelector> selectors, IReadOnlyList<NftElement>? values)
    {
        if (values is null)
        {
            return [new RuleVerdict(VerdictKind.Unknown), Nothing];
        }

        List<RuleVerdict> possible = [];
        foreach (NftElement element in values)
        {
            Truth meets = Meets(selectors, element);
            RuleVerdict verdict = element.Value ?? new RuleVerdict(VerdictKind.Unknown);
            if (meets == Truth.Yes)
            {
                return [verdict];
            }

            if (meets == Truth.Maybe)
            {
                possible.Add(verdict);
            }
        }

        return [.. possible, Nothing];
    }

    private static Truth Meets(List<NftSelector> selectors, NftElement element) =>
        element.Key.Count != selectors.Count ? Truth.Maybe
        : selectors.Zip(element.Key).Aggregate(Truth.Yes, static (all, pair) => all.And(pair.First.Meets(pair.Second)));

    // Null: a named set that is not there.
    private IReadOnlyList<NftElement>? Values()
    {
        if (Is("{"))
        {
            return NftSets.Elements(Braces());
        }

        string first = At(_at++);
        if (first.StartsWith('@'))
        {
            return sets.Find(first[1..]);
        }

        // established,related: any of them. 6 . 22: one key.
        List<NftElement> values = [];
        List<string> key = [first];
        while (Is(",") || Is("."))
        {
            if (Is(","))
            {
                values.Add(new NftElement(key, null));
                key = [];
            }

            key.Add(At(_at + 1));
            _at += 2;
        }

        return [.. values, new NftElement(key, null)];
    }

    private List<NftToken> Braces()
    {
        List<NftToken> inner = [];
        int depth = 0;
        for (; _at < tokens.Count; _at++)
        {
            depth += Is("{") ? 1 : Is("}") ? -1 : 0;
            if (depth == 0)
            {
                _at++;
                break;
            }

            inner.Add(tokens[_at]);
        }

        return inner.Count > 0 ? inner[1..] : inner;
    }
}
