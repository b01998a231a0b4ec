using System.Runtime.InteropServices;

namespace Meshara.Core.Policy;

/// <summary>What the plan counts. Static peers, feelers and probes are nowhere among them.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct PlanCounts
{
    /// <summary>Inbound mesh peers with a place: live or admitted.</summary>
    public int Inbound { get; init; }

    /// <summary>Outbound mesh peers with a place, <see cref="Anchors"/> among them.</summary>
    public int Outbound { get; init; }

    /// <summary>Of <see cref="Outbound"/>, those that were dialled as anchors: they do not count towards the least number of outbound peers.</summary>
    public int Anchors { get; init; }

    /// <summary>Dials of candidates and anchors that have not come to HELLO; replacements not among them.</summary>
    public int Dialling { get; init; }

    /// <summary>A replacement is under way: its dial, or its newcomer until READY.</summary>
    public bool Replacing { get; init; }

    /// <summary>A live outbound mesh peer is discouraged.</summary>
    public bool HasDiscouragedOutbound { get; init; }

    /// <summary>Somebody would give way: <see cref="Eviction.Choose"/> names a victim, or there is a discouraged outbound peer.</summary>
    public bool HasVictim { get; init; }

    /// <summary>When the next inbound peer gets old enough to be a victim: <see cref="Eviction.NextCandidateAt"/>.</summary>
    public TimeSpan? VictimAt { get; init; }

    /// <summary>When a candidate's dial last began or last came to HELLO, whichever is later; null: never.</summary>
    public TimeSpan? LastDialStep { get; init; }

    /// <summary>When a replacement last began; null: never.</summary>
    public TimeSpan? LastReplacement { get; init; }
}

/// <summary>What is to be done now.</summary>
/// <param name="Dial">Begin that many dials of candidates.</param>
/// <param name="Replace">Begin one dial as a replacement; its victim is chosen when it goes live.</param>
/// <param name="Surplus">Give up all dials of candidates that have not come to HELLO, without blame.</param>
/// <param name="LookAgain">Decide again then even if nothing happens; null: no need. Where the table had nobody to dial, its <see cref="AddressTable.NextDue"/> counts instead.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct PlanStep(int Dial, bool Replace, bool Surplus, TimeSpan? LookAgain);

/// <summary>How many peers to dial.</summary>
internal static class ConnectionPlan
{
    /// <summary>Dials of candidates under way at once.</summary>
    public const int MostDials = 16;

    /// <summary>While none of the dials has come to HELLO, one more each of these.</summary>
    public static readonly TimeSpan NextTry = TimeSpan.FromMilliseconds(500);

    /// <summary>Between two replacements.</summary>
    public static readonly TimeSpan ReplacementPace = TimeSpan.FromMinutes(1);

    /// <summary>The least number of outbound peers that others can not take the places of: a third of the target, at least 1; 0 if the target is 0.</summary>
    public static int LeastOutbound(int target) => target == 0 ? 0 : Math.Max(1, (target + 2) / 3);

    /// <summary>Places that inbound mesh peers may take: the last <see cref="LeastOutbound"/> are not theirs, unless there are fewer than 4 places in all.</summary>
    public static int InboundSlots(int target, int max) => max >= 4 ? max - LeastOutbound(target) : max;

    /// <summary>How many former outbound peers to come back to: three for each outbound place that callers leave free, so that some are there when
    /// others are not; at least 16.</summary>
    public static int Regulars(int target) => Math.Max(16, (target + 1) / 2 * 3);

    /// <summary>How many outbound peers are missing.</summary>
    /// <param name="inbound">Inbound mesh peers with a place.</param>
    /// <param name="outbound">Outbound ones.</param>
    /// <param name="anchors">Of these, anchors.</param>
    /// <param name="target">TargetPeers, at most <paramref name="max"/>.</param>
    /// <param name="max">MaxPeers.</param>
    public static int Missing(int inbound, int outbound, int anchors, int target, int max)
    {
        // Whoever calls in chose us, so callers alone must not satisfy us.
        int counted = outbound + Math.Min(inbound, (target + 1) / 2);
        int missing = Math.Max(target - counted, LeastOutbound(target) - (outbound - anchors));
        return Math.Max(0, Math.Min(missing, max - inbound - outbound));
    }

    /// <summary>What to do at <paramref name="now"/>.</summary>
    /// <param name="counts">The present state.</param>
    /// <param name="target">TargetPeers, at most <paramref name="max"/>.</param>
    /// <param name="max">MaxPeers.</param>
    /// <param name="now">The time.</param>
    public static PlanStep Decide(in PlanCounts counts, int target, int max, TimeSpan now)
    {
        int mesh = counts.Inbound + counts.Outbound;
        int wanted = Missing(counts.Inbound, counts.Outbound, counts.Anchors, target, max);
        int most = Math.Max(0, MostDials - counts.Dialling);
        int dial = Math.Clamp(wanted - counts.Dialling, 0, most);
        TimeSpan? again = null;
        if (wanted > 0 && dial == 0 && most > 0)
        {
            // What is under way has had its chance: one more beside it.
            TimeSpan due = (counts.LastDialStep ?? now) + NextTry;
            dial = due <= now ? 1 : 0;
            again = dial > 0 ? null : due;
        }

        // Too many, after the maximum was lowered: nobody is closed for it, so nobody new takes a place either.
        bool replace = wanted == 0 && mesh <= max && WantsReplacement(counts, mesh, target, max, now, ref again);
        return new(dial, replace, Surplus: wanted == 0 && counts.Dialling > 0, dial > 0 ? now + NextTry : again);
    }

    private static bool WantsReplacement(in PlanCounts counts, int mesh, int target, int max, TimeSpan now, ref TimeSpan? again)
    {
        // At 1 the only peer would be dropped for another, again and again.
        bool tooFewOutbound = mesh >= max && max >= 2 && counts.Outbound - counts.Anchors < LeastOutbound(target);
        if (counts.Replacing || !(tooFewOutbound || counts.HasDiscouragedOutbound))
        {
            return false;
        }

        if (tooFewOutbound && !counts.HasVictim)
        {
            again = counts.VictimAt;
            return false;
        }

        if (counts.LastReplacement is { } last && now - last < ReplacementPace)
        {
            again = last + ReplacementPace;
            return false;
        }

        return true;
    }

    /// <summary>The links to dial first after a restart: the oldest outbound ones, from two different groups.</summary>
    /// <param name="outbound">Outbound mesh links: any name, group, since when.</param>
    public static IReadOnlyList<T> ChooseAnchors<T>(IEnumerable<(T Link, AddressKey Group, TimeSpan Since)> outbound) =>
        [.. outbound.GroupBy(o => o.Group).Select(g => g.MinBy(o => o.Since)).OrderBy(o => o.Since).Take(PeerStoreContent.MaxAnchors).Select(o => o.Link)];
}
