using Meshara.Security;
using Meshara.Wire;

namespace Meshara.Net;

/// <summary>What this node says in every HELLO, and by what it measures the answer. Wire protocol section 5.1.</summary>
internal sealed record HandshakeConfig
{
    // Longer than that nobody's word keeps this node away; what the operator named is dialled sooner all the same (NodeTimeouts.MaxBackoff).
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromHours(1);

    public required NodeId Id { get; init; }

    /// <summary>New at each start.</summary>
    public required Bits128 Instance { get; init; }

    public required string Mesh { get; init; }

    public string Agent { get; init; } = "";

    /// <summary>Where this node believes it can be dialled; only the first 8 are told.</summary>
    public IReadOnlyList<string> Addresses { get; init; } = [];

    /// <summary>The key K of section 5.2; null: this node knows no secret.</summary>
    public byte[]? SecretKey { get; init; }

    public required int MaxMessage { get; init; }

    public required int InitialWindow { get; init; }

    public required int MaxStreams { get; init; }

    /// <summary>What a retry_after of the other side is cut to: this node's own longest backoff (section 5.4).</summary>
    public required TimeSpan MaxRetryAfter { get; init; }

    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Gives the nonce of each HELLO. The seam for a test.</summary>
    public Func<byte[]> NewNonce { get; init; } = Nonces.NewNonce;

    /// <summary>From the options of a node, which were checked already. Derives the secret's key: a fifth of a second of work, so once at start, and for no mesh name but the operator's.</summary>
    public static HandshakeConfig Create(NodeOptions options, NodeId id, Bits128 instance) => new()
    {
        Id = id,
        Instance = instance,
        Mesh = options.Mesh,
        Agent = options.Agent,
        // Only a probe has no mesh: the name that a stranger gives it is no reason to work.
        SecretKey = options.Admission.Mode == AdmissionMode.Secret && options.Mesh.Length > 0 ? options.Admission.DeriveKey(options.Mesh) : null,
        MaxMessage = options.Limits.MaxMessage,
        InitialWindow = options.Limits.InitialWindow,

        // The option may be as low as 1, HELLO may not: fewer at once are granted by raising MAX_STREAMS late.
        MaxStreams = options.Limits.MaxStreams,
        MaxRetryAfter = options.Timeouts.MaxBackoff > LongestRetryAfter ? options.Timeouts.MaxBackoff : LongestRetryAfter,
        TimeProvider = options.TimeProvider,
    };

    /// <summary>What options can change of it while the node runs.</summary>
    public HandshakeConfig With(NodeOptions options) => this with
    {
        Agent = options.Agent,
        MaxMessage = options.Limits.MaxMessage,
        InitialWindow = options.Limits.InitialWindow,
        MaxStreams = options.Limits.MaxStreams,
        MaxRetryAfter = options.Timeouts.MaxBackoff > LongestRetryAfter ? options.Timeouts.MaxBackoff : LongestRetryAfter,
    };

    /// <summary>The HELLO for one connection.</summary>
    public Hello NewHello(NodeId? expected, bool probe) => new()
    {
        MinVersion = Handshake.Version,
        MaxVersion = Handshake.Version,
        Id = Id,
        ExpectedId = expected,
        Instance = Instance,
        Nonce = NewNonce(),
        Purpose = probe ? HelloPurpose.Probe : HelloPurpose.Peer,
        Features = SecretKey is null ? 0 : Features.SharedSecret,
        Mesh = Mesh,
        Agent = Agent,
        Addresses = Addresses.Count <= Hello.MaxAddresses ? Addresses : [.. Addresses.Take(Hello.MaxAddresses)],
        MaxMessage = MaxMessage,
        InitialWindow = InitialWindow,
        MaxStreams = MaxStreams,
    };
}
