using System.Runtime.InteropServices;

namespace Meshara.Core.Policy;

/// <summary>What an id's conduct is worth: 0 at first, less after violations; half of it is forgotten every hour.</summary>
/// <param name="Value">0 or less, as it was at <paramref name="At"/>.</param>
/// <param name="At">On the clock of <see cref="Mesh"/>.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct Reputation(double Value, TimeSpan At)
{
    /// <summary>Ten violations within minutes.</summary>
    public const double BanBelow = -95;

    private const double Violation = -10;
    private const double Worst = -1000;

    // Below one tenth of a violation nothing is left to remember.
    private const double Forgotten = -1;

    private static readonly TimeSpan HalfLife = TimeSpan.FromHours(1);

    public double ValueAt(TimeSpan now)
    {
        double value = Value * Math.Pow(0.5, (now - At) / HalfLife);
        return value > Forgotten ? 0 : value;
    }

    public Reputation AfterViolation(TimeSpan now) => new(Math.Max(Worst, ValueAt(now) + Violation), now);
}
