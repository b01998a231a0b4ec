namespace Meshara.Net;

/// <summary>How much a node holds at one moment, for the simulated network: each of these has a cap.</summary>
internal sealed record NodeCensus
{
    /// <summary>Peers that the mesh keeps an entry of.</summary>
    public int Peers { get; init; }

    /// <summary>Peers with a live link.</summary>
    public int Linked { get; init; }

    /// <summary>Connections from the end of TLS on, live or not.</summary>
    public int Connections { get; init; }

    /// <summary>Connections that came in and have not become live.</summary>
    public int Greeting { get; init; }

    /// <summary>Places for peers, from the options.</summary>
    public int MaxPeers { get; init; }

    /// <summary>Peers the node wants, from the options.</summary>
    public int TargetPeers { get; init; }

    /// <summary>Places that are taken as the mesh counts them.</summary>
    public int PlacesTaken { get; init; }

    /// <summary>Entries of the address table.</summary>
    public int Addresses { get; init; }

    /// <summary>Entries of the table of the local network.</summary>
    public int Nearby { get; init; }

    /// <summary>Signed records held.</summary>
    public int Records { get; init; }

    /// <summary>Ids whose conduct is remembered.</summary>
    public int Reputations { get; init; }

    /// <summary>Keys remembered as refused.</summary>
    public int RefusedKeys { get; init; }

    /// <summary>Open streams of all links.</summary>
    public int Streams { get; init; }

    /// <summary>Bytes that wait to be written, of all links.</summary>
    public long OutgoingBytes { get; init; }

    /// <summary>Bytes of credit given away, of all links.</summary>
    public long WindowBytes { get; init; }

    /// <summary>Tasks that the node holds and has not seen end.</summary>
    public int Tasks { get; init; }
}
