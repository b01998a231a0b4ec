namespace Meshara.Testing.Running;

/// <summary>Runs a scenario of any assembly: <see cref="SimulationProcess"/> starts this library with that assembly's own dependencies.</summary>
internal static class Program
{
    public static Task<int> Main(string[] args) => SimulationRunner.RunAsync(args);
}
