namespace Meshara.Testing.Network;

/// <summary>Two sides between which nothing passes, one way or both.</summary>
/// <param name="from">One side.</param>
/// <param name="to">The other; null: everybody else.</param>
/// <param name="bothWays">Whether nothing passes back either.</param>
internal sealed class Cut(IEnumerable<Machine> from, IEnumerable<Machine>? to, bool bothWays)
{
    private readonly HashSet<Machine> _from = [.. from];
    private readonly HashSet<Machine>? _to = to is null ? null : [.. to];

    public bool Stops(Machine a, Machine b) => Stops1(a, b) || (bothWays && Stops1(b, a));

    private bool Stops1(Machine a, Machine b) => _from.Contains(a) && (_to is null ? !_from.Contains(b) : _to.Contains(b));
}
