namespace Meshara.Cli.Doctor.Firewall;

/// <summary>What a rule does with a packet.</summary>
internal enum VerdictKind
{
    /// <summary>Nothing: the next rule is asked.</summary>
    Continue,
    Accept,
    Drop,
    Return,
    Jump,
    Goto,

    /// <summary>Another program decides, or the packet goes elsewhere.</summary>
    Unknown,
}

/// <summary>What a rule does with a packet, and to which chain it goes.</summary>
internal readonly record struct RuleVerdict(VerdictKind Kind, string Chain = "");

/// <summary>A rule: its text, and all that it may do with a packet.</summary>
internal sealed record FirewallRule(string Text, Func<FirewallPacket, IReadOnlyList<RuleVerdict>> Judge);

/// <summary>A chain of rules.</summary>
/// <param name="Table">Table and family, as the tool names them.</param>
/// <param name="Name">Its name; unique in the table.</param>
internal sealed record FirewallChain(string Table, string Name)
{
    /// <summary>Where the kernel calls it (<c>input</c>); empty: only rules call it.</summary>
    public string Hook { get; init; } = "";

    /// <summary>Of which families it sees packets.</summary>
    public bool SeesIPv4 { get; init; } = true;

    public bool SeesIPv6 { get; init; } = true;

    /// <summary>Whose packets alone it sees (netdev); none: all interfaces'.</summary>
    public IReadOnlyList<string> Devices { get; init; } = [];

    /// <summary>What becomes of a packet that no rule decides, if it is dropped: the line that says so.</summary>
    public string? DropPolicy { get; init; }

    public IReadOnlyList<FirewallRule> Rules { get; init; } = [];

    /// <summary>Table and chain for people.</summary>
    public string Where => Table.Length > 0 ? $"{Table}, chain {Name}" : $"chain {Name}";
}

/// <summary>How a packet does not arrive.</summary>
internal enum HitKind
{
    /// <summary>A rule drops it.</summary>
    Rule,

    /// <summary>No rule accepted it, and its chain drops what none accepts.</summary>
    Policy,

    /// <summary>A rule sends it to another port, machine or program.</summary>
    Elsewhere,
}

/// <summary>A rule that drops or may drop a packet.</summary>
/// <param name="Rule">As the tool prints it.</param>
/// <param name="Where">Table and chain.</param>
/// <param name="Kind">How.</param>
internal sealed record FirewallHit(string Rule, string Where, HitKind Kind);

/// <summary>What becomes of a packet.</summary>
internal enum Fate
{
    Passes,

    /// <summary>It depends on what is not known, or not understood.</summary>
    Depends,
    Dropped,
}

/// <summary>What becomes of a packet, and by which rule.</summary>
/// <param name="Fate">What becomes of it.</param>
/// <param name="Hit">Who drops or may drop it.</param>
/// <param name="Unless">If <paramref name="Fate"/> is Depends and the packet is dropped as far as is known: the rule that may let it pass.</param>
internal sealed record Judgement(Fate Fate, FirewallHit? Hit, string? Unless = null);

/// <summary>All rules that a tool knows, walked as the kernel walks them: an accept ends one base chain, a drop all.</summary>
internal sealed class FirewallRules
{
    private static readonly string[] Inbound = ["ingress", "prerouting", "input"];
    private static readonly string[] Outbound = ["output", "postrouting", "egress"];

    private readonly FirewallChain[] _base;
    private readonly Dictionary<(string Table, string Name), FirewallChain> _chains = [];

    public FirewallRules(IEnumerable<FirewallChain> chains)
    {
        List<FirewallChain> hooked = [];
        foreach (FirewallChain chain in chains)
        {
            _chains[(chain.Table, chain.Name)] = chain;
            if (chain.Hook.Length > 0)
            {
                hooked.Add(chain);
            }
        }

        _base = [.. hooked];
    }

    /// <summary>Whether there is a chain of one of these names.</summary>
    public bool HasChain(params IReadOnlyList<string> names) => _chains.Keys.Any(key => names.Contains(key.Name));

    /// <summary>What becomes of a packet.</summary>
    public Judgement Judge(FirewallPacket packet)
    {
        Judgement result = new(Fate.Passes, null);
        foreach (FirewallChain chain in _base.Where(chain => Sees(chain, packet)))
        {
            Judgement one = Judge(chain, packet);
            if (one.Fate > result.Fate)
            {
                result = one;
            }
        }

        return result;
    }

    private static bool Sees(FirewallChain chain, FirewallPacket packet) =>
        (packet.IsInbound ? Inbound : Outbound).Contains(chain.Hook) && (packet.IsIPv6 ? chain.SeesIPv6 : chain.SeesIPv4);

    private Judgement Judge(FirewallChain chain, FirewallPacket packet)
    {
        Truth isHere = chain.Devices.Count == 0 ? Truth.Yes : Truths.Any(chain.Devices.Select(device => packet.IsBy(device, '*')));
        Walk all = new(_chains, packet, doubts: true);
        Ends ends = isHere == Truth.No ? Ends.Accept : all.Base(chain);
        if (!ends.HasFlag(Ends.Drop))
        {
            return new Judgement(Fate.Passes, null);
        }

        if (ends == Ends.Drop && isHere == Truth.Yes)
        {
            return new Judgement(Fate.Dropped, all.Hits[^1]);
        }

        // As far as is known: no doubtful condition is met.
        Walk known = new(_chains, packet, doubts: false);
        return known.Base(chain) == Ends.Drop && isHere == Truth.Yes
            ? new Judgement(Fate.Depends, known.Hits[^1], all.Passing ?? "")
            : new Judgement(Fate.Depends, all.Hits[0]);
    }

    [Flags]
    private enum Ends
    {
        None = 0,
        Accept = 1,
        Drop = 2,

        // The end of the chain, or a return.
        Fall = 4,
    }

    /// <summary>One way through the chains.</summary>
    /// <param name="chains">All chains.</param>
    /// <param name="packet">Who walks.</param>
    /// <param name="doubts">Whether rules that may be met are walked both ways; else they are passed over.</param>
    private sealed class Walk(IReadOnlyDictionary<(string Table, string Name), FirewallChain> chains, FirewallPacket packet, bool doubts)
    {
        private readonly Dictionary<(string Table, string Name), Ends> _done = [];

        public List<FirewallHit> Hits { get; } = [];

        /// <summary>The first rule that lets the packet pass or may.</summary>
        public string? Passing { get; private set; }

        public Ends Base(FirewallChain chain)
        {
            Ends ends = In(chain);
            if (!ends.HasFlag(Ends.Fall))
            {
                return ends;
            }

            if (chain.DropPolicy is not { } policy)
            {
                return (ends & ~Ends.Fall) | Ends.Accept;
            }

            Hits.Add(new FirewallHit(policy, chain.Where, HitKind.Policy));
            return (ends & ~Ends.Fall) | Ends.Drop;
        }

        private Ends In(FirewallChain chain)
        {
            (string Table, string Name) key = (chain.Table, chain.Name);
            if (_done.TryGetValue(key, out Ends known))
            {
                return known;
            }

            // The kernel allows no circle; where a text has one, it ends.
            _done[key] = Ends.Fall;
            Ends ends = Ends.None;
            foreach (FirewallRule rule in chain.Rules)
            {
                (Ends one, bool goesOn) = By(rule, chain);
                ends |= one;
                if (!goesOn)
                {
                    return _done[key] = ends;
                }
            }

            return _done[key] = ends | Ends.Fall;
        }

        private (Ends Ends, bool GoesOn) By(FirewallRule rule, FirewallChain chain)
        {
            IReadOnlyList<RuleVerdict> verdicts = rule.Judge(packet);
            bool goesOn = verdicts.Any(static v => v.Kind == VerdictKind.Continue);
            if (goesOn && !doubts)
            {
                return (Ends.None, true);
            }

            Ends ends = Ends.None;
            foreach (RuleVerdict verdict in verdicts)
            {
                switch (verdict.Kind)
                {
                    case VerdictKind.Accept:
                        ends |= Ends.Accept;
                        Passing ??= rule.Text;
                        break;
                    case VerdictKind.Drop:
                        ends |= Ends.Drop;
                        Hits.Add(new FirewallHit(rule.Text, chain.Where, HitKind.Rule));
                        break;
                    case VerdictKind.Return:
                        ends |= Ends.Fall;
                        break;
                    case VerdictKind.Jump or VerdictKind.Goto when chains.TryGetValue((chain.Table, verdict.Chain), out FirewallChain? target):
                        Ends inner = In(target);
                        bool isBack = inner.HasFlag(Ends.Fall) && verdict.Kind == VerdictKind.Jump;
                        goesOn |= isBack;
                        ends |= isBack ? inner & ~Ends.Fall : inner;
                        break;
                    case VerdictKind.Jump or VerdictKind.Goto or VerdictKind.Unknown:
                        ends |= Ends.Accept | Ends.Drop;
                        goesOn = true;
                        Passing ??= rule.Text;
                        Hits.Add(new FirewallHit(rule.Text, chain.Where, HitKind.Elsewhere));
                        break;
                }
            }

            return (ends, goesOn);
        }
    }
}
