using Meshara.Cli.Rendering;

namespace Meshara.Cli.Control;

/// <summary>How many peers the node has and wants, in <c>meshara info --json</c>: <see cref="PeerCounts"/>.</summary>
internal sealed record CountsLine(int Target, int Max, int Static, int Inbound, int Outbound, int Passing, int ProvenAddresses, int UnprovenAddresses, int Banned)
{
    public static CountsLine Of(PeerCounts counts) => new(
        counts.Target, counts.Max, counts.Static, counts.Inbound, counts.Outbound, counts.Passing, counts.ProvenAddresses, counts.UnprovenAddresses, counts.Banned);
}

/// <summary>Where the node keeps what it learns of peers, in <c>meshara info --json</c>.</summary>
/// <param name="State"><c>file</c> or <c>memory</c>.</param>
internal sealed record StoreLine(string State)
{
    /// <summary>The file; also where it cannot be used. Absent: there is none.</summary>
    public string? Path { get; init; }

    /// <summary>Why it is in memory; absent: it is on disk, or it was meant so.</summary>
    public string? Why { get; init; }
}

/// <summary>One banned peer in <c>meshara peers --banned --json</c>.</summary>
/// <param name="Peer">Its id.</param>
/// <param name="Until">The end of the ban.</param>
/// <param name="BanCount">Its bans so far.</param>
/// <param name="Reason">The <see cref="ReputationCause"/> of the last line that lowered its reputation, in kebab-case; absent: that is not known any more.</param>
/// <param name="Reputation">Now.</param>
internal sealed record BannedLine(string Peer, DateTimeOffset Until, int BanCount, string? Reason, double Reputation)
{
    public static BannedLine Of(PeerExplanation peer) => new(
        peer.Id.ToString(),
        peer.BannedUntil ?? DateTimeOffset.UnixEpoch,
        peer.BanCount,
        peer.History.LastOrDefault(static happened => happened.Delta < 0) is { } last ? Kebab.Of(last.Cause) : null,
        peer.Reputation);
}

/// <summary>The last refusal in <c>meshara peers --explain --json</c>.</summary>
internal sealed record RefusalLine(DateTimeOffset Time, string Address, string Reason, bool ByPeer, string Detail)
{
    /// <summary>Seconds from then on.</summary>
    public double? RetryAfter { get; init; }

    public static RefusalLine Of(PeerRefused refused) =>
        new(refused.Time, Scope.ShowHere(refused.Address), Kebab.Of(refused.Code), refused.ByPeer, refused.Detail) { RetryAfter = refused.RetryAfter?.TotalSeconds };
}

/// <summary>What <c>meshara peers --explain --json</c> prints.</summary>
internal sealed record ExplanationLine
{
    public required string Peer { get; init; }

    /// <summary>What the operator calls it.</summary>
    public string? Name { get; init; }

    /// <summary><c>static</c> or <c>mesh</c>.</summary>
    public required string Class { get; init; }

    /// <summary>The link; absent: there is none.</summary>
    public PeerLine? Link { get; init; }

    /// <summary>The last dial that it answered and that came to nothing, since there was a link; absent: none is remembered.</summary>
    public RefusalLine? LastRefusal { get; init; }

    public required double Reputation { get; init; }

    public required ThresholdsLine Thresholds { get; init; }

    /// <summary>Until when it is refused; absent: it is not banned.</summary>
    public DateTimeOffset? BannedUntil { get; init; }

    public required int BanCount { get; init; }

    /// <summary>Oldest first.</summary>
    public required IReadOnlyList<HistoryLine> History { get; init; }

    public required IReadOnlyList<KnownAddressLine> Addresses { get; init; }

    /// <summary>Absent: the node has never heard of it but from the operator.</summary>
    public DateTimeOffset? FirstSeen { get; init; }

    public DateTimeOffset? LastSeen { get; init; }

    /// <summary>Ever, as far as the store remembers.</summary>
    public required long BytesSent { get; init; }

    public required long BytesReceived { get; init; }

    /// <summary>What is known of a peer, from all who know something; null: nothing.</summary>
    /// <param name="id">Whose.</param>
    /// <param name="known">What the node has learned.</param>
    /// <param name="link">Its link.</param>
    /// <param name="pin">What the operator said of it, and where it was found since.</param>
    /// <param name="configured">Where <c>--peer</c> says that it is.</param>
    /// <param name="listed">Where the static peers file says so.</param>
    /// <param name="options">What reputation leads to.</param>
    public static ExplanationLine? Of(
        NodeId id, PeerExplanation? known, PeerInfo? link, TrustedPeer? pin, IReadOnlyList<PeerAddress> configured, IReadOnlyList<PeerAddress> listed, ReputationOptions options)
    {
        if (known is null && link is null && pin is null && configured.Count + listed.Count == 0)
        {
            return null;
        }

        IEnumerable<PeerAddress> named = configured.Concat(pin?.Addresses ?? []).DistinctBy(static address => address.HostAndPort);
        PeerClass byOperator = pin is not null || configured.Count + listed.Count > 0 ? PeerClass.Static : PeerClass.Mesh;
        return new ExplanationLine
        {
            Peer = id.ToString(),
            Name = known?.Alias ?? pin?.Name,
            Class = Kebab.Of(known?.Class ?? link?.Class ?? byOperator),
            Link = link is null ? null : PeerLine.Of(link),
            Reputation = known?.Reputation ?? 0,
            Thresholds = new ThresholdsLine(options.DiscourageAt, options.DisconnectAt, options.BanAt, options.HalfLife.TotalSeconds),
            LastRefusal = known?.LastRefusal is { } refused ? RefusalLine.Of(refused) : null,
            BannedUntil = known?.BannedUntil,
            BanCount = known?.BanCount ?? 0,
            History = [.. known?.History.Select(HistoryLine.Of) ?? []],
            Addresses = [.. named.Select(KnownAddressLine.OfOperator), .. listed.Select(KnownAddressLine.OfFile), .. known?.Addresses.Select(KnownAddressLine.Of) ?? []],
            FirstSeen = known?.FirstSeen,
            LastSeen = known?.LastSeen,
            BytesSent = known?.BytesSent ?? 0,
            BytesReceived = known?.BytesReceived ?? 0,
        };
    }
}

/// <summary>What a reputation leads to, and how fast it fades.</summary>
internal sealed record ThresholdsLine(double DiscourageAt, double DisconnectAt, double BanAt, double HalfLifeSeconds);

/// <summary>One line of a peer's history.</summary>
/// <param name="Time">Of several alike, of the last.</param>
/// <param name="Cause">A <see cref="ReputationCause"/> in kebab-case.</param>
/// <param name="Change">All together.</param>
/// <param name="After">The reputation after it.</param>
/// <param name="Count">How many events alike.</param>
internal sealed record HistoryLine(DateTimeOffset Time, string Cause, double Change, double After, int Count)
{
    public static HistoryLine Of(ReputationEvent happened) => new(happened.Time, Kebab.Of(happened.Cause), happened.Delta, happened.Value, happened.Count);
}

/// <summary>One address of a peer.</summary>
/// <param name="Address"><c>host:port</c>.</param>
/// <param name="Source">An <see cref="AddressSource"/> in kebab-case, or <c>pinned</c>: the operator's, or found at a pinned peer.</param>
internal sealed record KnownAddressLine(string Address, string Source)
{
    public const string Pinned = "pinned";

    public DateTimeOffset? FirstSeen { get; init; }

    /// <summary>When it was last dialled.</summary>
    public DateTimeOffset? LastTried { get; init; }

    /// <summary>When a dial last led to the peer.</summary>
    public DateTimeOffset? LastSuccess { get; init; }

    /// <summary>Dials that failed since then.</summary>
    public int? Failures { get; init; }

    public static KnownAddressLine Of(StoredAddress address) => new(new PeerAddress(address.Host, address.Port).HostAndPort, Kebab.Of(address.Source))
    {
        FirstSeen = address.FirstSeen,
        LastTried = address.LastTried,
        LastSuccess = address.LastSuccess,
        Failures = address.Failures,
    };

    public static KnownAddressLine OfOperator(PeerAddress address) => new(address.HostAndPort, Pinned);

    public static KnownAddressLine OfFile(PeerAddress address) => new(address.HostAndPort, Kebab.Of(AddressSource.StaticFile));
}
