namespace Meshara;

/// <summary>What inbound connections may cost this node before they have proven a key: limits for each address, each network and all together, which the accept
/// loop applies before anything is queued.</summary>
/// <remarks>
/// <para>A connection is judged by where it comes from. <b>Trusted</b> sources (loopback, <see cref="TrustedRanges"/>, and transports whose hosts are no IP
/// addresses) are exempt. The others come in lanes that take nothing from each other: <b>pinned</b> (addresses of peers that the operator named), <b>proven</b>
/// (addresses at which a peer was reached before), <b>on-link</b> (the networks of this machine's interfaces) and <b>public</b>. Each lane has buckets, places and a
/// waiting pool of its own, so that a flood from the Internet keeps neither friends nor neighbours out.</para>
/// <para>Four levels are judged: the address (IPv4 /32, IPv6 /56: what one customer gets, RFC 6177), its network (/24, /48), its wide network (/16, /32) and the lane
/// as a whole. Over one of the first three the connection is reset at once. Over the last it waits, unread, in the pool; who waits is served network by network in
/// turn. In the pinned and on-link lanes each host is a group of its own and only it and the lane count. Refusals are counted
/// (<see cref="MesharaTelemetry"/>) and logged at most once a minute for each cause; they are no events, so that a flood does not drown the others.</para>
/// <para>Rates are connections a second, bursts connections; a burst that was spent grows back at the rate.</para>
/// </remarks>
public sealed record AcceptLimits
{
    /// <summary>Connections a second from one address (IPv4 /32, IPv6 /56). Default 0.2; 0.001 to 1,000,000. Source: the defaults of go-libp2p's resource manager, for the same prefixes.</summary>
    public double AddressRate { get; init; } = 0.2;

    /// <summary>Connections in a row from one address. Default 16; 1 to 1,000,000. Source: as <see cref="AddressRate"/>, twice the 8 connections that go-libp2p lets one address have.</summary>
    public int AddressBurst { get; init; } = 16;

    /// <summary>Connections a second from one network (IPv4 /24, IPv6 /48). Default 1; 0.001 to 1,000,000. Source: five addresses at their full rate; a rented /24 counts no more than that.</summary>
    public double NetworkRate { get; init; } = 1;

    /// <summary>Connections in a row from one network. Default 64; 1 to 1,000,000. Source: four addresses at their full burst.</summary>
    public int NetworkBurst { get; init; } = 64;

    /// <summary>Connections a second from one wide network (IPv4 /16, IPv6 /32, what a provider gets). Default 10; 0.001 to 1,000,000. Source: a fifth of <see cref="TotalRate"/>, so that no single provider has all of it.</summary>
    public double WideRate { get; init; } = 10;

    /// <summary>Connections in a row from one wide network. Default 256; 1 to 1,000,000. Source: four networks at their full burst.</summary>
    public int WideBurst { get; init; } = 256;

    /// <summary>Connections a second that one lane lets on to TLS. Default 50; 0.001 to 1,000,000. Source: a handshake costs a small processor core 1 to 2 ms, so that a flood takes a tenth of one; see <c>benchmarks/run flood</c>.</summary>
    public double TotalRate { get; init; } = 50;

    /// <summary>Connections in a row that one lane lets on to TLS. Default 50; 1 to 1,000,000. Source: one second at <see cref="TotalRate"/>.</summary>
    public int TotalBurst { get; init; } = 50;

    /// <summary>Connections a second from one address of the pinned lane, instead of <see cref="AddressRate"/>. Default 1; 0.001 to 1,000,000. Source: a peer dials at most once a second on the mean (<see cref="NodeTimeouts.MaxBackoff"/>).</summary>
    public double PinnedRate { get; init; } = 1;

    /// <summary>Connections in a row from one address of the pinned lane. Default 64; 1 to 1,000,000. Source: an office of 50 named peers behind one address, all restarted at once.</summary>
    public int PinnedBurst { get; init; } = 64;

    /// <summary>TLS handshakes at a time, for each lane; only connections whose ClientHello is complete count. Default 8; 1 to 1,024. Source: <see cref="TotalRate"/> times a round trip of 160 ms.</summary>
    public int MaxHandshakes { get; init; } = 8;

    /// <summary>Of them, most for one network (IPv4 /24, IPv6 /48) while others wait. Default 2; 1 to <see cref="MaxHandshakes"/>. Source: a quarter, as of the inbound places for a /16.</summary>
    public int MaxHandshakesPerNetwork { get; init; } = 2;

    /// <summary>How long a handshake keeps its place while another network waits for one; twice as long while only its own network does. Default 1 s; more than 0, at most 7 days.
    /// Source: two round trips over a satellite (600 ms each, of which the handshake needs one).</summary>
    public TimeSpan HandshakePatience { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Connections that wait for their turn, for their own ClientHello or for a place among the handshakes, for each lane. Default 64; 1 to 4,096. Beyond it
    /// one of the largest group is closed. Source: four lanes share the 256 sockets that such a pool may cost.</summary>
    public int MaxWaiting { get; init; } = 64;

    /// <summary>Inbound connections between TLS and a link, for each lane, trusted ones too. Default 256; 1 to 100,000. Source: <see cref="TotalRate"/> times <see cref="NodeTimeouts.Hello"/>: what a flood can
    /// keep busy there.</summary>
    public int MaxGreetings { get; init; } = 256;

    /// <summary>Addresses, networks and wide networks that are remembered, for each lane and level. Default 16,384; 256 to 1,000,000. Those whose burst has grown back are forgotten first; beyond it the rest
    /// shares one bucket for every 64. Source: 3 MiB for a lane.</summary>
    public int MaxRemembered { get; init; } = 16_384;

    /// <summary>Whether loopback is exempt. Default true. A node behind a proxy on the same machine sees everybody there; so does a test.</summary>
    public bool TrustLoopback { get; init; } = true;

    /// <summary>Networks that are exempt, each an address with the length of its prefix: <c>10.20.0.0/16</c>, <c>fd00:1::/56</c>. At most 1,024. Default: none.
    /// For what is known to be one's own: a cluster's pods, an office.</summary>
    public IReadOnlyList<string> TrustedRanges { get; init; } = [];

    /// <summary>Whether the networks of this machine's interfaces have a lane of their own. Default true. Switch it off behind NAT or a proxy that hides where connections come from: there the
    /// whole Internet looks local.</summary>
    public bool OnLinkLane { get; init; } = true;
}
