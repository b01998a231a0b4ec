using Meshara.Testing.Network;

namespace Meshara.Simulator;

/// <summary>What is done to a mesh.</summary>
internal enum FaultKind
{
    Crash,
    PowerOff,
    Stop,
    Partition,
    OneWayPartition,
    Isolate,
    SlowPaths,
    NarrowPaths,
    LostConnects,
    Reset,
    Freeze,
    Suspend,
    ClockJump,
    StoreFails,
    StoreSlow,
    StoreLost,
    NamesDown,
    NamesMove,
    Move,
    TakeAddress,
    LanLoss,
    FileCrash,
}

/// <summary>One fault: when, which, for how long, and the seed of whom it meets.</summary>
/// <param name="Number">Its place in the plan: <c>--without</c> leaves it out.</param>
/// <param name="At">Its beginning, from when all nodes have started.</param>
/// <param name="Kind">Which.</param>
/// <param name="Lasts">How long, where it has an end.</param>
internal sealed record Fault(int Number, TimeSpan At, FaultKind Kind, TimeSpan Lasts)
{
    public override string ToString() => $"fault {Number} {Kind}";
}

/// <summary>The faults of a run, drawn from its seed before it begins.</summary>
internal static class FaultPlan
{
    private const int Least = 6, Most = 24;

    /// <summary>How often each kind is drawn, beside the others.</summary>
    private static readonly (FaultKind Kind, int Weight, int LeastSeconds, int MostSeconds)[] Weights =
    [
        (FaultKind.Crash, 12, 1, 90),
        (FaultKind.PowerOff, 6, 5, 120),
        (FaultKind.Stop, 6, 1, 60),
        (FaultKind.Partition, 7, 2, 120),
        (FaultKind.OneWayPartition, 4, 2, 90),
        (FaultKind.Isolate, 5, 2, 120),
        (FaultKind.SlowPaths, 6, 10, 120),
        (FaultKind.NarrowPaths, 5, 10, 120),
        (FaultKind.LostConnects, 4, 10, 120),
        (FaultKind.Reset, 10, 0, 0),
        (FaultKind.Freeze, 8, 1, 90),
        (FaultKind.Suspend, 5, 1, 300),
        (FaultKind.ClockJump, 6, 0, 0),
        (FaultKind.StoreFails, 5, 5, 120),
        (FaultKind.StoreSlow, 2, 1, 10),
        (FaultKind.StoreLost, 3, 1, 30),
        (FaultKind.NamesDown, 2, 10, 120),
        (FaultKind.NamesMove, 2, 10, 120),
        (FaultKind.Move, 5, 0, 0),
        (FaultKind.TakeAddress, 3, 10, 120),
        (FaultKind.LanLoss, 2, 10, 120),
        (FaultKind.FileCrash, 3, 1, 30),
    ];

    /// <summary>The plan of a seed, in the order of time.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="length">In which time the faults begin.</param>
    public static IReadOnlyList<Fault> Of(int seed, TimeSpan length)
    {
        Random random = SeededIdentity.Random(seed, "plan");
        int count = random.Next(Least, Most + 1);
        List<(TimeSpan At, FaultKind Kind, TimeSpan Lasts)> drawn = [];
        for (int i = 0; i < count; i++)
        {
            TimeSpan at = length * random.NextDouble();
            (FaultKind kind, _, int least, int most) = Pick(random.Next(Weights.Sum(static w => w.Weight)));
            drawn.Add((at, kind, TimeSpan.FromMilliseconds(random.Next(least * 1000, (most * 1000) + 1))));
        }

        return [.. drawn.OrderBy(static d => d.At).Select(static (d, i) => new Fault(i, d.At, d.Kind, d.Lasts))];
    }

    private static (FaultKind Kind, int Weight, int LeastSeconds, int MostSeconds) Pick(int draw)
    {
        foreach ((FaultKind Kind, int Weight, int, int) entry in Weights)
        {
            if (draw < entry.Weight)
                return entry;
            draw -= entry.Weight;
        }

        return Weights[0];
    }
}
