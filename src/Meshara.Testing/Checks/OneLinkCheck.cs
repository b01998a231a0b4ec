namespace Meshara.Testing.Checks;

/// <summary>At most one link a pair, at every moment; and no link for long of which the other end knows nothing.</summary>
internal sealed class OneLinkCheck(SimulatedNetwork network, LinkBook links) : NodeCheck(network, links)
{
    // Seconds: two pings without an answer take 15 + 10 + 10 s; a frozen node wakes to a link that is long gone, and has to ping first.
    private const int MostOneSided = 90;

    // Looks, one in five seconds: a link that was told to go is drained for 2 s by its own clock.
    private const int MostUnseen = 3;

    private readonly Dictionary<(SimulatedNode, NodeId), int> _oneSided = [];
    private readonly Dictionary<(SimulatedNode, NodeId), int> _unseen = [];

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
            {
                Forget(_oneSided, node, static _ => true);
                Forget(_unseen, node, static _ => true);
                continue;
            }

            foreach (LiveLink link in Links.Of(node))
            {
                if (!link.Probe)
                    Look(node, link);
            }

            if ((node.Index + (int)Network.Elapsed.TotalSeconds) % 5 != 0)
                continue;

            Compare(node, [.. live.ListPeers().Select(static p => p.Id)], [.. Links.Of(node).Where(static l => !l.Probe).Select(static l => l.Peer)]);
        }
    }

    // The program sees the same as was told, but for links that are on their way out; one after the other may be, so each is counted by itself.
    private void Compare(SimulatedNode node, HashSet<NodeId> seen, HashSet<NodeId> told)
    {
        if (seen.Except(told).Any())
            Wrong($"{node} lists {seen.Count} peers, and has told of {told.Count} links.", node);

        Forget(_unseen, node, peer => seen.Contains(peer) || !told.Contains(peer));
        foreach (NodeId peer in told.Except(seen))
        {
            int looks = _unseen[(node, peer)] = _unseen.GetValueOrDefault((node, peer)) + 1;
            if (looks > MostUnseen)
                Wrong($"{node} has told of a link with {Network.NameOf(peer)}, and has not listed it in {looks} looks.", Both(node, peer));
        }
    }

    private static void Forget(Dictionary<(SimulatedNode Node, NodeId Peer), int> counts, SimulatedNode node, Func<NodeId, bool> which)
    {
        foreach ((SimulatedNode, NodeId) key in counts.Keys.Where(k => k.Node == node && which(k.Peer)).ToList())
            counts.Remove(key);
    }

    private void Look(SimulatedNode node, LiveLink link)
    {
        // Only seconds in which both run and can talk: a node that sleeps notices nothing.
        SimulatedNode? other = Whose(link.Peer);
        bool oneSided = other is not null && Running(other) is not null && !Links.Has(other, node.Id) && Network.Network.CanReach(node, other);
        _oneSided[(node, link.Peer)] = oneSided ? _oneSided.GetValueOrDefault((node, link.Peer)) + 1 : 0;
        if (_oneSided[(node, link.Peer)] > MostOneSided)
            Wrong($"{node} has had a link with {other} for {MostOneSided} s of which {other} knows nothing.", node, other!);
    }

    private IReadOnlyList<SimulatedNode> Both(SimulatedNode node, NodeId peer) => Whose(peer) is { } other ? [node, other] : [node];
}
