using System.Runtime.InteropServices;

namespace Meshara.Core.Policy;

/// <summary>How often a change of the network has an effect: some in a row at once, then at a pace. An interface that comes and goes for ever must not become a flood of dials.</summary>
/// <param name="Spent">Changes that have had their effect and are not paid off, at <paramref name="At"/>.</param>
/// <param name="At">When that was.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct ChangePace(double Spent, TimeSpan At)
{
    /// <summary>In a row: a laptop that wakes loses an address, gets another, and the IPv6 ones one by one.</summary>
    public const int Burst = 10;

    /// <summary>One more in each of these.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(5);

    /// <summary>When the next change may have its effect; never before <paramref name="now"/>.</summary>
    public TimeSpan NextAt(TimeSpan now)
    {
        double over = SpentAt(now) - (Burst - 1);
        return over <= 0 ? now : now + (Every * over);
    }

    /// <summary>One change has its effect now.</summary>
    public ChangePace After(TimeSpan now) => new(SpentAt(now) + 1, now);

    private double SpentAt(TimeSpan now) => Math.Max(0, Spent - ((now - At) / Every));
}
