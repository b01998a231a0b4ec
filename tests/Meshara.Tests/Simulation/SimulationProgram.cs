using System.Diagnostics;
using Meshara.Tests.Tidy;
using Xunit;

namespace Meshara.Tests.Simulation;

/// <summary>Runs src/Meshara.Simulator, which is built beside this suite in the same configuration.</summary>
internal static class SimulationProgram
{
    /// <summary>Runs one seed of a scenario to its end, and returns the lines of its trace.</summary>
    public static async Task<string[]> RunAsync(string scenario, int seed, params string[] arguments)
    {
        string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        string program = Path.Combine(Repository.Root, "src", "Meshara.Simulator", "bin", configuration, "net10.0", "Meshara.Simulator.dll");
        string trace = Path.GetTempFileName();
        try
        {
            ProcessStartInfo start = new("dotnet", [program, scenario, "--seed", $"{seed}", "--trace", trace, .. arguments])
            {
                UseShellExecute = false,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };

            // Its sockets in the temporary folder would stay if it were killed.
            start.Environment["DOTNET_EnableDiagnostics"] = "0";
            using Process process = Process.Start(start)!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string output = await process.StandardOutput.ReadToEndAsync().WaitAsync(TimeSpan.FromMinutes(4));
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30));
            Assert.True(process.ExitCode == 0, $"exit {process.ExitCode}: {output}{await errors}");
            return await File.ReadAllLinesAsync(trace);
        }
        finally
        {
            File.Delete(trace);
        }
    }
}
