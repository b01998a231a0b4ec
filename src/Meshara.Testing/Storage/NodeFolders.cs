using Meshara.Storage;

namespace Meshara.Testing.Storage;

/// <summary>The real folders of nodes that have one, below a temporary folder of the run, and crashes in the middle of a write to a file there.</summary>
internal sealed class NodeFolders : IDisposable
{
    private readonly SimulatedNetwork _network;
    private readonly Dictionary<SimulatedNode, Crash> _crashes = [];

    public NodeFolders(SimulatedNetwork network)
    {
        _network = network;
        Path = Directory.CreateTempSubdirectory("meshara-sim-").FullName;
        AtomicFile.BeforeStep = BeforeStep;
    }

    /// <summary>Where they are.</summary>
    public string Path { get; }

    /// <summary>Whether a node has one.</summary>
    public bool Has(SimulatedNode node) => Directory.Exists(System.IO.Path.Combine(Path, node.Name));

    /// <summary>The node's process ends in its next write to a file, at a step that is drawn. It is restarted for that, as a node at rest writes nothing.</summary>
    public async Task CrashAsync(SimulatedNode node, Random random, Action crashed, Func<SimulatedNode, Task> restart)
    {
        node.Kill();
        string port = System.IO.Path.Combine(Path, node.Name, "port");
        File.Delete(port);
        _crashes[node] = new Crash(random.Next(5), crashed);
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

    public void Dispose()
    {
        AtomicFile.BeforeStep = null;
        if (Directory.Exists(Path))
            Directory.Delete(Path, recursive: true);
    }

    private void BeforeStep(string path, AtomicStep step)
    {
        foreach (SimulatedNode node in _network.Nodes)
        {
            if (!path.StartsWith(System.IO.Path.Combine(Path, node.Name) + System.IO.Path.DirectorySeparatorChar, StringComparison.Ordinal))
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
