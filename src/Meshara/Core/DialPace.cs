using System.Runtime.InteropServices;

namespace Meshara.Core;

/// <summary>How fast a node dials on its own account: some at once, then two a second of those that lead to nobody. Thousands of addresses that refuse at once must not become a flood.</summary>
/// <param name="Spent">Dials that are not paid off, at <paramref name="At"/>.</param>
/// <param name="At">When that was.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct DialPace(double Spent, TimeSpan At)
{
    /// <summary>In a row: as many as are under way at once.</summary>
    public const int Burst = 16;

    /// <summary>One more in each of these.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromMilliseconds(500);

    /// <summary>When the next may begin; never before <paramref name="now"/>.</summary>
    public TimeSpan NextAt(TimeSpan now)
    {
        double over = SpentAt(now) - (Burst - 1);
        return over <= 0.0001 ? now : now + (Every * over);
    }

    public DialPace After(TimeSpan now) => new(SpentAt(now) + 1, now);

    /// <summary>A dial has led to somebody: it was none too many.</summary>
    public DialPace Refund() => this with { Spent = Math.Max(0, Spent - 1) };

    private double SpentAt(TimeSpan now) => Math.Max(0, Spent - ((now - At) / Every));
}
