using System.Text.Json.Serialization;
using Meshara.Cli.Doctor;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Control;

/// <summary>What a client asks the running node: one JSON object, one line.</summary>
internal sealed record ControlRequest
{
    /// <summary>A name of <see cref="ControlCommand"/>.</summary>
    public required string Command { get; init; }

    /// <summary><c>add</c>, <c>why</c>: <c>host:port</c> or <c>id@host:port</c>.</summary>
    public string? Address { get; init; }

    /// <summary><c>add</c>, <c>trust-add</c>, <c>trust-replace</c>: hex of the DER.</summary>
    public string? PublicKey { get; init; }

    /// <summary><c>trust-add</c>: what to call the peer.</summary>
    public string? Name { get; init; }

    /// <summary><c>remove</c>, <c>send</c>, <c>trust-replace</c>, <c>ping</c>, <c>request</c>, <c>pipe</c>, <c>explain</c>, <c>forgive</c>, <c>why</c>: an id, or the first digits of one.
    /// <c>pipe-accept</c>: the same, or absent for anybody.</summary>
    public string? Peer { get; init; }

    /// <summary><c>send</c>, <c>request</c>, <c>pipe</c>, <c>pipe-accept</c>: the name of the protocol.</summary>
    public string? Protocol { get; init; }

    /// <summary><c>send</c>, <c>request</c>: the message; base64 on the wire, so that any bytes pass.</summary>
    public byte[]? Payload { get; init; }

    /// <summary><c>request</c>: how long to wait for the reply, in milliseconds; absent: the node's own deadline.</summary>
    public double? TimeoutMs { get; init; }

    /// <summary><c>rotate-identity</c>: for how many seconds peers accept the old key still; absent: as long as they may.</summary>
    public double? OverlapSeconds { get; init; }
}

/// <summary>Names of requests.</summary>
internal static class ControlCommand
{
    public const string Info = "info";
    public const string Peers = "peers";
    public const string Explain = "explain";
    public const string Banned = "banned";
    public const string Forgive = "forgive";
    public const string Add = "add";
    public const string TrustAdd = "trust-add";
    public const string TrustReplace = "trust-replace";
    public const string Remove = "remove";
    public const string Send = "send";
    public const string Ping = "ping";
    public const string Request = "request";
    public const string Watch = "watch";
    public const string Pipe = "pipe";
    public const string RotateIdentity = "rotate-identity";
    public const string PipeAccept = "pipe-accept";
    public const string Why = "why";
    public const string Doctor = "doctor";

    /// <summary>Whether the command may last as long as its client likes.</summary>
    public static bool Lasts(string command) => command is Watch or Pipe or PipeAccept;
}

/// <summary>One line of a reply. Lines without <see cref="Ok"/> are parts; the one with it is the last.</summary>
internal sealed record ControlReply
{
    /// <summary>True: done. False: failed, and <see cref="Code"/> and <see cref="Message"/> say why.</summary>
    public bool? Ok { get; init; }

    /// <summary>A <see cref="MesharaErrorCode"/> in kebab-case, or a code of the control socket's own.</summary>
    public string? Code { get; init; }

    /// <summary>The same for people.</summary>
    public string? Message { get; init; }

    /// <summary>After a failure: seconds after which it may be tried again.</summary>
    public double? RetryAfter { get; init; }

    /// <summary>The answer to <c>info</c>.</summary>
    public InfoLine? Info { get; init; }

    /// <summary>One part of the answer to <c>peers</c>.</summary>
    public PeerLine? Row { get; init; }

    /// <summary>One part of the answer to <c>banned</c>.</summary>
    public BannedLine? Banned { get; init; }

    /// <summary>One part of the answer to <c>why</c>.</summary>
    public DialLine? Dial { get; init; }

    /// <summary>One part of the answer to <c>doctor</c>.</summary>
    public FindingLine? Finding { get; init; }

    /// <summary>The answer to <c>explain</c>.</summary>
    public ExplanationLine? Explanation { get; init; }

    /// <summary>The id that was added, trusted, removed or spoken to. <c>rotate-identity</c>: the one that the node has until it starts anew.</summary>
    public string? Peer { get; init; }

    /// <summary><c>rotate-identity</c>: the new key, hex of the DER.</summary>
    public string? PublicKey { get; init; }

    /// <summary><c>pipe</c>, <c>pipe-accept</c>: the name of the protocol.</summary>
    public string? Protocol { get; init; }

    /// <summary>The answer to <c>ping</c>, in milliseconds.</summary>
    public double? RoundTripMs { get; init; }

    /// <summary>The answer to <c>request</c>.</summary>
    public byte[]? Payload { get; init; }

    /// <summary>One part of the answer to <c>watch</c>.</summary>
    public EventLine? Event { get; init; }

    /// <summary><c>add</c>: true where there was a link already.</summary>
    public bool? AlreadyLinked { get; init; }

    public static ControlReply Done { get; } = new() { Ok = true };

    public static ControlReply DoneWith(NodeId peer) => new() { Ok = true, Peer = peer.ToString() };
}

/// <summary>What <c>meshara info --json</c> prints.</summary>
internal sealed record InfoLine
{
    public required string NodeId { get; init; }

    /// <summary>The id from the next start on; absent: the same.</summary>
    public string? NextNodeId { get; init; }

    public required string PublicKey { get; init; }

    public required string Mesh { get; init; }

    public required string Admission { get; init; }

    public required string State { get; init; }

    /// <summary>Full addresses <c>id@host:port</c>.</summary>
    public required IReadOnlyList<string> Addresses { get; init; }

    /// <summary>How many links live.</summary>
    public required int Peers { get; init; }

    /// <summary>Peers by kind, how many are wanted, and known addresses.</summary>
    public required CountsLine Counts { get; init; }

    public required StoreLine Store { get; init; }

    /// <summary>The static peers file and lists over HTTPS.</summary>
    public IReadOnlyList<SourceLine> Sources { get; init; } = [];

    /// <summary>Multicast DNS; absent: an older node.</summary>
    public LocalNetworkLine? LocalNetwork { get; init; }

    public required string DataDirectory { get; init; }

    public required string Agent { get; init; }

    public required int ProcessId { get; init; }

    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>Version of the wire protocol.</summary>
    public required int ProtocolVersion { get; init; }

    public required LimitsLine Limits { get; init; }

    public required TimeoutsLine Timeouts { get; init; }
}

/// <summary>Limits in <c>meshara info --json</c>: <see cref="DiscoveryOptions"/> and <see cref="LinkLimits"/>, in bytes where they are not counts.</summary>
internal sealed record LimitsLine(
    int MaxPeers, int MaxMessage, int InitialWindow, int MaxWindow, int MaxStreams, int LinkBudget, int LinkReassembly, int NodeReassembly)
{
    public static LimitsLine Of(NodeOptions options) => new(
        options.Discovery.MaxPeers,
        options.Limits.MaxMessage,
        options.Limits.InitialWindow,
        options.Limits.MaxWindow,
        options.Limits.MaxStreams,
        options.Limits.LinkBudget,
        options.Limits.LinkReassembly,
        options.Limits.NodeReassembly);
}

/// <summary>Deadlines in <c>meshara info --json</c>: <see cref="NodeTimeouts"/> in seconds.</summary>
internal sealed record TimeoutsLine(
    double Connect,
    double Tls,
    double Hello,
    double PingAfter,
    double PongWithin,
    double Frame,
    double Write,
    double Drain,
    double Request,
    double Progress,
    double DuplicateCheck,
    double MaxBackoff)
{
    public static TimeoutsLine Of(NodeTimeouts timeouts) => new(
        timeouts.Connect.TotalSeconds,
        timeouts.Tls.TotalSeconds,
        timeouts.Hello.TotalSeconds,
        timeouts.PingAfter.TotalSeconds,
        timeouts.PongWithin.TotalSeconds,
        timeouts.Frame.TotalSeconds,
        timeouts.Write.TotalSeconds,
        timeouts.Drain.TotalSeconds,
        timeouts.Request.TotalSeconds,
        timeouts.Progress.TotalSeconds,
        timeouts.DuplicateCheck.TotalSeconds,
        timeouts.MaxBackoff.TotalSeconds);
}

/// <summary>One peer in <c>meshara peers --json</c>.</summary>
internal sealed record PeerLine
{
    public required string Peer { get; init; }

    public required string PublicKey { get; init; }

    public required string Address { get; init; }

    public required bool Inbound { get; init; }

    public required bool Pinned { get; init; }

    /// <summary><c>static</c>: the operator named it or its address; <c>mesh</c>: it counts against the limits.</summary>
    public required string Class { get; init; }

    public required DateTimeOffset FirstSeen { get; init; }

    public required DateTimeOffset ConnectedSince { get; init; }

    public required DateTimeOffset LastSeen { get; init; }

    public required long BytesSent { get; init; }

    public required long BytesReceived { get; init; }

    public required long MessagesSent { get; init; }

    public required long MessagesReceived { get; init; }

    /// <summary>Milliseconds; absent before the first measurement.</summary>
    public double? RoundTripMs { get; init; }

    public required double Reputation { get; init; }

    public required string Agent { get; init; }

    public static PeerLine Of(PeerInfo peer) => new()
    {
        Peer = peer.Id.ToString(),
        PublicKey = peer.PublicKey.ToString(),
        Address = Scope.ShowHere(peer.Address),
        Inbound = peer.Inbound,
        Pinned = peer.Pinned,
        Class = Kebab.Of(peer.Class),
        FirstSeen = peer.FirstSeen,
        ConnectedSince = peer.ConnectedSince,
        LastSeen = peer.LastSeen,
        BytesSent = peer.BytesSent,
        BytesReceived = peer.BytesReceived,
        MessagesSent = peer.MessagesSent,
        MessagesReceived = peer.MessagesReceived,
        RoundTripMs = peer.RoundTripTime?.TotalMilliseconds,
        Reputation = peer.Reputation,
        Agent = peer.Agent,
    };
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ControlRequest))]
[JsonSerializable(typeof(ControlReply))]
[JsonSerializable(typeof(PipeStatus))]
internal sealed partial class ControlJson : JsonSerializerContext;
