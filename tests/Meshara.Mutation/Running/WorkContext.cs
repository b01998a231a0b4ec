using System.Reflection;
using System.Runtime.Loader;

namespace Meshara.Mutation.Running;

/// <summary>Loads the changed assembly, the tests and all they need from one folder.</summary>
internal sealed class WorkContext(string folder) : AssemblyLoadContext("mutants")
{
    /// <inheritdoc/>
    protected override Assembly? Load(AssemblyName assemblyName)
    {
        string path = Path.Combine(folder, assemblyName.Name + ".dll");
        return File.Exists(path) ? LoadFromAssemblyPath(path) : null;
    }
}
