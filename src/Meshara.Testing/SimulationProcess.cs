using System.Text;
using Meshara.Testing.Running;

namespace Meshara.Testing;

/// <summary>Runs a simulation from a test: in a process of its own, because it wants the whole thread pool.</summary>
public static class SimulationProcess
{
    private const int ReportsShown = 3;
    private const int MostJobs = 64;

    /// <summary>Runs a scenario once for each seed and ends when all have ended.</summary>
    /// <param name="scenario">A public static method of the test project, <c>async Task Churn(int seed)</c>: it is found by its name in the other process, so no lambda.</param>
    /// <param name="seeds">The seeds, one after the other: <c>Enumerable.Range(1, 200)</c>.</param>
    /// <param name="jobs">Processes that share the seeds, 1 to 64.</param>
    /// <param name="seedLimit">Real time that one seed may take, before its process is killed. Null: 5 minutes.</param>
    /// <param name="verify">Runs each seed twice and fails where the two differ: something decides that is not the seed, such as a clock or a wait outside <see cref="SimulatedNetwork.Time"/>. Default false.</param>
    /// <param name="cancellationToken">Kills the processes.</param>
    /// <exception cref="SimulationException">A seed failed, or the scenario cannot be run so. The message is the report: the seeds that failed, what went wrong first, the last events of the nodes
    /// concerned, and the command that replays it.</exception>
    public static async Task RunAsync(
        Func<int, Task> scenario, IEnumerable<int> seeds, int jobs = 1, TimeSpan? seedLimit = null, bool verify = false, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(scenario);
        ArgumentNullException.ThrowIfNull(seeds);
        ArgumentOutOfRangeException.ThrowIfLessThan(jobs, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(jobs, MostJobs);
        int[] all = [.. seeds];
        ArgumentOutOfRangeException.ThrowIfZero(all.Length, nameof(seeds));

        string name = Scenarios.NameOf(scenario);
        HostCommand command = HostCommand.ForScenario(scenario.Method.Module.Assembly);
        Summary summary = new();
        List<string> printed = [];
        await Children.RunAsync(
            command,
            verify ? ["--scenario", name, "--assembly", command.Dependencies, "--verify"] : ["--scenario", name, "--assembly", command.Dependencies],
            all,
            jobs,
            seedLimit ?? TimeSpan.FromMinutes(5),
            summary.Add,
            printed.Add,
            cancellationToken).ConfigureAwait(false);
        if (summary.Failed.Count > 0)
            throw new SimulationException(Report(summary, printed));
    }

    private static string Report(Summary summary, List<string> printed)
    {
        StringBuilder text = new();
        text.Append($"{summary.Failed.Count} of {summary.Done} seeds failed.\n");
        foreach (SeedResult failed in summary.Failed.Take(ReportsShown))
            text.Append(failed.Failure);
        foreach (SeedResult failed in summary.Failed.Skip(ReportsShown))
            text.Append(failed.Headline).Append('\n');
        if (printed.Count > 0)
            text.Append("What the scenario printed last:\n").AppendJoin('\n', printed.TakeLast(20)).Append('\n');
        return text.ToString();
    }
}
