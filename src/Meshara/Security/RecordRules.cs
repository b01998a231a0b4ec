namespace Meshara.Security;

/// <summary>Which well-formed peer records count, wire protocol section 11.2. The signature and what is known already are judged elsewhere.</summary>
internal static class RecordRules
{
    /// <summary>For how long a record is good.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromHours(24);

    /// <summary>Clocks differ: how long after its end a record still counts.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromHours(1);

    /// <summary>How far the end of a record may lie in the future.</summary>
    public static readonly TimeSpan MaxLife = TimeSpan.FromDays(8);

    /// <summary>How far a sequence number may be ahead of the clock.</summary>
    public static readonly TimeSpan MaxAhead = TimeSpan.FromDays(1);

    /// <summary>Why a record is ignored, for the log and the metric; null: it counts.</summary>
    /// <param name="record">Any.</param>
    /// <param name="mesh">This node's.</param>
    /// <param name="now">By this node's clock.</param>
    public static string? WhyIgnored(SignedRecord record, string mesh, DateTimeOffset now) =>
        record.HasUnknownCritical ? "extension"
        : record.Mesh != mesh ? "mesh"
        : record.Expires < Milliseconds(now - Grace) ? "expired"
        : record.Expires > Milliseconds(now + MaxLife) ? "expiry"
        : IsTooFarAhead(record.Sequence, now) ? "sequence"
        : null;

    /// <summary>Whether nobody whose clock is right would take a record of this number.</summary>
    public static bool IsTooFarAhead(ulong sequence, DateTimeOffset now) => sequence > Milliseconds(now + MaxAhead);

    /// <summary>Unix milliseconds, 0 before 1970.</summary>
    public static ulong Milliseconds(DateTimeOffset time) => (ulong)Math.Max(0, time.ToUnixTimeMilliseconds());
}
