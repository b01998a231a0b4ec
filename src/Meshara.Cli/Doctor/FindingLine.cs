namespace Meshara.Cli.Doctor;

/// <summary>One thing that <c>meshara doctor</c> looked at.</summary>
/// <param name="Area"><c>interface</c>, <c>multicast</c>, <c>port-5353</c>, <c>listen</c>, <c>firewall</c>, <c>clock</c>, <c>peer</c>, <c>data</c>, <c>store</c> or <c>node</c>.</param>
/// <param name="State">One of the constants.</param>
/// <param name="Subject">Which interface, address, peer or file.</param>
/// <param name="Detail">What was found, for people.</param>
internal sealed record FindingLine(string Area, string State, string Subject, string Detail)
{
    public const string Ok = "ok";
    public const string Warning = "warning";
    public const string Broken = "broken";

    /// <summary>It could not be looked at.</summary>
    public const string Unseen = "unseen";

    /// <summary>What to do; absent: nothing.</summary>
    public string? Advice { get; init; }
}

/// <summary><c>meshara doctor --json</c>.</summary>
/// <param name="Ok">Whether nothing is broken.</param>
/// <param name="Running">Whether a node was asked; else this command looked.</param>
/// <param name="Findings">In the order of the areas.</param>
internal sealed record DoctorLine(bool Ok, bool Running, IReadOnlyList<FindingLine> Findings);
