using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Meshara.Benchmarks.Scale;

/// <summary>From nothing to a node that listens: the command as README publishes it, with a data directory that does not exist yet.</summary>
internal static class StartUp
{
    // What the command prints once the node listens, before its addresses.
    private const string Listening = "Give others one of these addresses";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    public static async Task<IReadOnlyList<ScaleRow>> MeasureAsync(ScalePlan plan)
    {
        string folder = Directory.CreateTempSubdirectory("meshara-start").FullName;
        try
        {
            string command = plan.Command ?? await PublishAsync(folder);
            List<double> times = [], resident = [];

            // The first start reads the file from the disk.
            await StartAsync(command, Path.Combine(folder, "first"));
            for (int i = 0; i < (plan.Quick ? 3 : 10); i++)
            {
                (double milliseconds, double megabytes) = await StartAsync(command, Path.Combine(folder, $"{i}"));
                times.Add(milliseconds);
                resident.Add(megabytes);
            }

            return
            [
                new ScaleRow("`meshara run` as published, from exec to listening", "ms", times) { Target = Target.Most(250) },
                new ScaleRow("`meshara run` as published, resident when it listens", "MB", resident) { Target = Target.Most(100) },
            ];
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<(double Milliseconds, double Megabytes)> StartAsync(string command, string data)
    {
        ProcessStartInfo start = new(command, ["run", "--mesh", HubRole.Mesh, "--data", data, "--listen", "127.0.0.1:0"]) { UseShellExecute = false, RedirectStandardOutput = true };
        long began = Clock.Now;
        using Process node = Process.Start(start)!;
        try
        {
            while (await node.StandardOutput.ReadLineAsync().WaitAsync(Patience, TimeProvider.System) is { } line)
            {
                if (line.StartsWith(Listening, StringComparison.Ordinal))
                {
                    return (Clock.Since(began).TotalMilliseconds, ProcessMemory.ResidentOf(node.Id) / 1e6);
                }
            }
        }
        finally
        {
            node.Kill();
            await node.WaitForExitAsync();
        }

        throw new InvalidOperationException($"{command} ended before it listened.");
    }

    private static async Task<string> PublishAsync(string folder)
    {
        string to = Path.Combine(folder, "published");
        ProcessStartInfo publish = new("dotnet", ["publish", "src/Meshara.Cli", "-c", "Release", "-r", RuntimeInformation.RuntimeIdentifier, "-o", to, "--nologo", "-v", "quiet"])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        };
        await Console.Error.WriteLineAsync("The command is published first, which takes minutes (--command=FILE: one that is there already).");
        using Process process = Process.Start(publish)!;
        string said = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(Patience, TimeProvider.System);
        return process.ExitCode == 0 ? Path.Combine(to, "meshara") : throw new InvalidOperationException($"dotnet publish failed; with --command=FILE a command that is there is measured. {said}");
    }
}
