namespace Meshara;

/// <summary>How many peers a node looks for by itself, and where it begins.</summary>
/// <remarks>Peers that the operator named (added, trusted, configured, pinned) are extra: they are dialled for ever, never refused for a limit, and count against nothing here.
/// Under <see cref="Admission.KnownPeers"/> there are no others, and nothing here has an effect.</remarks>
public sealed record DiscoveryOptions
{
    /// <summary>A small device: 4 peers, at most 8.</summary>
    public static DiscoveryOptions Minimal { get; } = new() { TargetPeers = 4, MaxPeers = 8 };

    /// <summary>The default: 16 peers, at most 32.</summary>
    public static DiscoveryOptions Standard { get; } = new();

    /// <summary>A machine that holds a mesh together: 64 peers, at most 128.</summary>
    public static DiscoveryOptions Bridge { get; } = new() { TargetPeers = 64, MaxPeers = 128 };

    /// <summary>How many peers to hold: while there are fewer, learned addresses are dialled. Inbound peers count for at most half of it. Default 16; 0 (dial nobody) to <see cref="MaxPeers"/>.</summary>
    /// <remarks>Twice the 8 full outbound connections of Bitcoin Core, since there are two directions to hold. Source: issue "The mesh keeps itself", preset standard.</remarks>
    public int TargetPeers { get; init; } = 16;

    /// <summary>Most peers at once, newcomers among them; lowered while more are here (<see cref="Node.ReconfigureAsync"/>), all of those stay and nobody new comes. Default 32; 1 to 4096. Further ones are refused with <see cref="MesharaErrorCode.Full"/>, or take the place of a worse one.
    /// From 4 on, a third of <see cref="TargetPeers"/> is kept for peers that this node dials. With 2 or 3 callers may take every place; where the node knows an address
    /// of somebody else, a dial of its own then takes the place of one of those that have been there for a minute. With 1 whoever is there stays.</summary>
    /// <remarks>Source: issue "The mesh keeps itself", preset standard.</remarks>
    public int MaxPeers { get; init; } = 32;

    /// <summary>Addresses to begin with; dialled when better ones are missing, and never pinned. With an id, another key there is an error. Default: none.
    /// While the node has no peer at all they are dialled again after 30 s at the latest, whatever <see cref="MaxBackoff"/> is; one that answered and refused, when it said.</summary>
    public IReadOnlyList<PeerAddress> BootstrapNodes { get; init; } = [];

    /// <summary>How often one unproven address is tested by a short connection that becomes no link. Default 2 min; 1 s to 1 day.</summary>
    /// <remarks>Bitcoin Core's FEELER_INTERVAL is 2 min.</remarks>
    public TimeSpan FeelerInterval { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Upper bound of the pause between two dials of one learned address; the pause is drawn from 0 to 1 s · 2ⁿ (full jitter). Default 5 min; 1 s to 1 day.
    /// For <see cref="BootstrapNodes"/> it is 30 s, if that is less, while the node has no peer at all.</summary>
    /// <remarks>For peers that the operator named: <see cref="NodeTimeouts.MaxBackoff"/>.</remarks>
    public TimeSpan MaxBackoff { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Which of the ways to find peers are used. Default: all.</summary>
    public DiscoveryMethods EnabledMethods { get; init; } = DiscoveryMethods.All;

    /// <summary>How often the local network is asked for nodes by multicast DNS: so long a new one can stay unseen if its announcements are lost. Default 30 s; 1 s to 60 min.</summary>
    /// <remarks>A deviation from RFC 6762 section 5.2, which would have the pauses grow to an hour; they begin with 1, 2, 4 s as there.</remarks>
    public TimeSpan MdnsInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>What is done by multicast DNS, where <see cref="EnabledMethods"/> has <see cref="DiscoveryMethods.LocalMdns"/>. Default: <see cref="MdnsMode.Full"/>.</summary>
    /// <remarks>Whoever is in the network hears this node's id, its key, the name of the mesh and the port. Of a node that listens nowhere, or on loopback alone, nothing is told.</remarks>
    public MdnsMode MdnsMode { get; init; }

    /// <summary>The network interfaces on which multicast DNS is used, by the names that the system gives them; at most 64. Empty (the default): all that carry multicast, lines between two points not among them.</summary>
    public IReadOnlyList<string> MdnsInterfaces { get; init; } = [];

    /// <summary>A file of peers that the operator names, watched and reread: each is pinned by its id, may join, and is dialled for ever. Null (the default): none.
    /// A relative path is taken from the working directory. A missing file is waited for.</summary>
    /// <remarks>
    /// <para><c>{ "static_peers": [ { "name": "…", "multiaddr": "/ip4/…/tcp/…/p2p/ID" }, { "address": "host:port", "public_key": "…" } ] }</c>, JSON in UTF-8 of at most 1 MiB
    /// and 4096 entries; comments, a comma after the last entry, and fields that this version does not know are passed over. A file that is wrong keeps a node from starting
    /// (<see cref="MesharaErrorCode.StaticPeersFile"/>, with line and column). Later on the peers that were read before stay until it is right again, also where it is gone;
    /// <see cref="Node.ListSources"/> and the log say so.</para>
    /// <para>A change ends no link, but that of a peer which nobody names any more, under <see cref="Admission.KnownPeers"/>. A peer that <see cref="Node.RemovePeerAsync"/> removes
    /// comes back with the next change or start: take it out of the file. Source: issue "Where peers come from".</para>
    /// </remarks>
    public string? StaticPeersFile { get; init; }

    /// <summary>Whether the address of a peer in <see cref="StaticPeersFile"/> is changed there when that peer has proven that it moved: a record signed by its key, and a
    /// handshake at the new address. Default true.</summary>
    public bool UpdateStaticPeersFile { get; init; } = true;

    /// <summary>Lists of peers to begin with, in the form of <see cref="StaticPeersFile"/>, fetched over HTTPS at start and every hour; used as <see cref="BootstrapNodes"/> are.
    /// Absolute <c>https</c> addresses, at most 8. Default: none.</summary>
    public IReadOnlyList<Uri> BootstrapLists { get; init; } = [];
}
