using System.Net;

namespace Meshara.Testing.Checks;

/// <summary>No node has a link with an id that was not proven on that connection, and what was proven is the identity of the machine at the other end.</summary>
internal sealed class VerifiedIdCheck(SimulatedNetwork network, LinkBook links) : NodeCheck(network, links)
{
    private readonly HashSet<(SimulatedNode Node, IPAddress Address)> _had = [];

    public override string Name => "verified-id";

    public override void OnEvent(SimulatedNode node, object what)
    {
        Remember(node);
        switch (what)
        {
            case NodeFact.Proven proven when Network.Network.WhoIs(proven.RemoteAddress) is { } there && !HasHad(there, proven):
                Wrong($"{node} took {there} at {proven.RemoteAddress} for {Network.NameOf(proven.Id)}.", node, there);
                break;
            case NodeFact.Up up when Links.ProvenOf(node, up.Connection) is var known && known != up.Peer:
                Wrong($"{node} has a link with {Network.NameOf(up.Peer)} on connection {up.Connection}, which proved {(known is { } id ? Network.NameOf(id) : "nobody")}.", node);
                break;
        }
    }

    public override void OnSecond()
    {
        foreach (SimulatedNode node in Network.Nodes)
            Remember(node);
    }

    private void Remember(SimulatedNode node)
    {
        _had.Add((node, node.Address));
        if (node.Nat is { } nat)
            _had.Add((node, nat.PublicAddress));
    }

    // Addresses go from hand to hand: whoever proved his id may have moved on while it was being proved.
    private bool HasHad(SimulatedNode there, NodeFact.Proven proven) =>
        there.Id == proven.Id
        || (Whose(proven.Id) is { } prover && IPEndPoint.TryParse(proven.RemoteAddress, out IPEndPoint? end) && (_had.Contains((prover, end.Address)) || prover.Address.Equals(end.Address)));
}
