using System.Text;
using Meshara.Testing.Checks;

namespace Meshara.Testing.Running;

/// <summary>What a person needs who looks for the reason of a failed seed.</summary>
internal static class FailureReport
{
    private const int MostNeighbours = 8;

    /// <summary>The report of a run that failed.</summary>
    /// <param name="run">The run.</param>
    /// <param name="replay">The command that does it again.</param>
    public static string Of(SimulationRun run, string replay)
    {
        StringBuilder text = new();
        Violation? violation = run.Violation;
        text.Append($"seed {run.Seed} failed after {Time(run.VirtualTime)} of virtual time: {violation?.Invariant ?? Name(run.Failure!)}\n");
        text.Append($"  {Indented(violation?.What ?? (run.Failure is SimulationException ? run.Failure.Message : run.Failure!.ToString()))}\n");
        if (run.PlannedFaults > 0)
        {
            text.Append($"  plan of {run.PlannedFaults} faults: {run.Drawn}; hit: {run.Hit}\n");
            if (run.LeftOut.Count > 0)
                text.Append($"  left out: {string.Join(',', run.LeftOut.Order())}\n");
        }

        if (run.LastFault.Length > 0)
            text.Append($"  last fault: {run.LastFault}\n");

        IReadOnlyList<string> concerned = violation?.Nodes ?? [];
        foreach (string node in concerned)
            Tail(text, run, node, "concerned");
        foreach (string node in concerned.SelectMany(run.NeighboursOf).Distinct().Except(concerned).Take(MostNeighbours))
            Tail(text, run, node, "a neighbour");

        // Nobody in particular: the last of all.
        if (concerned.Count == 0)
            Tail(text, run, "", "of all nodes");
        text.Append($"  replay: {replay}\n");
        return text.ToString();
    }

    private static string Time(TimeSpan time) => time.ToString(@"d\.hh\:mm\:ss\.fff");

    private static string Name(Exception fault) => fault is SimulationException ? "the scenario" : fault.GetType().Name;

    private static string Indented(string text) => text.TrimEnd().ReplaceLineEndings("\n    ");

    private static void Tail(StringBuilder text, SimulationRun run, string node, string why)
    {
        IReadOnlyList<string> lines = run.TailOf(node);
        if (lines.Count == 0)
            return;

        text.Append($"  last {lines.Count} lines{(node.Length > 0 ? $" of {node}" : "")} ({why}):\n");
        foreach (string line in lines)
            text.Append($"    {line}\n");
    }
}
