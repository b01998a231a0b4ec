namespace Meshara;

/// <summary>What a peer's conduct is worth, and what follows from it. 0 at first; it fades to 0 by <see cref="HalfLife"/>.</summary>
/// <remarks>
/// The scale runs from <see cref="PeerRecord.MinReputation"/> (-100: a hundred points of misbehaviour were the end in Bitcoin Core too) to
/// <see cref="PeerRecord.MaxReputation"/> (10). Peers that the operator named are scored and shown, and neither disconnected nor banned. That these
/// numbers ban no honest peer is simulated over a million hours of them: <c>benchmarks/run policies</c>.
/// </remarks>
public sealed record ReputationOptions
{
    /// <summary>Time in which half of a reputation is forgotten. Default 10 min: a fault that is mended is forgotten within the hour, while bans, which last longer, have a memory of their own; 10 s to 1 day.</summary>
    public TimeSpan HalfLife { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Gain for a useful exchange (messages were handled). Default 0.1; 0 to 1.</summary>
    public double UsefulExchange { get; init; } = 0.1;

    /// <summary>Most gain in a minute. Default 1; 0 to 10. Gains order honest peers and buy nothing: a loss is counted from 0 down, and below 0 only time heals.</summary>
    public double MostGainPerMinute { get; init; } = 1;

    /// <summary>Loss for a peer that did not answer in time. Default 2; 0 to 100.</summary>
    public double Timeout { get; init; } = 2;

    /// <summary>Timeouts alone lower a reputation to this and no further. Default -30: a bad line is not misbehaviour. Above <see cref="DisconnectAt"/>, at most 0.</summary>
    public double TimeoutFloor { get; init; } = -30;

    /// <summary>Loss for staying over a limit of frames after having been slowed. Default 10; 0 to 100.</summary>
    public double Rate { get; init; } = 10;

    /// <summary>Staying over a limit alone lowers a reputation to this and no further. Default -60, so that such a link is closed and the id not banned: an honest
    /// program that sends much to a node with low limits does nothing worse. Above <see cref="BanAt"/>, at most 0.</summary>
    public double RateFloor { get; init; } = -60;

    /// <summary>Loss for breaking the protocol. Default 30, so that the second within five minutes of the first disconnects, and three with at most two minutes
    /// between them ban, although each fades by <see cref="HalfLife"/> meanwhile; 0 to 100.</summary>
    public double ProtocolViolation { get; init; } = 30;

    /// <summary>Loss for a forged signature. Default 100: it cannot happen by accident; 0 to 100.</summary>
    public double ForgedSignature { get; init; } = 100;

    /// <summary>At this or less the peer is the first to give way. Default -10; <see cref="DisconnectAt"/> to -1.</summary>
    public double DiscourageAt { get; init; } = -10;

    /// <summary>At this or less the link is closed. Default -50; <see cref="BanAt"/> to -1.</summary>
    public double DisconnectAt { get; init; } = -50;

    /// <summary>At this or less the id is banned. Default -75; -100 to -1.</summary>
    public double BanAt { get; init; } = -75;

    /// <summary>Length of the first ban; each further one is twice as long. Default 1 h; 1 s to <see cref="LongestBan"/>.</summary>
    public TimeSpan FirstBan { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Length of the longest ban. Default 24 h, the length of a ban in Bitcoin Core; 1 s to 30 days.</summary>
    public TimeSpan LongestBan { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Time after the end of a ban in which the next one is longer than it. Default 7 days; 0 to 365 days.</summary>
    public TimeSpan BanMemory { get; init; } = TimeSpan.FromDays(7);

    /// <summary>The first option that is out of its range, and what is wrong with it, for <see cref="MesharaErrorCode.InvalidOption"/>; null: none is.</summary>
    internal (string Name, string What)? FindWrong()
    {
        TimeSpan day = TimeSpan.FromDays(1);
        return Between(HalfLife, nameof(HalfLife), TimeSpan.FromSeconds(10), day)
            ?? Between(UsefulExchange, nameof(UsefulExchange), 0, 1)
            ?? Between(MostGainPerMinute, nameof(MostGainPerMinute), 0, 10)
            ?? Between(Timeout, nameof(Timeout), 0, 100)
            ?? Between(Rate, nameof(Rate), 0, 100)
            ?? Between(ProtocolViolation, nameof(ProtocolViolation), 0, 100)
            ?? Between(ForgedSignature, nameof(ForgedSignature), 0, 100)
            ?? Between(BanAt, nameof(BanAt), PeerRecord.MinReputation, -1)
            ?? BanBelowDisconnect()
            ?? Between(DisconnectAt, nameof(DisconnectAt), BanAt, -1)
            ?? Between(DiscourageAt, nameof(DiscourageAt), DisconnectAt, -1)
            ?? Between(TimeoutFloor, nameof(TimeoutFloor), Math.BitIncrement(DisconnectAt), 0)
            ?? Between(RateFloor, nameof(RateFloor), Math.BitIncrement(BanAt), 0)
            ?? Between(LongestBan, nameof(LongestBan), TimeSpan.FromSeconds(1), 30 * day)
            ?? Between(FirstBan, nameof(FirstBan), TimeSpan.FromSeconds(1), LongestBan)
            ?? Between(BanMemory, nameof(BanMemory), TimeSpan.Zero, 365 * day);
    }

    // Of two that contradict each other, the one that was set is wrong, and not a default.
    private (string Name, string What)? BanBelowDisconnect() =>
        DisconnectAt.Equals(new ReputationOptions().DisconnectAt) ? Between(BanAt, nameof(BanAt), PeerRecord.MinReputation, DisconnectAt) : null;

    private static (string Name, string What)? Between<T>(T value, string name, T min, T max)
        where T : IComparable<T> =>

        // NaN is less than any number here.
        value.CompareTo(min) < 0 || value.CompareTo(max) > 0 ? ($"{nameof(NodeOptions.Reputation)}.{name}", $"is {value}; {min} to {max} is allowed") : null;
}
