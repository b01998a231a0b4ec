using System.Globalization;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Doctor;

/// <summary>What can be known of the time without asking anybody for it.</summary>
internal sealed record ClockFacts(DateTimeOffset Now)
{
    /// <summary>When this program was made.</summary>
    public DateTimeOffset? Built { get; init; }

    /// <summary>The newest file of the data directory, by the time of its last change.</summary>
    public (string Name, DateTimeOffset Changed)? NewestFile { get; init; }

    /// <summary>When a peer was last seen, the latest of all.</summary>
    public DateTimeOffset? LastSeen { get; init; }

    /// <summary><see cref="Node.ClockOffset"/>.</summary>
    public TimeSpan? Offset { get; init; }
}

/// <summary>Whether the clock makes sense: a day off, and peers ignore this node's signed records and it theirs (wire protocol section 11.3).</summary>
internal static class ClockCheck
{
    private static readonly TimeSpan Tolerated = TimeSpan.FromDays(1), Noticed = TimeSpan.FromMinutes(5);
    private const string Advice = "Set the clock, best by NTP: timedatectl set-ntp true (Linux), or the system's date settings.";

    public static IReadOnlyList<FindingLine> Judge(ClockFacts facts)
    {
        List<FindingLine> findings = [];
        if (facts.Built is { } built && facts.Now < built - Noticed)
        {
            Behind(built - facts.Now, $"this program was made on {Date(built)}");
        }

        if (facts.NewestFile is { } newest && facts.Now < newest.Changed - Noticed)
        {
            Behind(newest.Changed - facts.Now, $"{Path.GetFileName(newest.Name)} in the data directory was written on {Date(newest.Changed)}");
        }

        if (facts.LastSeen is { } seen && facts.Now < seen - Noticed)
        {
            Behind(seen - facts.Now, $"a peer was last seen on {Date(seen)}");
        }

        if (facts.Offset is { } offset && offset.Duration() > Noticed)
        {
            Add(offset.Duration(), $"The clock says {Date(facts.Now)}, {(offset > TimeSpan.Zero ? "at least" : "about")} {Show.Span(offset.Duration())} {(offset > TimeSpan.Zero ? "later" : "earlier")} than the clocks of the linked peers.");
        }

        return findings.Count > 0
            ? findings
            : [new FindingLine("clock", FindingLine.Ok, "clock", $"{Date(facts.Now)}{(facts.Offset is null ? "; no linked peer tells the time, so only a clock that is behind can be seen" : ", and the linked peers agree")}.")];

        void Behind(TimeSpan by, string because) => Add(by, $"The clock says {Date(facts.Now)}, but {because}: it is behind by {Show.Span(by)} or more.");

        void Add(TimeSpan by, string text) => findings.Add(by >= Tolerated
            ? new FindingLine("clock", FindingLine.Broken, "clock", $"{text} From a day on peers ignore this node's records, and it theirs.") { Advice = Advice }
            : new FindingLine("clock", FindingLine.Warning, "clock", text) { Advice = Advice });
    }

    private static string Date(DateTimeOffset time) => time.ToUniversalTime().ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);
}
