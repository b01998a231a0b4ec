using System.Diagnostics;
using Xunit;

namespace Meshara.Tests;

/// <summary>A program of the system (openssl, flock); a test that needs one which is missing is skipped with the reason.</summary>
internal static class Tool
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(60);

    public static async Task<(int ExitCode, byte[] Output, string Error)> RunAsync(string program, params string[] arguments)
    {
        using Process process = Start(program, arguments);
        process.StandardInput.Close();
        using MemoryStream output = new();
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.StandardOutput.BaseStream.CopyToAsync(output).WaitAsync(Guard);
        string errorText = await error.WaitAsync(Guard);
        await process.WaitForExitAsync().WaitAsync(Guard);
        return (process.ExitCode, output.ToArray(), errorText);
    }

    /// <summary>Runs it and fails the test unless it exits with 0.</summary>
    public static async Task<byte[]> OutputOfAsync(string program, params string[] arguments)
    {
        (int exitCode, byte[] output, string error) = await RunAsync(program, arguments);
        Assert.True(exitCode == 0, $"{program} {string.Join(' ', arguments)} exited with {exitCode}: {error}");
        return output;
    }

    public static Process Start(string program, params string[] arguments) => StartIn(temporary: null, program, arguments);

    /// <summary>Starts it with a folder of the test's for its temporary files, which it cannot remove when it is killed; null: that of the system.</summary>
    public static Process StartIn(string? temporary, string program, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (temporary is not null)
        {
            start.Environment["TMPDIR"] = temporary;
        }

        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            Assert.Skip($"{program} cannot be started here: {e.Message}");
            throw;
        }
    }
}
