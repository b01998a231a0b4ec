namespace Meshara.Net;

/// <summary>How much a node holds at one moment, for the simulated network: each of these has a cap.</summary>
internal sealed record NodeCensus
{
    /// <summary>Peers that the mesh keeps an entry of.</summary>
    public int Peers { get; init; }

    /// <summary>Peers with a live link.</summary>
    public int Linked { get; init; }

    /// <summary>Connections that were dialled or accepted and have not ended, live or not.</summary>
    public int Connections { get; init; }

    /// <summary>Connections as the mesh knows them: the same, but for the moment between the end of one and its last event.</summary>
    public int MeshConnections { get; init; }

    /// <summary>Connections that came in and have not become live.</summary>
    public int Greeting { get; init; }

    /// <summary>Places for peers, from the options.</summary>
    public int MaxPeers { get; init; }

    /// <summary>Peers the node wants, from the options.</summary>
    public int TargetPeers { get; init; }

    /// <summary>Places that are taken by mesh peers, live or about to be.</summary>
    public int PlacesTaken { get; init; }

    /// <summary>Of these, newcomers for whom somebody will give way: at most one, and the only one beyond <see cref="MaxPeers"/>.</summary>
    public int Passing { get; init; }

    /// <summary>Places of peers that the operator named, which count against nothing.</summary>
    public int Static { get; init; }

    /// <summary>Inbound connections that wait for TLS; <see cref="AcceptLimits.MaxWaiting"/> for each lane.</summary>
    public int Waiting { get; init; }

    /// <summary>Inbound connections in the middle of TLS; <see cref="AcceptLimits.MaxHandshakes"/> for each lane.</summary>
    public int Shaking { get; init; }

    /// <summary>What is dialled for the operator.</summary>
    public int Targets { get; init; }

    /// <summary>Entries of the address table.</summary>
    public int Addresses { get; init; }

    /// <summary>Entries of the table of the local network.</summary>
    public int Nearby { get; init; }

    /// <summary>Signed records held.</summary>
    public int Records { get; init; }

    /// <summary>Other ids whose last sequence number is known.</summary>
    public int RecordsHeard { get; init; }

    /// <summary>Ids whose conduct is remembered.</summary>
    public int Reputations { get; init; }

    /// <summary>Ids that are or were banned.</summary>
    public int Bans { get; init; }

    /// <summary>Addresses at which callers were refused for want of a place.</summary>
    public int RefusedKeys { get; init; }

    /// <summary>Moments at which the mesh has to be asked.</summary>
    public int Deadlines { get; init; }

    /// <summary>Open streams of all links.</summary>
    public int Streams { get; init; }

    /// <summary>Bytes that wait to be written, of all links.</summary>
    public long OutgoingBytes { get; init; }

    /// <summary>Bytes by which receive windows have grown beyond the initial one, of all links.</summary>
    public long WindowBytes { get; init; }

    /// <summary>Connections, accept loops and handlers that have not ended; 0 after disposal.</summary>
    public int Tasks { get; init; }
}
