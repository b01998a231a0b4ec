using Meshara.Wire;

namespace Meshara.Net;

/// <summary>What the other side answered to our HELLO: READY, or why not.</summary>
internal sealed record HandshakeAnswer
{
    /// <summary>The other side admits us to this link.</summary>
    public static readonly HandshakeAnswer Ready = new();

    private HandshakeAnswer()
    {
    }

    /// <summary>Why not; null: READY. Its message quotes the other side without what could deceive a reader.</summary>
    public MesharaException? Failure { get; private init; }

    public bool IsReady => Failure is null;

    /// <summary>Of READY: the other side's own record, not looked at; null: it gave none.</summary>
    public byte[]? Record { get; private init; }

    /// <summary>Of READY to a probe: why this node would find no place as a peer; null: it would, or that was not said.</summary>
    public NoPlace? NoPlace { get; private init; }

    /// <summary>Of REFUSE: the limit that refused, its value, and when to retry as it was said; empty: none.</summary>
    public Refuse? Refuse { get; private init; }

    /// <summary>Of REFUSE(full): records of other peers, not looked at.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Records { get; private init; } = [];

    /// <summary>The code of the REFUSE, if it was one.</summary>
    public RefuseCode? Refused { get; private init; }

    /// <summary>Where the other node with our identity is, as the REFUSE says; null: another answer.</summary>
    public string? SharedWith { get; private init; }

    /// <summary>The code of the GOODBYE, if it was one.</summary>
    public GoodbyeCode? Goodbye { get; private init; }

    /// <summary>READY, section 5.3.</summary>
    /// <param name="record">The other side's own record; empty: none.</param>
    /// <param name="noPlace">Extension 4; empty: none.</param>
    public static HandshakeAnswer ReadyWith(ReadOnlySpan<byte> record, ReadOnlySpan<byte> noPlace = default) => record.IsEmpty && noPlace.IsEmpty
        ? Ready
        : new HandshakeAnswer { Record = record.IsEmpty ? null : record.ToArray(), NoPlace = noPlace.IsEmpty ? null : NoPlace.TryParse(noPlace) };

    /// <summary>REFUSE, section 5.4.</summary>
    /// <param name="refuse">As received.</param>
    /// <param name="peer">Who, for the message: "The node at …".</param>
    /// <param name="maxRetryAfter">This node's own longest backoff.</param>
    public static HandshakeAnswer From(Refuse refuse, string peer, TimeSpan maxRetryAfter)
    {
        string limit = refuse.Limit.Length == 0 ? "" : $" (limit {PeerText.Clean(refuse.Limit)}: {refuse.Value})";
        (MesharaErrorCode code, bool transient, string what) = refuse.Code switch
        {
            RefuseCode.Duplicate => (MesharaErrorCode.Duplicate, true, "has another link to this node already"),
            RefuseCode.Full => (MesharaErrorCode.Full, true, $"has no place{limit}. Try again later, or raise its limit"),
            RefuseCode.Banned => (MesharaErrorCode.Banned, refuse.RetryAfter is not null, "has banned this node. Ask its operator"),
            RefuseCode.NotAdmitted => (MesharaErrorCode.NotAdmitted, false, "does not admit this node. On its side run 'meshara trust add' with this node's public key, or give both the same secret"),
            RefuseCode.WrongMesh => (MesharaErrorCode.WrongMesh, false, "belongs to a mesh of another name. Check the mesh on both sides"),
            RefuseCode.GoingAway => (MesharaErrorCode.GoingAway, true, "is shutting down"),
            RefuseCode.IdentityInUse => (MesharaErrorCode.IdentityInUse, false, "is linked to another live node with this node's identity. Give each node a data directory of its own"),
            RefuseCode.Version => (MesharaErrorCode.VersionMismatch, false, $"speaks no version of the protocol that this node speaks ({Handshake.Version}). Update the older of the two"),
            RefuseCode.Rate => (MesharaErrorCode.RateLimited, true, $"takes no more attempts for now{limit}"),
            RefuseCode.Unsupported => (MesharaErrorCode.VersionMismatch, false, "does not know an extension that this node requires. Update it"),
            _ => (MesharaErrorCode.Refused, true, $"refused the link{limit}"),
        };
        return new HandshakeAnswer
        {
            Failure = Fail(code, transient, peer, what, refuse.Message, refuse.RetryAfter, maxRetryAfter),
            Refused = refuse.Code,
            Refuse = refuse,
            Records = refuse.Code == RefuseCode.Full ? refuse.Records : [],
            SharedWith = refuse.Code == RefuseCode.IdentityInUse ? refuse.Message : null,
        };
    }

    /// <summary>GOODBYE instead of READY, section 7.2.</summary>
    /// <param name="goodbye">As received.</param>
    /// <param name="peer">Who, for the message.</param>
    /// <param name="maxRetryAfter">This node's own longest backoff.</param>
    public static HandshakeAnswer From(Goodbye goodbye, string peer, TimeSpan maxRetryAfter)
    {
        (MesharaErrorCode code, bool transient, string what) = goodbye.Code switch
        {
            GoodbyeCode.Shutdown => (MesharaErrorCode.GoingAway, true, "is shutting down"),
            GoodbyeCode.Removed => (MesharaErrorCode.Removed, false, "has removed this node. Ask its operator"),
            GoodbyeCode.Replaced => (MesharaErrorCode.Duplicate, true, "took another link to this node instead"),
            GoodbyeCode.Timeout => (MesharaErrorCode.HelloTimeout, true, "waited too long for this node"),
            GoodbyeCode.ProtocolError => (MesharaErrorCode.ProtocolError, false, "says that this node broke the protocol. Update the older of the two"),
            GoodbyeCode.Evicted => (MesharaErrorCode.Full, true, "preferred another peer"),
            GoodbyeCode.IdentityInUse => (MesharaErrorCode.IdentityInUse, false, "is linked to another live node with this node's identity. Give each node a data directory of its own"),
            _ => (MesharaErrorCode.Refused, true, "ended the link before it began"),
        };
        return new HandshakeAnswer { Failure = Fail(code, transient, peer, what, goodbye.Message, goodbye.RetryAfter, maxRetryAfter), Goodbye = goodbye.Code };
    }

    private static MesharaException Fail(
        MesharaErrorCode code, bool transient, string peer, string what, string said, TimeSpan? retryAfter, TimeSpan maxRetryAfter)
    {
        string quote = said.Length == 0 ? "" : $" It says: \"{PeerText.Clean(said)}\".";
        TimeSpan? wait = retryAfter > maxRetryAfter ? maxRetryAfter : retryAfter;
        return new MesharaException(code, $"{peer} {what}.{quote}", transient, wait);
    }
}
