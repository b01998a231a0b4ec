using Meshara.Configuration;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Meshara;

/// <summary>Everything that can be set about a node; read by <c>Node.StartAsync</c>. <see cref="Node.ReconfigureAsync"/> changes a part of it later.</summary>
/// <remarks>Two are equal only where their lists are the same objects.</remarks>
public sealed record NodeOptions
{
    /// <summary>Name of the mesh, 1 to 64 bytes of UTF-8 without control characters. Required; nodes of another name are refused.</summary>
    public required string Mesh { get; init; }

    /// <summary>Who may join. Default: <see cref="Admission.KnownPeers"/>.</summary>
    public Admission Admission { get; init; } = Admission.KnownPeers;

    /// <summary>Folder of the identity, <c>known_peers</c>, the port and the lock; created with mode 0700. Null: everything in memory, a new identity at each start.</summary>
    public string? DataDirectory { get; init; }

    /// <summary>The identity; null: from <see cref="DataDirectory"/>. The node does not dispose it.</summary>
    public NodeIdentity? Identity { get; init; }

    /// <summary>Passphrase of the identity file in <see cref="DataDirectory"/>; a new file is encrypted with it. Null: the file is not encrypted.</summary>
    public string? IdentityPassphrase { get; init; }

    /// <summary>Called once by <c>Node.StartAsync</c> before the node listens or dials: handlers registered here miss no message, while those registered
    /// after the start can miss what a peer that was quicker has sent. What it throws, the start throws.</summary>
    public Action<Node>? OnStarting { get; init; }

    /// <summary>Where to listen: <c>host:port</c> or <c>host</c> each. Empty: dial only.</summary>
    /// <remarks>
    /// <para>The host is an address of this machine, a wildcard (<c>0.0.0.0</c>; <c>[::]</c> or <c>::</c>, which takes IPv4 as well unless an IPv4
    /// address with the same port stands in this list), or a name: the node then listens on all its addresses that are this machine's. A link-local
    /// IPv6 address needs its interface, <c>[fe80::1%eth0]:4040</c>. IPv6 without a port needs no brackets, unless its last part could be a port. The same entry twice
    /// is an error; two names of one address are one.</para>
    /// <para>Port 0 lets the system choose, a port that is taken is an error. Without a port, all such entries get port 4040 or, if another
    /// program has that, the first of 4041 to 4103 that is free for all of them; the port is kept in the file <c>port</c> of
    /// <see cref="DataDirectory"/> and tried first from then on. If it is taken for once, another one serves until the next start.</para>
    /// </remarks>
    public IReadOnlyList<string> Listen { get; init; } = [];

    /// <summary>Where others can dial this node, <c>host:port</c>, at most 8; told in HELLO. For a node behind a port forward or in a container. No
    /// wildcard, no link-local address, and never without a port: only who forwards it knows which. Empty: the listen addresses.</summary>
    public IReadOnlyList<string> AdvertisedAddresses { get; init; } = [];

    /// <summary>Peers to dial at start and again, for ever, whenever there is no link.</summary>
    /// <remarks>
    /// <para>With an id only that key may answer, and that peer may join, whoever dials. Without an id whoever answers first is pinned at this address
    /// (stored in <c>known_peers</c>; under <see cref="Admission.Secret"/> after the proof of the secret, under <see cref="Admission.Open"/> never), as soon as a
    /// dial of this node's own has reached it; a call from there proves nothing about the address. Another key there is <see cref="MesharaErrorCode.PinMismatch"/>
    /// from then on: a <see cref="PeerRefused"/> each time and one warning in the log, until <see cref="Node.ReplaceKeyAsync"/> accepts it.</para>
    /// <para>Under <see cref="Admission.KnownPeers"/> an address without an id admits whom this node dials, not who calls. Two nodes that have no more than each
    /// other's addresses therefore never link: one of them has to be given the other's key or id.</para>
    /// <para>Who dials finds the other again only where it was: a link survives a change of the address of the side that dials. Let both dial, or
    /// dial a name that moves with the machine.</para>
    /// </remarks>
    public IReadOnlyList<PeerAddress> Peers { get; init; } = [];

    /// <summary>Program and version, told to peers in HELLO; at most 128 bytes of UTF-8 without control characters.</summary>
    public string Agent { get; init; } = $"meshara/{typeof(NodeOptions).Assembly.GetName().Version?.ToString(3)}";

    /// <summary>The transport. Null: a TCP transport.</summary>
    public ITransport? Transport { get; init; }

    // What fetches lists over HTTPS, for tests. Null: the framework's sockets.
    internal Func<HttpMessageHandler>? ListHandler { get; init; }

    // What a simulation puts in the place of the machine and of the system's random generator. Null: nothing.
    internal NodeSeams? Seams { get; init; }

    /// <summary>The clock of every deadline. Default: the system's.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Seed of every random decision but key material and nonces. Null: from the system's generator.</summary>
    public int? Seed { get; init; }

    /// <summary>Where logs go. Default: nowhere. What a logger throws is swallowed: a log that cannot be written is no reason to end a link.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>The oldest TLS version this node agrees to. Default: 1.2 with ECDHE and AEAD, because macOS cannot serve 1.3.</summary>
    public MinimumTls MinimumTls { get; init; } = MinimumTls.Tls12;

    /// <summary>How many peers to look for. Default: <see cref="DiscoveryOptions.Standard"/>.</summary>
    public DiscoveryOptions Discovery { get; init; } = DiscoveryOptions.Standard;

    /// <summary>What peers' conduct is worth.</summary>
    public ReputationOptions Reputation { get; init; } = new();

    /// <summary>Where addresses, scores and bans are kept between two runs. Null: nowhere, they end with the node. The node does not dispose it.</summary>
    public IPeerStore? PeerStore { get; init; }

    /// <summary>Deadlines.</summary>
    public NodeTimeouts Timeouts { get; init; } = new();

    /// <summary>Limits on inbound connections, before TLS.</summary>
    public AcceptLimits Accept { get; init; } = new();

    /// <summary>Limits on memory and streams.</summary>
    public LinkLimits Limits { get; init; } = new();

    /// <summary>Reads the options from a configuration: <c>appsettings.json</c>, the environment (<c>MESHARA__DISCOVERY__TARGETPEERS</c>), or whatever else the host has.</summary>
    /// <remarks>
    /// <para>Keys are the names of the options and of their sections, in either case: <c>Mesh</c>, <c>Listen</c>, <c>Discovery:TargetPeers</c>, <c>Limits:MaxMessage</c>. Beside them there are
    /// <c>Discovery:Preset</c> (<c>Minimal</c>, <c>Standard</c>, <c>Bridge</c>), and for <see cref="Admission"/> <c>Admission</c> (<c>KnownPeers</c>, <c>Open</c>) or <c>Secret</c> or <c>SecretFile</c>.
    /// What only code can give (<see cref="Identity"/>, <see cref="Transport"/>, <see cref="LoggerFactory"/> …) has no key: take <c>with</c>.</para>
    /// <para>Times are <c>00:00:30</c> or <c>500ms</c>, <c>30s</c>, <c>5m</c>, <c>1h</c>, <c>7d</c>. Lists are JSON arrays, keys with an index (<c>Listen:0</c>), or one text with commas;
    /// over several sources in one of these forms only. A <see cref="DiscoveryOptions.TargetPeers"/> that is not written is lowered to <see cref="DiscoveryOptions.MaxPeers"/>. Unknown keys are errors. Relative paths start
    /// from the working directory.</para>
    /// </remarks>
    /// <param name="section">The section of this node alone, for example <c>configuration.GetSection("Meshara")</c>.</param>
    /// <param name="defaults">What is not written there; null: the defaults, and <c>Mesh</c> has to be written.</param>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.InvalidOption"/>: a value or a key is wrong. The message names the key as it is written, the value and what is allowed;
    /// <see cref="MesharaException.Option"/> is the key.</exception>
    public static NodeOptions FromConfiguration(IConfiguration section, NodeOptions? defaults = null)
    {
        ArgumentNullException.ThrowIfNull(section);
        return ConfigurationReader.Read(section, defaults);
    }

    /// <summary>The mesh's name; nothing else, for a passphrase is among the options.</summary>
    public override string ToString() => $"{nameof(NodeOptions)} {{ {nameof(Mesh)} = {Mesh} }}";
}

/// <summary>TLS versions that a mesh can insist on.</summary>
public enum MinimumTls
{
    /// <summary>TLS 1.2 with ECDHE and an AEAD suite, or 1.3.</summary>
    Tls12,

    /// <summary>TLS 1.3 only. A node on macOS can then dial nobody who insists and be dialled by nobody: its system library has no TLS 1.3 for servers.</summary>
    Tls13,
}
