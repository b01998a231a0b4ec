namespace Meshara.Testing.Checks;

/// <summary>An invariant that did not hold: the run ends with it.</summary>
/// <param name="Invariant">Its name, as <c>--break</c> knows it.</param>
/// <param name="What">One sentence for people: who, what, how many and how many may be.</param>
/// <param name="Nodes">The names of the nodes concerned, whose last events are shown.</param>
internal sealed record Violation(string Invariant, string What, params IReadOnlyList<string> Nodes);
