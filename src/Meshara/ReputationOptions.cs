namespace Meshara;

/// <summary>What a peer's conduct is worth, and what follows from it. 0 at first; it fades to 0 by <see cref="HalfLife"/>.</summary>
/// <remarks>
/// The scale runs from <see cref="PeerRecord.MinReputation"/> (-100, as in the misbehaviour score that Bitcoin Core had up to 26) to <see cref="PeerRecord.MaxReputation"/> (10).
/// Peers that the operator named are scored and shown, and neither disconnected nor banned.
/// </remarks>
public sealed class ReputationOptions
{
    /// <summary>Time in which half of a reputation is forgotten. Default 10 min, as in GossipSub's decay of scores, which forgets within minutes; 10 s to 1 day.</summary>
    public TimeSpan HalfLife { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Gain for a useful exchange (messages were handled). Default 0.1; 0 to 1.</summary>
    public double UsefulExchange { get; init; } = 0.1;

    /// <summary>Most gain in a minute. Default 1; 0 to 10. It orders honest peers; credit never delays a penalty, which is counted from 0 down.</summary>
    public double MostGainPerMinute { get; init; } = 1;

    /// <summary>Loss for a peer that did not answer in time. Default 2; 0 to 100.</summary>
    public double Timeout { get; init; } = 2;

    /// <summary>Timeouts alone lower a reputation to this and no further. Default -30: a bad line is not misbehaviour. Above <see cref="DisconnectAt"/>, at most 0.</summary>
    public double TimeoutFloor { get; init; } = -30;

    /// <summary>Loss for staying over a limit of frames after having been slowed. Default 10; 0 to 100.</summary>
    public double Rate { get; init; } = 10;

    /// <summary>Loss for breaking the protocol. Default 25, so that the second disconnects and the third in a row bans; 0 to 100.</summary>
    public double ProtocolViolation { get; init; } = 25;

    /// <summary>Loss for a forged signature. Default 100: it cannot happen by accident; 0 to 100.</summary>
    public double ForgedSignature { get; init; } = 100;

    /// <summary>At this or less the peer is the first to give way. Default -10; below 0.</summary>
    public double DiscourageAt { get; init; } = -10;

    /// <summary>At this or less the link is closed. Default -50; at most <see cref="DiscourageAt"/>.</summary>
    public double DisconnectAt { get; init; } = -50;

    /// <summary>At this or less the id is banned. Default -75; -100 to <see cref="DisconnectAt"/>.</summary>
    public double BanAt { get; init; } = -75;

    /// <summary>Length of the first ban; each further one is twice as long. Default 1 h; 1 s to <see cref="LongestBan"/>.</summary>
    public TimeSpan FirstBan { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Length of the longest ban. Default 24 h, the length of Bitcoin Core's; up to 30 days.</summary>
    public TimeSpan LongestBan { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Time after the end of a ban in which the next one is longer than it. Default 7 days; 0 to 365 days.</summary>
    public TimeSpan BanMemory { get; init; } = TimeSpan.FromDays(7);
}
