using Meshara.Net;

namespace Meshara.Testing.Checks;

/// <summary>What a node did, as its <see cref="INodeObserver"/> was told.</summary>
internal abstract record NodeFact
{
    /// <summary>An event that its program could see.</summary>
    public sealed record Told(PeerEvent Event) : NodeFact;

    /// <summary>A connection became live.</summary>
    public sealed record Up(long Connection, NodeId Peer, bool Inbound, bool Probe) : NodeFact;

    /// <summary>A live connection ended.</summary>
    public sealed record Down(long Connection, NodeId Peer, DisconnectReason Reason) : NodeFact;

    /// <summary>TLS ended with this id, at this address.</summary>
    public sealed record Proven(long Connection, NodeId Id, string RemoteAddress) : NodeFact;

    /// <summary>The node was killed, crashed or powered off: it will end no link of its own.</summary>
    public sealed record Gone : NodeFact;
}
