namespace Meshara.Net;

/// <summary>Hears what a node does, at the moment and on the thread on which it happens. For the simulated network, which checks every step.</summary>
internal interface INodeObserver
{
    /// <summary>An event is told to those who watch the node.</summary>
    void Event(PeerEvent told);

    /// <summary>A connection became live: from here on messages pass. A probe is counted apart.</summary>
    void LinkUp(long connection, NodeId peer, bool inbound, bool probe);

    /// <summary>A connection that was live has ended.</summary>
    void LinkDown(long connection, NodeId peer, DisconnectReason reason);

    /// <summary>TLS has ended, and this is the id that was proven in it by whoever is at that address.</summary>
    void Proven(long connection, NodeId id, string remoteAddress);
}
