namespace Meshara.Mdns.Engine;

/// <summary>A name on one link, from the wish to have it to having it.</summary>
/// <remarks>
/// RFC 6762 sections 8.1, 8.2 and 9:
/// <code>
///            0–250 ms              3 probes, 250 ms apart, and 250 ms
///  waiting ───────────▶ probing ───────────────────────────────────▶ held
///     ▲ ▲                 │ │                                          │
///     │ └── 1 s ── tie lost │ somebody has it, or 3 ties lost          │ somebody says otherwise
///     │                     └──▶ another name, on all links            │ (at most once in 10 s)
///     └────────────────────────────────────────────────────────────────┘ answers go on meanwhile
/// </code>
/// A name that is established goes only to one who says so in two proofs one after the other: whoever has it answers the probes of each, and a forged packet, or the same one heard again, is
/// one. What comes before the first probe of a proof is no answer to it. Or, as any name, to one who wins three ties in a row, which takes him three seconds and more.
/// </remarks>
internal sealed class NameClaim(OwnName owner)
{
    /// <summary>How many probes are sent.</summary>
    public const int Probes = 3;

    /// <summary>After so many ties lost in a row somebody keeps us from the name on purpose: it counts as a conflict.</summary>
    public const int MostTiesLost = 3;

    public OwnName Owner { get; } = owner;

    /// <summary>Whether questions are answered: it was proven once, and is, even while it is probed anew.</summary>
    public bool IsHeld { get; private set; }

    /// <summary>When the next probe is due, or the proof complete; null: nothing is under way.</summary>
    public TimeSpan? NextAt { get; private set; }

    /// <summary>How many probes were sent of the attempt under way.</summary>
    public int ProbesSent { get; private set; }

    /// <summary>Whether it waits because a tie was lost; what the winner still sends says nothing new.</summary>
    public bool IsDeferred { get; private set; }

    /// <summary>Ties lost since the last success.</summary>
    public int TiesLost { get; private set; }

    /// <summary>Whether somebody answered a probe of the proof before, and that under way is the second.</summary>
    public bool IsContradicted { get; private set; }

    /// <summary>When it was probed anew although it was held.</summary>
    public TimeSpan? DoubtedAt { get; private set; }

    public bool IsProbing => NextAt is not null;

    /// <summary>Begins at the beginning; it is not held until proven.</summary>
    public void Restart(TimeSpan firstProbe)
    {
        IsHeld = false;
        IsContradicted = false;
        Begin(firstProbe);
    }

    /// <summary>Probes anew while it is held (RFC 6762 section 9).</summary>
    public void Doubt(TimeSpan firstProbe, TimeSpan now)
    {
        DoubtedAt = now;
        IsContradicted = false;
        Begin(firstProbe);
    }

    /// <summary>Somebody says otherwise while an established name is probed for; true: it is lost.</summary>
    public bool Contradict(TimeSpan now)
    {
        if (ProbesSent == 0 || IsContradicted)
            return ProbesSent > 0;
        Begin(now + Prober.Interval);
        IsContradicted = true;
        return false;
    }

    /// <summary>Waits after a tie that was lost.</summary>
    public void Defer(TimeSpan firstProbe)
    {
        Begin(firstProbe);
        IsDeferred = true;
        TiesLost++;
    }

    /// <summary>A probe was sent.</summary>
    public void Probed(TimeSpan next)
    {
        ProbesSent++;
        IsDeferred = false;
        NextAt = next;
    }

    /// <summary>Nothing may be sent before that.</summary>
    public void Postpone(TimeSpan until) => NextAt = until;

    /// <summary>Nobody objected.</summary>
    public void Succeed()
    {
        IsHeld = true;
        NextAt = null;
        TiesLost = 0;
        IsContradicted = false;
        Owner.IsSlow = false;
    }

    private void Begin(TimeSpan firstProbe)
    {
        ProbesSent = 0;
        IsDeferred = false;
        NextAt = firstProbe;
    }
}
