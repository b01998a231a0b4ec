namespace Meshara;

/// <summary>One line of a peer's history: what raised or lowered its reputation. As <see cref="PeerRecord"/> it holds no wrong value.</summary>
public sealed record ReputationEvent
{
    /// <summary>When; of several alike, when the last of them was.</summary>
    public required DateTimeOffset Time
    {
        get;
        init => field = StoredValue.Time(value);
    }

    /// <summary>What happened.</summary>
    public required ReputationCause Cause { get; init; }

    /// <summary>By how much the reputation changed, all <see cref="Count"/> together; -110 to 110. NaN becomes 0.</summary>
    public required double Delta
    {
        get;
        init => field = StoredValue.Score(value, PeerRecord.MinReputation - PeerRecord.MaxReputation, PeerRecord.MaxReputation - PeerRecord.MinReputation);
    }

    /// <summary>The reputation after it: <see cref="PeerRecord.MinReputation"/> to <see cref="PeerRecord.MaxReputation"/>. NaN becomes 0.</summary>
    public required double Value
    {
        get;
        init => field = StoredValue.Score(value, PeerRecord.MinReputation, PeerRecord.MaxReputation);
    }

    /// <summary>How many events alike this line stands for, at least 1.</summary>
    public int Count
    {
        get;
        init => field = Math.Max(1, value);
    } = 1;
}
