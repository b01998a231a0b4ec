namespace Meshara;

/// <summary>What is stored of a peer.</summary>
/// <remarks>
/// A record holds no wrong value, wherever it came from: numbers are clamped into their range, lists and texts cut, times kept in UTC as
/// whole milliseconds since 1970. Whether a time lies in the future only who has a clock can judge; stores do not.
/// </remarks>
public sealed record PeerRecord
{
    /// <summary>The most addresses: 8.</summary>
    public const int MaxAddresses = 8;

    /// <summary>The most lines of <see cref="History"/>: 16.</summary>
    public const int MaxHistory = 16;

    /// <summary>The most characters of <see cref="Alias"/>: 64.</summary>
    public const int MaxAlias = 64;

    /// <summary>The lowest <see cref="Reputation"/>: -100.</summary>
    public const double MinReputation = -100;

    /// <summary>The highest <see cref="Reputation"/>: 10, so that credit buys no abuse.</summary>
    public const double MaxReputation = 10;

    /// <summary>The peer's id.</summary>
    public required NodeId Id { get; init; }

    /// <summary>The key that hashes to <see cref="Id"/>, once a handshake has shown it; null before. A store leaves out another id's key.</summary>
    public PublicKey? PublicKey { get; init; }

    /// <summary>Where the peer may be, at most <see cref="MaxAddresses"/>: more are cut off. Empty: it has only called.</summary>
    public IReadOnlyList<StoredAddress> Addresses
    {
        get;
        init => field = StoredValue.List(value, MaxAddresses);
    } = [];

    /// <summary>When this node first heard of the peer.</summary>
    public required DateTimeOffset FirstSeen
    {
        get;
        init => field = StoredValue.Time(value);
    }

    /// <summary>When the peer last gave a sign of life, or a source last named it.</summary>
    public required DateTimeOffset LastSeen
    {
        get;
        init => field = StoredValue.Time(value);
    }

    /// <summary>What the peer's conduct was worth at <see cref="ReputationAt"/>: <see cref="MinReputation"/> to <see cref="MaxReputation"/>, 0 at first. NaN becomes 0.</summary>
    public double Reputation
    {
        get;
        init => field = StoredValue.Score(value, MinReputation, MaxReputation);
    }

    /// <summary>When <see cref="Reputation"/> was reckoned; it fades from then on. 1970 where nothing ever was.</summary>
    public DateTimeOffset ReputationAt
    {
        get;
        init => field = StoredValue.Time(value);
    } = DateTimeOffset.UnixEpoch;

    /// <summary>The end of the peer's ban, or of its last one, so that past bans can be forgotten some time after; null: never banned.</summary>
    public DateTimeOffset? BanUntil
    {
        get;
        init => field = StoredValue.Time(value);
    }

    /// <summary>How often the peer has been banned, for the length of the next ban; not negative.</summary>
    public int BanCount
    {
        get;
        init => field = Math.Max(0, value);
    }

    /// <summary>What the operator calls the peer, at most <see cref="MaxAlias"/> characters, what is not printable replaced by <c>?</c>; null: nothing.</summary>
    public string? Alias
    {
        get;
        init => field = value is null ? null : StoredValue.Text(value, MaxAlias);
    }

    /// <summary>Bytes of frames ever sent to the peer, before TLS; not negative.</summary>
    public long BytesSent
    {
        get;
        init => field = Math.Max(0, value);
    }

    /// <summary>Bytes of frames ever received from the peer, after TLS; not negative.</summary>
    public long BytesReceived
    {
        get;
        init => field = Math.Max(0, value);
    }

    /// <summary>What raised and lowered <see cref="Reputation"/>, oldest first; at most <see cref="MaxHistory"/>, of more the last.</summary>
    public IReadOnlyList<ReputationEvent> History
    {
        get;
        init => field = StoredValue.Last(value, MaxHistory);
    } = [];

    /// <summary>Whether all is equal, the lists item by item.</summary>
    public bool Equals(PeerRecord? other) =>
        ReferenceEquals(this, other)
        || (other is not null
            && Id == other.Id
            && Equals(PublicKey, other.PublicKey)
            && FirstSeen == other.FirstSeen
            && LastSeen == other.LastSeen
            && Reputation.Equals(other.Reputation)
            && ReputationAt == other.ReputationAt
            && BanUntil == other.BanUntil
            && BanCount == other.BanCount
            && Alias == other.Alias
            && BytesSent == other.BytesSent
            && BytesReceived == other.BytesReceived
            && Addresses.SequenceEqual(other.Addresses)
            && History.SequenceEqual(other.History));

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Id, LastSeen, Reputation);
}
