using Meshara.Storage;

namespace Meshara.Testing.Storage;

/// <summary>Ends processes in the middle of a write to a file of their folder.</summary>
internal sealed class FileCrashes : IDisposable
{
    private const int StepsOfAWrite = 5;

    private readonly SimulatedNetwork _network;
    private readonly Dictionary<SimulatedNode, Crash> _crashes = [];

    public FileCrashes(SimulatedNetwork network)
    {
        _network = network;
        AtomicFile.BeforeStep = BeforeStep;
    }

    /// <summary>The node's process ends in its next write to a file, at a step that is drawn. It is restarted for that, as a node at rest writes nothing.</summary>
    public async Task CrashAsync(SimulatedNode node, Random random, Action crashed, Func<SimulatedNode, Task> restart)
    {
        node.Kill();

        // It is written at the start where it is missing.
        File.Delete(Path.Combine(_network.FolderOf(node), "port"));
        _crashes[node] = new Crash(random.Next(StepsOfAWrite), crashed);
        try
        {
            await restart(node).ConfigureAwait(false);
        }
        catch (Exception e) when (e is KilledException or MesharaException && node.State == SimulatedNodeState.Killed)
        {
            // As it was meant.
        }
        finally
        {
            _crashes.Remove(node);
        }
    }

    public void Dispose() => AtomicFile.BeforeStep = null;

    private void BeforeStep(string path, AtomicStep step)
    {
        foreach (SimulatedNode node in _network.Nodes)
        {
            if (!node.HasFolder || !path.StartsWith(_network.FolderOf(node) + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                continue;

            if (_crashes.TryGetValue(node, out Crash? crash) && crash.Steps-- == 0)
            {
                crash.Crashed();
                node.Kill();
                throw new KilledException(step);
            }

            // What a process that is gone still wants to do never happens.
            if (!node.IsUp)
                throw new KilledException(step);
        }
    }

    private sealed class Crash(int steps, Action crashed)
    {
        public int Steps { get; set; } = steps;

        public Action Crashed => crashed;
    }
}
