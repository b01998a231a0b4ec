using Meshara.Testing.Checks;

namespace Meshara.Testing.Running;

/// <summary>One seed on its way through one scenario: what was asked of it, and what came of it. There is one at a time in a process.</summary>
internal sealed class SimulationRun
{
    /// <summary>The run that is under way; null: none is.</summary>
    public static SimulationRun? Current { get; set; }

    /// <summary>The seed of every choice.</summary>
    public required int Seed { get; init; }

    /// <summary>The scenario's name.</summary>
    public required string Scenario { get; init; }

    /// <summary>Takes each line of the trace; null: only the hash and each node's last lines are kept.</summary>
    public TextWriter? TraceTo { get; init; }

    /// <summary>Which part of the harness is broken on purpose; null: none.</summary>
    public string? Break { get; init; }

    /// <summary>Faults of the plan that are left out, by their number.</summary>
    public IReadOnlySet<int> LeftOut { get; init; } = new HashSet<int>();

    /// <summary>Numbers that a scenario takes: <c>--set nodes=20</c>.</summary>
    public IReadOnlyDictionary<string, int> Settings { get; init; } = new Dictionary<string, int>();

    /// <summary>How many faults the plan had; 0: no plan.</summary>
    public int PlannedFaults { get; set; }

    /// <summary>Faults that the plan held, by kind.</summary>
    public Tally Drawn { get; } = new();

    /// <summary>Faults that met something: a link, a dial, a save.</summary>
    public Tally Hit { get; } = new();

    /// <summary>Whatever else is worth a line in the report: what was looked at, what was passed over.</summary>
    public Tally Counted { get; } = new();

    /// <summary>The hash of the trace. Set when the run is over.</summary>
    public string Hash { get; set; } = "";

    /// <summary>How far virtual time went. Set when the run is over.</summary>
    public TimeSpan VirtualTime { get; set; }

    /// <summary>The last lines of a node's trace; set by the network.</summary>
    public Func<string, IReadOnlyList<string>> TailOf { get; set; } = static _ => [];

    /// <summary>The nodes that a node has links with; set by a check.</summary>
    public Func<string, IReadOnlyList<string>> NeighboursOf { get; set; } = static _ => [];

    /// <summary>The last fault that was done; empty: none yet.</summary>
    public string LastFault { get; set; } = "";

    /// <summary>What went wrong; null: nothing.</summary>
    public Exception? Failure { get; set; }

    /// <summary>The invariant that did not hold, if it was one.</summary>
    public Violation? Violation => (Failure as SimulationException)?.Violation;

    /// <summary>A number from <see cref="Settings"/>.</summary>
    public int Setting(string name, int otherwise) => Settings.GetValueOrDefault(name, otherwise);
}
