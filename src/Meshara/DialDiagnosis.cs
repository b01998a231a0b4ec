namespace Meshara;

/// <summary>What became of one dial that was made to find out why a node cannot be reached: step by step, as far as it came.</summary>
/// <remarks>Made by <see cref="Node.DiagnoseAsync(PeerAddress, TimeSpan?, CancellationToken)"/>.</remarks>
public sealed record DialDiagnosis
{
    /// <summary>What was dialled.</summary>
    public required PeerAddress Address { get; init; }

    /// <summary>The steps in their order. Steps behind the one that failed are not there, but where this node has banned the other one: then the other side is heard all the same.</summary>
    public required IReadOnlyList<DialStep> Steps { get; init; }

    /// <summary>The id that was proven; null: it did not come to that.</summary>
    public NodeId? Answered { get; init; }

    /// <summary>The name of the mesh that the other side said it belongs to; null: it said nothing. Text of a stranger.</summary>
    public string? RemoteMesh { get; init; }

    /// <summary>The program that the other side said it is. Text of a stranger.</summary>
    public string? RemoteAgent { get; init; }

    /// <summary>A PING over the link that the dial came to; null: it came to none.</summary>
    public TimeSpan? RoundTripTime { get; init; }

    /// <summary>The first step that failed; null: none did.</summary>
    public DialStep? Failed => Steps.FirstOrDefault(static step => step.Outcome == DialStepOutcome.Failed);

    /// <summary>Whether a link would be made.</summary>
    public bool IsReachable => Failed is null && RoundTripTime is not null;
}

/// <summary>One step of a dial.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Outcome">What became of it.</param>
/// <param name="Detail">The same for people, a sentence or two; what the other side said is quoted in it without what could deceive a reader.</param>
public sealed record DialStep(DialStepKind Kind, DialStepOutcome Outcome, string Detail)
{
    /// <summary>What to do; null: nothing.</summary>
    public string? Advice { get; init; }

    /// <summary>Of a step that failed: the error that a dial of the node ends with.</summary>
    public MesharaErrorCode? Code { get; init; }

    /// <summary>Whether it was the other side that refused.</summary>
    public bool ByPeer { get; init; }

    /// <summary>The name of the limit that was met, as the other side gave it; null: none.</summary>
    public string? Limit { get; init; }

    /// <summary>The value of <see cref="Limit"/>.</summary>
    public long? LimitValue { get; init; }

    /// <summary>When to try again, as the other side said; null: it did not.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>How long the step took.</summary>
    public TimeSpan Took { get; init; }
}

/// <summary>The steps of a dial, in their order.</summary>
public enum DialStepKind
{
    /// <summary>What is known of the address and the peer before anything is sent: own address, ban, backoff.</summary>
    Known,

    /// <summary>The host name's addresses.</summary>
    Name,

    /// <summary>The TCP connection, or that of another transport.</summary>
    Connect,

    /// <summary>The TLS handshake.</summary>
    Tls,

    /// <summary>The key that answers is the one that is expected.</summary>
    Identity,

    /// <summary>HELLO and what it leads to: the mesh, the version, admission, bans.</summary>
    Hello,

    /// <summary>A place at the other side.</summary>
    Limit,

    /// <summary>The link itself.</summary>
    Link,
}

/// <summary>What became of a step.</summary>
public enum DialStepOutcome
{
    /// <summary>Nothing is in the way.</summary>
    Passed,

    /// <summary>Nothing is in the way now, but something deserves to be known.</summary>
    Noted,

    /// <summary>Here a dial ends.</summary>
    Failed,
}
