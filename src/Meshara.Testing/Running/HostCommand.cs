using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;

namespace Meshara.Testing.Running;

/// <summary>How another process runs a simulation: which program, and with whose dependencies.</summary>
/// <param name="Dependencies">The assembly whose <c>deps.json</c> and <c>runtimeconfig.json</c> hold.</param>
/// <param name="Program">The assembly that is started.</param>
internal sealed record HostCommand(string Dependencies, string Program)
{
    // 4 GiB of managed memory: a scenario that collects without end is stopped before the machine is.
    private const string HeapLimit = "0x100000000";

    /// <summary>The command that starts this process's own program again.</summary>
    /// <exception cref="SimulationException">It cannot be started so.</exception>
    public static HostCommand ForSelf(string? assembly)
    {
        string program = Assembly.GetEntryAssembly()?.Location ?? "";
        if (program.Length == 0)
            throw new SimulationException("This program is one file or compiled ahead: its seeds run in one process, --jobs 1.");
        return new HostCommand(assembly is null ? program : Path.GetFullPath(assembly), program);
    }

    /// <summary>The command that runs a scenario of an assembly by this library's own entry.</summary>
    /// <exception cref="SimulationException">The assembly cannot be run.</exception>
    public static HostCommand ForScenario(Assembly assembly)
    {
        HostCommand command = new(assembly.Location, typeof(HostCommand).Assembly.Location);
        if (assembly.Location.Length == 0 || !File.Exists(command.DepsFile) || !File.Exists(command.RuntimeConfig))
            throw new SimulationException(
                $"{assembly.GetName().Name} has no deps.json and runtimeconfig.json beside it: scenarios live in the test project itself, which is an executable (<OutputType>Exe</OutputType>).");
        return command;
    }

    private string DepsFile => Path.ChangeExtension(Dependencies, ".deps.json");

    private string RuntimeConfig => Path.ChangeExtension(Dependencies, ".runtimeconfig.json");

    /// <summary>The process, not yet started.</summary>
    public ProcessStartInfo Start(IEnumerable<string> arguments)
    {
        ProcessStartInfo start = new(DotNet(), ["exec", "--depsfile", DepsFile, "--runtimeconfig", RuntimeConfig, Program, .. arguments])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.Environment["DOTNET_TieredPGO"] = "0";
        start.Environment["DOTNET_gcServer"] = "0";
        start.Environment["DOTNET_GCHeapHardLimit"] = HeapLimit;

        // Its sockets in the temporary folder would stay if it were killed.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        return start;
    }

    /// <summary>The same for people.</summary>
    public string Text(IEnumerable<string> arguments) =>
        string.Join(' ', new[] { "dotnet", "exec", "--depsfile", DepsFile, "--runtimeconfig", RuntimeConfig, Program }.Concat(arguments).Select(Quoted));

    private static string Quoted(string argument) => argument.Contains(' ', StringComparison.Ordinal) ? $"\"{argument}\"" : argument;

    // The one that runs this process, from its runtime's folder: <root>/shared/Microsoft.NETCore.App/10.0.x/.
    private static string DotNet()
    {
        string name = OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet";
        string beside = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", name));
        return File.Exists(beside) ? beside : name;
    }
}
