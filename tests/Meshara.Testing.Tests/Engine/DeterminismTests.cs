using System.Diagnostics;
using Meshara.Tests.Tidy;
using Xunit;

namespace Meshara.Testing.Tests.Engine;

/// <summary>Whole nodes that dial, refuse, exchange addresses and sign records of their own accord: the same seed has the same hash.</summary>
public sealed class DeterminismTests
{
    private const string Tiers = "DOTNET_TieredCompilation";

    [Fact]
    public async Task Hash_OfOneSeed_IsTheSameInARowAloneAndWithoutTiers()
    {
        string[] row = await HashesAsync(["idle", "--seeds", "1-2", "--hashes", "--set", "nodes=8", "--set", "minutes=5"]);
        string[] alone = await HashesAsync(["idle", "--seed", "2", "--hashes", "--set", "nodes=8", "--set", "minutes=5"]);
        string[] untiered = await HashesAsync(["idle", "--seed", "2", "--hashes", "--set", "nodes=8", "--set", "minutes=5"], (Tiers, "0"));

        Assert.Equal(2, row.Length);
        Assert.NotEqual(row[0].Split(' ')[1], row[1].Split(' ')[1]);
        Assert.Equal([row[1]], alone);
        Assert.Equal([row[1]], untiered);
    }

    // The harness would see it: without the seam for this key two runs part as soon as a reply holds two records.
    [Fact]
    public async Task Verify_KeysFromTheSystem_FindsTheFirstLineThatDiffers()
    {
        (int exit, string output) = await SimulatorAsync(["idle", "--seed", "1", "--verify", "--break", "table-key", "--set", "nodes=8", "--set", "minutes=5"]);

        Assert.Equal(1, exit);
        Assert.Contains("Two runs of this seed are not the same", output, StringComparison.Ordinal);
    }

    private static async Task<string[]> HashesAsync(string[] arguments, params (string Name, string Value)[] environment)
    {
        (int exit, string output) = await SimulatorAsync(arguments, environment);
        Assert.True(exit == 0, output);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
    }

    private static async Task<(int Exit, string Output)> SimulatorAsync(string[] arguments, params (string Name, string Value)[] environment)
    {
        string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        string program = Path.Combine(Repository.Root, "src", "Meshara.Simulator", "bin", configuration, "net10.0", "Meshara.Simulator.dll");
        ProcessStartInfo start = new("dotnet", [program, .. arguments]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, output + await errors);
    }
}
