namespace Meshara;

/// <summary>What a node knows of a peer, and what raised and lowered its reputation; as it was at one moment.</summary>
public sealed record PeerExplanation
{
    /// <summary>Who.</summary>
    public required NodeId Id { get; init; }

    /// <summary>What the operator calls it; null: nothing.</summary>
    public required string? Alias { get; init; }

    /// <summary>Whether it counts against the limits.</summary>
    public required PeerClass Class { get; init; }

    /// <summary>Whether there is a link.</summary>
    public required bool IsConnected { get; init; }

    /// <summary>What its conduct is worth now: <see cref="PeerRecord.MinReputation"/> to <see cref="PeerRecord.MaxReputation"/>, 0 at first.</summary>
    public required double Reputation { get; init; }

    /// <summary>Until when it is refused; null: it is not banned, or the operator's word weighs more.</summary>
    public required DateTimeOffset? BannedUntil { get; init; }

    /// <summary>How often it has been banned.</summary>
    public required int BanCount { get; init; }

    /// <summary>What raised and lowered its reputation, oldest first.</summary>
    public required IReadOnlyList<ReputationEvent> History { get; init; }

    /// <summary>The last dial of this node to it that came to nothing although it answered, or that it answered with a refusal, since there was a link; of the last 256 such peers, and since the start. Null: none.</summary>
    public PeerRefused? LastRefusal { get; init; }

    /// <summary>Where it may be, with where each address came from and how dialling it went. Those that the operator named himself are in <see cref="TrustedPeer.Addresses"/> instead.</summary>
    public required IReadOnlyList<StoredAddress> Addresses { get; init; }

    /// <summary>When this node first heard of it.</summary>
    public required DateTimeOffset FirstSeen { get; init; }

    /// <summary>When it last gave a sign of life, or a source last named it.</summary>
    public required DateTimeOffset LastSeen { get; init; }

    /// <summary>Bytes of frames ever sent to it, as far as the store remembers.</summary>
    public required long BytesSent { get; init; }

    /// <summary>Bytes of frames ever received from it, as far as the store remembers.</summary>
    public required long BytesReceived { get; init; }
}
