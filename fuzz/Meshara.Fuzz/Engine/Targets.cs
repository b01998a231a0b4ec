namespace Meshara.Fuzz.Engine;

/// <summary>What can be fuzzed here.</summary>
internal static class Targets
{
    /// <summary>All of them, in the order of <c>all</c>.</summary>
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        .. WireTargets.All,
        StoreTargets.StoreRow,
        ConfigTargets.Config,
        ControlTargets.Control,
#if PLANTED_BUG
        Planted.ToyParser.Target,
#endif
    ];
}
