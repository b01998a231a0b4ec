namespace Meshara.Testing.Checks;

/// <summary>Honest nodes do not break the protocol, do not ban one another, and nothing inside of them breaks.</summary>
internal sealed class ConductCheck(SimulatedNetwork network, LinkBook links) : NodeCheck(network, links)
{
    public override string Name => "conduct";

    /// <summary>Nodes that are played by the scenario and may do what they like.</summary>
    public HashSet<SimulatedNode> Dishonest { get; } = [];

    public override void OnEvent(SimulatedNode node, object what)
    {
        switch (what)
        {
            case NodeFact.Told { Event: PeerBanned banned } when IsHonest(banned.Peer):
                Wrong($"{node} banned {Network.NameOf(banned.Peer)}, an honest node, for {banned.Cause}.", With(node, banned.Peer));
                break;
            case NodeFact.Down { Reason: DisconnectReason.ProtocolError or DisconnectReason.RemoteProtocolError or DisconnectReason.InternalError or DisconnectReason.RemoteError or DisconnectReason.Misbehaved } down
                when IsHonest(down.Peer):
                Wrong($"{node} and {Network.NameOf(down.Peer)}, both honest, parted with {down.Reason}.", With(node, down.Peer));
                break;
            case NodeFact.Told { Event: IdentityShared shared } when IsHonest(shared.Peer):
                Wrong($"{node} holds that two nodes have the identity of {Network.NameOf(shared.Peer)}.", With(node, shared.Peer));
                break;
        }
    }

    /// <summary>A node has logged an error, which is for what must not happen.</summary>
    public void Logged(SimulatedNode node, string line) => Wrong($"{node} logged an error: {line}", node);

    private bool IsHonest(NodeId id) => Whose(id) is { } node && !Dishonest.Contains(node);

    private SimulatedNode[] With(SimulatedNode node, NodeId peer) => Whose(peer) is { } other ? [node, other] : [node];
}
