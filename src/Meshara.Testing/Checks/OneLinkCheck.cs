namespace Meshara.Testing.Checks;

/// <summary>At most one link a pair, at every moment; and no link for long of which the other end knows nothing.</summary>
internal sealed class OneLinkCheck(SimulatedNetwork network, LinkBook links) : NodeCheck(network, links)
{
    // Two pings without an answer take 15 + 10 + 10 s; a frozen node wakes to a link that is long gone, and has to ping first.
    private static readonly TimeSpan OneSidedFor = TimeSpan.FromSeconds(90);

    // Seconds: a link that was told to go is drained for 2 s by its own clock.
    private const int MostUnseen = 10;

    private readonly Dictionary<(SimulatedNode, NodeId), TimeSpan> _oneSided = [];
    private readonly Dictionary<SimulatedNode, int> _unseen = [];

    public override string Name => "one-link";

    public override void OnEvent(SimulatedNode node, object what)
    {
        if (what is NodeFact.Up { Probe: false } up && Links.Of(node).Count(l => !l.Probe && l.Peer == up.Peer) is var count and > 1)
            Wrong($"{node} has {count} links with {Network.NameOf(up.Peer)}, 1 may be: {string.Join(", ", Links.Of(node).Where(l => l.Peer == up.Peer).Select(static l => $"connection {l.Number} {(l.Inbound ? "in" : "out")}"))}.", Both(node, up.Peer));
    }

    public override void OnSecond()
    {
        foreach (SimulatedNode node in Network.Nodes)
        {
            if (Running(node) is not { } live)
                continue;

            foreach (LiveLink link in Links.Of(node))
            {
                if (!link.Probe)
                    Look(node, link);
            }

            // The program sees the same as was told, but for links that are on their way out.
            int seen = live.ListPeers().Count, told = Links.Of(node).Where(static l => !l.Probe).Select(static l => l.Peer).Distinct().Count();
            _unseen[node] = seen < told ? _unseen.GetValueOrDefault(node) + 1 : 0;
            if (seen > told || _unseen[node] > MostUnseen)
                Wrong($"{node} lists {seen} peers, and has told of {told} links.", node);
        }
    }

    private void Look(SimulatedNode node, LiveLink link)
    {
        if (Whose(link.Peer) is not { } other || Running(other) is null || Links.Has(other, node.Id) || !Network.Network.CanReach(node, other) || !Network.Network.CanReach(other, node))
        {
            _oneSided.Remove((node, link.Peer));
            return;
        }

        TimeSpan since = _oneSided.TryAdd((node, link.Peer), Network.Elapsed) ? Network.Elapsed : _oneSided[(node, link.Peer)];
        if (Network.Elapsed - since > OneSidedFor)
            Wrong($"{node} has had a link with {other} for {OneSidedFor.TotalSeconds} s of which {other} knows nothing.", node, other);
    }

    private IReadOnlyList<SimulatedNode> Both(SimulatedNode node, NodeId peer) => Whose(peer) is { } other ? [node, other] : [node];
}
