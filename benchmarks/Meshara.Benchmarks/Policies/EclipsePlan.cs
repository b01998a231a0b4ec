namespace Meshara.Benchmarks.Policies;

/// <summary>The world of the simulation of an eclipse: one victim, everybody else a line in a table.</summary>
internal sealed record EclipsePlan
{
    public const int HonestNodes = 1000, HonestGroups = 200, AttackerGroups = 16;

    /// <summary>30 % of all.</summary>
    public const int Attackers = 429;

    /// <summary>Ids that an attacker shows at each of its addresses: as many as the table takes.</summary>
    public const int IdsPerAttacker = 4;

    /// <summary>Honest nodes in the victim's configuration, each in a group of its own.</summary>
    public const int BootstrapNodes = 8;

    /// <summary>Of honest nodes: exponential, on and off.</summary>
    public static readonly TimeSpan MeanSession = TimeSpan.FromHours(2), MeanAbsence = TimeSpan.FromHours(2);

    /// <summary>Between two honest addresses that the victim hears of.</summary>
    public static readonly TimeSpan Learn = TimeSpan.FromMinutes(1);

    public static readonly TimeSpan Feeler = TimeSpan.FromMinutes(2);

    /// <summary>How long the victim has lived among honest nodes when the attack begins.</summary>
    public TimeSpan Before { get; init; } = TimeSpan.FromHours(6);

    public TimeSpan Attack { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Whether the victim comes back to peers that it had before.</summary>
    public bool Regulars { get; init; } = true;

    /// <summary>Whether attackers get into the address table; else they only call in.</summary>
    public bool Poison { get; init; } = true;

    public required string Name { get; init; }

    public required int Target { get; init; }

    public required int Max { get; init; }

    /// <summary>minimal, standard, bridge.</summary>
    public static IReadOnlyList<EclipsePlan> Presets { get; } =
    [
        new() { Name = "minimal", Target = 4, Max = 8 },
        new() { Name = "standard", Target = 16, Max = 32 },
        new() { Name = "bridge", Target = 64, Max = 128 },
    ];
}
