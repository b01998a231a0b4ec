using Meshara.Benchmarks.Charts;

namespace Meshara.Benchmarks.Scale;

/// <summary>What is measured, and where it is kept.</summary>
/// <param name="Commit">Of the code.</param>
/// <param name="Quick">A first look.</param>
/// <param name="Links">Idle links to one node.</param>
/// <param name="Command">The published <c>meshara</c>; null: it is published first.</param>
/// <param name="Out">The file for the table; charts are kept beside it. Null: neither is kept.</param>
internal sealed record ScalePlan(string Commit, bool Quick, int Links, string? Command, string? Out)
{
    /// <summary>For charts.</summary>
    public string Subtitle => $"{TimeProvider.System.GetUtcNow():yyyy-MM-dd}, commit {Commit}, {Report.Processors()}";

    /// <summary>Keeps a chart beside the table.</summary>
    public Task KeepAsync(string name, LineChart chart) =>
        Out is null ? Task.CompletedTask : File.WriteAllTextAsync($"{Path.ChangeExtension(Out, null)}-{name}.svg", chart.ToSvg());
}
