using Meshara.Net;
using Meshara.Testing.Checks;
using Meshara.Testing.Network;

namespace Meshara.Testing;

public sealed partial class SimulatedNode
{
    // Writes what one run of the node tells into the trace, and hands it to the checks. What a killed process still says, nobody hears.
    private sealed class Observer(SimulatedNode node, HostProcess process) : INodeObserver
    {
        public void Event(PeerEvent told) => Tell(new NodeFact.Told(told), told switch
        {
            PeerConnected e => $"connected {Who(e.Peer)} {e.Address} {(e.Inbound ? "in" : "out")}",
            PeerDisconnected e => $"disconnected {Who(e.Peer)} {e.Address} {e.Reason}",
            PeerRefused e => $"refused {(e.Peer is { } peer ? Who(peer) : "-")} {e.Address} {e.Code} {(e.ByPeer ? "by peer" : "by us")} {e.RetryAfter}",
            PeerBanned e => $"banned {Who(e.Peer)} {e.Cause} {e.Count}",
            PeerDiscovered e => $"discovered {Who(e.Peer)} {e.Address}",
            PeerKeySucceeded e => $"succeeded {Who(e.Old)} {Who(e.New)}",
            _ => told.GetType().Name,
        });

        public void LinkUp(long connection, NodeId peer, bool inbound, bool probe) =>
            Tell(new NodeFact.Up(connection, peer, inbound, probe), $"up {connection} {Who(peer)} {(inbound ? "in" : "out")}{(probe ? " probe" : "")}");

        public void LinkDown(long connection, NodeId peer, DisconnectReason reason) =>
            Tell(new NodeFact.Down(connection, peer, reason), $"down {connection} {Who(peer)} {reason}");

        public void Proven(long connection, NodeId id, string remoteAddress) =>
            Tell(new NodeFact.Proven(connection, id, remoteAddress), $"proven {connection} {Who(id)} {remoteAddress}");

        private string Who(NodeId id) => node._network.NameOf(id);

        private void Tell(NodeFact fact, string line)
        {
            if (!process.IsGone)
            {
                node._network.Engine.Trace.Add(node.Name, line);
                node._network.Tell(node, fact);
            }
        }
    }
}
