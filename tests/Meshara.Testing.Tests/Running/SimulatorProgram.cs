using System.Diagnostics;
using Xunit;

namespace Meshara.Testing.Tests.Running;

/// <summary>Runs src/Meshara.Simulator, which is built beside this suite in the same configuration.</summary>
internal static class SimulatorProgram
{
    public static async Task<(int ExitCode, string Output)> RunAsync(params IEnumerable<string> arguments)
    {
        DirectoryInfo here = new(AppContext.BaseDirectory);
        string configuration = here.Parent!.Name;
        string root = here.Parent!.Parent!.Parent!.Parent!.Parent!.FullName;
        string program = Path.Combine(root, "src", "Meshara.Simulator", "bin", configuration, "net10.0", "Meshara.Simulator.dll");
        ProcessStartInfo start = new("dotnet", [program, .. arguments]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        using Process process = Process.Start(start)!;
        try
        {
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string output = await process.StandardOutput.ReadToEndAsync().WaitAsync(TimeSpan.FromMinutes(4), TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            return (process.ExitCode, output + await errors);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }
}
