namespace Meshara.Testing.Network;

/// <summary>Real folders of simulated nodes, below one of the run's own, which goes with it.</summary>
internal sealed class RunFolder
{
    private DirectoryInfo? _root;

    /// <summary>The folder of a node; the same after a restart.</summary>
    public string Of(SimulatedNode node)
    {
        _root ??= Directory.CreateTempSubdirectory("meshara-simulation-");
        return Path.Combine(_root.FullName, node.Name);
    }

    /// <summary>Deletes them all.</summary>
    public void Delete()
    {
        _root?.Delete(recursive: true);
        _root = null;
    }
}
