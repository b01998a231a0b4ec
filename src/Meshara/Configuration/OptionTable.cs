using Microsoft.Extensions.Logging;

namespace Meshara.Configuration;

/// <summary>Every option of a node, once: what a configuration can say and what can change while the node runs. A test finds one that is missing.</summary>
/// <remarks><see cref="NodeOptions.OnStarting"/> is none of them: it says nothing about a node that runs.</remarks>
internal static class OptionTable
{
    /// <summary>In the order in which they are read.</summary>
    public static IReadOnlyList<OptionEntry> All { get; } =
    [
        .. OfNode(),
        .. OfDiscovery(),
        .. OfReputation(),
        .. OfAccept(),
        .. OfLimits(),
        .. OfTimeouts(),
    ];

    /// <summary>The option of this name; null: there is none.</summary>
    public static OptionEntry? Find(string name) => All.FirstOrDefault(entry => entry.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    private static IEnumerable<OptionEntry> OfNode() =>
    [
        new OptionEntry<string>(nameof(NodeOptions.Mesh), OptionKinds.Text, static o => o.Mesh, static (o, v) => o with { Mesh = v })
        {
            Fixed = "the peers of this node belong to the mesh that it was started for",
        },
        new OptionEntry<Admission>(nameof(NodeOptions.Admission), OptionKinds.Admission, static o => o.Admission, static (o, v) => o with { Admission = v })
        {
            Fixed = "the peers of this node were let in by the present rule",
        },
        new OptionEntry<string?>(nameof(NodeOptions.DataDirectory), OptionKinds.OptionalText, static o => o.DataDirectory, static (o, v) => o with { DataDirectory = v })
        {
            Fixed = "identity, pins and lock of this node are in the present one",
        },
        new OptionEntry<NodeIdentity?>(nameof(NodeOptions.Identity), OptionKinds.Object<NodeIdentity?>(), static o => o.Identity, static (o, v) => o with { Identity = v })
        {
            Fixed = "a node has one key as long as it runs; a new one takes effect at the next start",
        },
        new OptionEntry<string?>(nameof(NodeOptions.IdentityPassphrase), OptionKinds.OptionalText, static o => o.IdentityPassphrase, static (o, v) => o with { IdentityPassphrase = v })
        {
            IsSecret = true,
            Fixed = "the identity file was opened with the present one",
        },
        new OptionEntry<IReadOnlyList<string>>(nameof(NodeOptions.Listen), OptionKinds.Texts, static o => o.Listen, static (o, v) => o with { Listen = v })
        {
            Fixed = "the present addresses are open, and others know them",
        },
        new OptionEntry<IReadOnlyList<string>>(nameof(NodeOptions.AdvertisedAddresses), OptionKinds.Texts, static o => o.AdvertisedAddresses, static (o, v) => o with { AdvertisedAddresses = v }),
        new OptionEntry<IReadOnlyList<PeerAddress>>(nameof(NodeOptions.Peers), OptionKinds.Addresses, static o => o.Peers, static (o, v) => o with { Peers = v }),
        new OptionEntry<string>(nameof(NodeOptions.Agent), OptionKinds.Text, static o => o.Agent, static (o, v) => o with { Agent = v }),
        new OptionEntry<ITransport?>(nameof(NodeOptions.Transport), OptionKinds.Object<ITransport?>(), static o => o.Transport, static (o, v) => o with { Transport = v })
        {
            Fixed = "the listeners and links of this node are on the present one",
        },
        new OptionEntry<TimeProvider>(nameof(NodeOptions.TimeProvider), OptionKinds.Object<TimeProvider>(), static o => o.TimeProvider, static (o, v) => o with { TimeProvider = v })
        {
            Fixed = "deadlines are counted by the present clock",
        },
        new OptionEntry<int?>(nameof(NodeOptions.Seed), OptionKinds.OptionalInt, static o => o.Seed, static (o, v) => o with { Seed = v })
        {
            Fixed = "the random decisions of this node have begun with the present one",
        },
        new OptionEntry<ILoggerFactory>(nameof(NodeOptions.LoggerFactory), OptionKinds.Object<ILoggerFactory>(), static o => o.LoggerFactory, static (o, v) => o with { LoggerFactory = v })
        {
            Fixed = "the loggers were made at the start",
        },
        new OptionEntry<MinimumTls>(nameof(NodeOptions.MinimumTls), OptionKinds.Enum<MinimumTls>(), static o => o.MinimumTls, static (o, v) => o with { MinimumTls = v })
        {
            Fixed = "the links of this node were made by the present rule",
        },
        new OptionEntry<IPeerStore?>(nameof(NodeOptions.PeerStore), OptionKinds.Object<IPeerStore?>(), static o => o.PeerStore, static (o, v) => o with { PeerStore = v })
        {
            Fixed = "what is known of peers was loaded from the present one",
        },
    ];

    private static IEnumerable<OptionEntry> OfDiscovery() =>
    [
        Discovery(nameof(DiscoveryOptions.TargetPeers), OptionKinds.Int, static o => o.TargetPeers, static (o, v) => o with { TargetPeers = v }),
        Discovery(nameof(DiscoveryOptions.MaxPeers), OptionKinds.Int, static o => o.MaxPeers, static (o, v) => o with { MaxPeers = v }),
        Discovery(nameof(DiscoveryOptions.BootstrapNodes), OptionKinds.Addresses, static o => o.BootstrapNodes, static (o, v) => o with { BootstrapNodes = v }),
        Discovery(nameof(DiscoveryOptions.FeelerInterval), OptionKinds.Span, static o => o.FeelerInterval, static (o, v) => o with { FeelerInterval = v }),
        Discovery(nameof(DiscoveryOptions.MaxBackoff), OptionKinds.Span, static o => o.MaxBackoff, static (o, v) => o with { MaxBackoff = v }),
        Discovery(nameof(DiscoveryOptions.EnabledMethods), OptionKinds.Methods, static o => o.EnabledMethods, static (o, v) => o with { EnabledMethods = v }),
        Discovery(nameof(DiscoveryOptions.MdnsInterval), OptionKinds.Span, static o => o.MdnsInterval, static (o, v) => o with { MdnsInterval = v }),
        Discovery(nameof(DiscoveryOptions.MdnsMode), OptionKinds.Enum<MdnsMode>(), static o => o.MdnsMode, static (o, v) => o with { MdnsMode = v }),
        Discovery(nameof(DiscoveryOptions.MdnsInterfaces), OptionKinds.Texts, static o => o.MdnsInterfaces, static (o, v) => o with { MdnsInterfaces = v }),
        Discovery(nameof(DiscoveryOptions.StaticPeersFile), OptionKinds.OptionalText, static o => o.StaticPeersFile, static (o, v) => o with { StaticPeersFile = v }),
        Discovery(nameof(DiscoveryOptions.UpdateStaticPeersFile), OptionKinds.Bool, static o => o.UpdateStaticPeersFile, static (o, v) => o with { UpdateStaticPeersFile = v }),
        Discovery(nameof(DiscoveryOptions.BootstrapLists), OptionKinds.Uris, static o => o.BootstrapLists, static (o, v) => o with { BootstrapLists = v }),
    ];

    private static IEnumerable<OptionEntry> OfReputation() =>
    [
        Reputation(nameof(ReputationOptions.HalfLife), OptionKinds.Span, static o => o.HalfLife, static (o, v) => o with { HalfLife = v }),
        Reputation(nameof(ReputationOptions.UsefulExchange), OptionKinds.Double, static o => o.UsefulExchange, static (o, v) => o with { UsefulExchange = v }),
        Reputation(nameof(ReputationOptions.MostGainPerMinute), OptionKinds.Double, static o => o.MostGainPerMinute, static (o, v) => o with { MostGainPerMinute = v }),
        Reputation(nameof(ReputationOptions.Timeout), OptionKinds.Double, static o => o.Timeout, static (o, v) => o with { Timeout = v }),
        Reputation(nameof(ReputationOptions.TimeoutFloor), OptionKinds.Double, static o => o.TimeoutFloor, static (o, v) => o with { TimeoutFloor = v }),
        Reputation(nameof(ReputationOptions.Rate), OptionKinds.Double, static o => o.Rate, static (o, v) => o with { Rate = v }),
        Reputation(nameof(ReputationOptions.RateFloor), OptionKinds.Double, static o => o.RateFloor, static (o, v) => o with { RateFloor = v }),
        Reputation(nameof(ReputationOptions.ProtocolViolation), OptionKinds.Double, static o => o.ProtocolViolation, static (o, v) => o with { ProtocolViolation = v }),
        Reputation(nameof(ReputationOptions.ForgedSignature), OptionKinds.Double, static o => o.ForgedSignature, static (o, v) => o with { ForgedSignature = v }),
        Reputation(nameof(ReputationOptions.DiscourageAt), OptionKinds.Double, static o => o.DiscourageAt, static (o, v) => o with { DiscourageAt = v }),
        Reputation(nameof(ReputationOptions.DisconnectAt), OptionKinds.Double, static o => o.DisconnectAt, static (o, v) => o with { DisconnectAt = v }),
        Reputation(nameof(ReputationOptions.BanAt), OptionKinds.Double, static o => o.BanAt, static (o, v) => o with { BanAt = v }),
        Reputation(nameof(ReputationOptions.FirstBan), OptionKinds.Span, static o => o.FirstBan, static (o, v) => o with { FirstBan = v }),
        Reputation(nameof(ReputationOptions.LongestBan), OptionKinds.Span, static o => o.LongestBan, static (o, v) => o with { LongestBan = v }),
        Reputation(nameof(ReputationOptions.BanMemory), OptionKinds.Span, static o => o.BanMemory, static (o, v) => o with { BanMemory = v }),
    ];

    private static IEnumerable<OptionEntry> OfAccept() =>
    [
        Accept(nameof(AcceptLimits.AddressRate), OptionKinds.Double, static o => o.AddressRate, static (o, v) => o with { AddressRate = v }),
        Accept(nameof(AcceptLimits.AddressBurst), OptionKinds.Int, static o => o.AddressBurst, static (o, v) => o with { AddressBurst = v }),
        Accept(nameof(AcceptLimits.NetworkRate), OptionKinds.Double, static o => o.NetworkRate, static (o, v) => o with { NetworkRate = v }),
        Accept(nameof(AcceptLimits.NetworkBurst), OptionKinds.Int, static o => o.NetworkBurst, static (o, v) => o with { NetworkBurst = v }),
        Accept(nameof(AcceptLimits.WideRate), OptionKinds.Double, static o => o.WideRate, static (o, v) => o with { WideRate = v }),
        Accept(nameof(AcceptLimits.WideBurst), OptionKinds.Int, static o => o.WideBurst, static (o, v) => o with { WideBurst = v }),
        Accept(nameof(AcceptLimits.TotalRate), OptionKinds.Double, static o => o.TotalRate, static (o, v) => o with { TotalRate = v }),
        Accept(nameof(AcceptLimits.TotalBurst), OptionKinds.Int, static o => o.TotalBurst, static (o, v) => o with { TotalBurst = v }),
        Accept(nameof(AcceptLimits.PinnedRate), OptionKinds.Double, static o => o.PinnedRate, static (o, v) => o with { PinnedRate = v }),
        Accept(nameof(AcceptLimits.PinnedBurst), OptionKinds.Int, static o => o.PinnedBurst, static (o, v) => o with { PinnedBurst = v }),
        Accept(nameof(AcceptLimits.MaxHandshakes), OptionKinds.Int, static o => o.MaxHandshakes, static (o, v) => o with { MaxHandshakes = v }),
        Accept(nameof(AcceptLimits.MaxHandshakesPerNetwork), OptionKinds.Int, static o => o.MaxHandshakesPerNetwork, static (o, v) => o with { MaxHandshakesPerNetwork = v }),
        Accept(nameof(AcceptLimits.HandshakePatience), OptionKinds.Span, static o => o.HandshakePatience, static (o, v) => o with { HandshakePatience = v }),
        Accept(nameof(AcceptLimits.MaxWaiting), OptionKinds.Int, static o => o.MaxWaiting, static (o, v) => o with { MaxWaiting = v }),
        Accept(nameof(AcceptLimits.MaxGreetings), OptionKinds.Int, static o => o.MaxGreetings, static (o, v) => o with { MaxGreetings = v }),
        Accept(nameof(AcceptLimits.MaxRemembered), OptionKinds.Int, static o => o.MaxRemembered, static (o, v) => o with { MaxRemembered = v }),
        Accept(nameof(AcceptLimits.TrustLoopback), OptionKinds.Bool, static o => o.TrustLoopback, static (o, v) => o with { TrustLoopback = v }),
        Accept(nameof(AcceptLimits.TrustedRanges), OptionKinds.Texts, static o => o.TrustedRanges, static (o, v) => o with { TrustedRanges = v }),
        Accept(nameof(AcceptLimits.OnLinkLane), OptionKinds.Bool, static o => o.OnLinkLane, static (o, v) => o with { OnLinkLane = v }),
    ];

    private static IEnumerable<OptionEntry> OfLimits() =>
    [
        Limits(nameof(LinkLimits.MaxMessage), OptionKinds.Int, static o => o.MaxMessage, static (o, v) => o with { MaxMessage = v }),
        Limits(nameof(LinkLimits.InitialWindow), OptionKinds.Int, static o => o.InitialWindow, static (o, v) => o with { InitialWindow = v }),
        Limits(nameof(LinkLimits.MaxWindow), OptionKinds.Int, static o => o.MaxWindow, static (o, v) => o with { MaxWindow = v }),
        Limits(nameof(LinkLimits.MaxStreams), OptionKinds.Int, static o => o.MaxStreams, static (o, v) => o with { MaxStreams = v }),
        Limits(nameof(LinkLimits.LinkBudget), OptionKinds.Int, static o => o.LinkBudget, static (o, v) => o with { LinkBudget = v }),
        Limits(nameof(LinkLimits.LinkReassembly), OptionKinds.Int, static o => o.LinkReassembly, static (o, v) => o with { LinkReassembly = v }),
        Limits(nameof(LinkLimits.NodeReassembly), OptionKinds.Int, static o => o.NodeReassembly, static (o, v) => o with { NodeReassembly = v }),
        Limits(nameof(LinkLimits.MaxControlFrames), OptionKinds.Int, static o => o.MaxControlFrames, static (o, v) => o with { MaxControlFrames = v }),
        Limits(nameof(LinkLimits.MaxMessages), OptionKinds.OptionalInt, static o => o.MaxMessages, static (o, v) => o with { MaxMessages = v }),
        Limits(nameof(LinkLimits.MaxBytes), OptionKinds.OptionalLong, static o => o.MaxBytes, static (o, v) => o with { MaxBytes = v }),
    ];

    private static IEnumerable<OptionEntry> OfTimeouts() =>
    [
        Timeouts(nameof(NodeTimeouts.Connect), OptionKinds.Span, static o => o.Connect, static (o, v) => o with { Connect = v }),
        Timeouts(nameof(NodeTimeouts.Tls), OptionKinds.Span, static o => o.Tls, static (o, v) => o with { Tls = v }),
        Timeouts(nameof(NodeTimeouts.Hello), OptionKinds.Span, static o => o.Hello, static (o, v) => o with { Hello = v }),
        Timeouts(nameof(NodeTimeouts.PingAfter), OptionKinds.Span, static o => o.PingAfter, static (o, v) => o with { PingAfter = v }),
        Timeouts(nameof(NodeTimeouts.PongWithin), OptionKinds.Span, static o => o.PongWithin, static (o, v) => o with { PongWithin = v }),
        Timeouts(nameof(NodeTimeouts.Frame), OptionKinds.Span, static o => o.Frame, static (o, v) => o with { Frame = v }),
        Timeouts(nameof(NodeTimeouts.Write), OptionKinds.Span, static o => o.Write, static (o, v) => o with { Write = v }),
        Timeouts(nameof(NodeTimeouts.Drain), OptionKinds.Span, static o => o.Drain, static (o, v) => o with { Drain = v }),
        Timeouts(nameof(NodeTimeouts.Request), OptionKinds.Span, static o => o.Request, static (o, v) => o with { Request = v }),
        Timeouts(nameof(NodeTimeouts.Progress), OptionKinds.Span, static o => o.Progress, static (o, v) => o with { Progress = v }),
        Timeouts(nameof(NodeTimeouts.DuplicateCheck), OptionKinds.Span, static o => o.DuplicateCheck, static (o, v) => o with { DuplicateCheck = v }),
        Timeouts(nameof(NodeTimeouts.CheckAfterChange), OptionKinds.Span, static o => o.CheckAfterChange, static (o, v) => o with { CheckAfterChange = v }),
        Timeouts(nameof(NodeTimeouts.MaxBackoff), OptionKinds.Span, static o => o.MaxBackoff, static (o, v) => o with { MaxBackoff = v }),
    ];

    private static OptionEntry<T> Discovery<T>(string name, OptionKind<T> kind, Func<DiscoveryOptions, T> get, Func<DiscoveryOptions, T, DiscoveryOptions> set) =>
        new($"{nameof(NodeOptions.Discovery)}.{name}", kind, o => get(o.Discovery), (o, v) => o with { Discovery = set(o.Discovery, v) });

    private static OptionEntry<T> Reputation<T>(string name, OptionKind<T> kind, Func<ReputationOptions, T> get, Func<ReputationOptions, T, ReputationOptions> set) =>
        new($"{nameof(NodeOptions.Reputation)}.{name}", kind, o => get(o.Reputation), (o, v) => o with { Reputation = set(o.Reputation, v) });

    private static OptionEntry<T> Accept<T>(string name, OptionKind<T> kind, Func<AcceptLimits, T> get, Func<AcceptLimits, T, AcceptLimits> set) =>
        new($"{nameof(NodeOptions.Accept)}.{name}", kind, o => get(o.Accept), (o, v) => o with { Accept = set(o.Accept, v) });

    private static OptionEntry<T> Limits<T>(string name, OptionKind<T> kind, Func<LinkLimits, T> get, Func<LinkLimits, T, LinkLimits> set) =>
        new($"{nameof(NodeOptions.Limits)}.{name}", kind, o => get(o.Limits), (o, v) => o with { Limits = set(o.Limits, v) });

    private static OptionEntry<T> Timeouts<T>(string name, OptionKind<T> kind, Func<NodeTimeouts, T> get, Func<NodeTimeouts, T, NodeTimeouts> set) =>
        new($"{nameof(NodeOptions.Timeouts)}.{name}", kind, o => get(o.Timeouts), (o, v) => o with { Timeouts = set(o.Timeouts, v) });
}
