using Meshara.Testing.Running;

namespace Meshara.Testing.Checks;

/// <summary>All checks of a run. What nodes tell goes through it, so that it can be falsified on purpose.</summary>
internal sealed class CheckHub : ISimulationCheck
{
    /// <summary>What can be broken on purpose, and the invariant that must then fail.</summary>
    public static readonly IReadOnlyDictionary<string, string> Breaks = new SortedDictionary<string, string>(StringComparer.Ordinal)
    {
        ["leak-link"] = "one-link",
        ["other-key"] = "verified-id",
        ["ban"] = "conduct",
        ["places"] = "limits",
        ["twice"] = "once-in-order",
        ["swap"] = "once-in-order",
        ["lost-reply"] = "requests",
        ["wrong-reply"] = "requests",
        ["garble"] = "streams",
        ["hungry"] = "target",
        ["miscount"] = "counters",
        ["leak-task"] = "memory",
    };

    // Of the network itself: what --verify has to find.
    private const string NodeKeys = "table-key";

    private readonly SimulatedNetwork _network;
    private readonly string? _break;
    private readonly List<NodeCheck> _checks;
    private long _downs;

    private CheckHub(SimulatedNetwork network, SimulationRun run)
    {
        (_network, _break) = (network, run.Break);
        if (_break is not null && _break != NodeKeys && !Breaks.ContainsKey(_break))
            throw new SimulationException($"Nothing is broken by --break {_break}; there are {string.Join(", ", Breaks.Keys)}.");

        Links = new LinkBook(network);
        run.NeighboursOf = Links.NeighboursOf;
        Messages = new MessageCheck(network, Links, run.Counted);
        Requests = new RequestCheck(network, Links, run.Counted);
        Flows = new FlowCheck(network, Links, run.Counted);
        Conduct = new ConductCheck(network, Links);
        Target = new TargetCheck(network, Links, run.Counted);
        LimitsCheck limits = new(network, Links);
        Counters = new CountersCheck(network, Links, run.Counted, Requests, Messages) { Wrongly = _break == "miscount" ? 1 : 0 };
        if (_break == "places")
            limits.CensusOf = static node => node.Live?.Census() is { } census ? census with { PlacesTaken = census.PlacesTaken + census.MaxPeers } : null;
        if (_break == "hungry")
            Target.TargetOf = static node => node.Options.Discovery.MaxPeers - 1;
        _checks =
        [
            new OneLinkCheck(network, Links), new VerifiedIdCheck(network, Links), Conduct, limits, Messages, Requests, Flows, Target, Counters,
            new MemoryCheck(network, Links) { Wrongly = _break == "leak-task" ? 1 : 0 },
        ];
    }

    public LinkBook Links { get; }

    public MessageCheck Messages { get; }

    public RequestCheck Requests { get; }

    public FlowCheck Flows { get; }

    public ConductCheck Conduct { get; }

    public TargetCheck Target { get; }

    public CountersCheck Counters { get; }

    /// <summary>Watches a network from now on.</summary>
    public static CheckHub Watch(SimulatedNetwork network)
    {
        CheckHub hub = new(network, SimulationRun.Current!);
        network.WatchWith(hub);
        return hub;
    }

    public void OnEvent(SimulatedNode node, object what)
    {
        if (what is not NodeFact fact || Falsified(node, fact) is not { } told)
            return;

        Links.Take(node, told);
        foreach (NodeCheck check in _checks)
            check.OnEvent(node, told);
    }

    public void OnSecond()
    {
        foreach (NodeCheck check in _checks)
            check.OnSecond();
    }

    public IEnumerable<Violation> AtEnd()
    {
        List<Violation> found = [.. _checks.SelectMany(static c => c.AtEnd())];
        Counters.Dispose();
        return found;
    }

    private NodeFact? Falsified(SimulatedNode node, NodeFact fact) => (_break, fact) switch
    {
        ("leak-link", NodeFact.Down) => ++_downs % 5 == 0 ? null : fact,
        ("other-key", NodeFact.Proven proven) => proven with { Id = _network.Nodes[(node.Index + 1) % _network.Nodes.Count].Id },
        ("ban", NodeFact.Up up) => new NodeFact.Told(new PeerBanned(default, up.Peer, ReputationCause.ProtocolViolation, default, 1)),
        _ => fact,
    };
}
