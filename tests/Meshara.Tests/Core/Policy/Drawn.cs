namespace Meshara.Tests.Core.Policy;

/// <summary>Draws the same each time, so that a wait is one number and not a range.</summary>
internal sealed class Drawn(double value) : Random(1)
{
    public override double NextDouble() => value;
}
