using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Meshara.Cli.Demo;
using Xunit;

namespace Meshara.Cli.Tests.Support;

/// <summary>The built command in a process of its own, or the one at <c>MESHARA_TEST_COMMAND</c> (as published). Killed at the end of the test if it lives still.</summary>
internal sealed class Child : IAsyncDisposable
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly Task _output;
    private readonly Task _error;

    private Child(Process process)
    {
        _process = process;
        _output = CollectAsync(process.StandardOutput, Output);
        _error = CollectAsync(process.StandardError, Error);
    }

    /// <summary>Lines of standard output.</summary>
    public Journal<string> Output { get; } = new();

    /// <summary>Lines of standard error.</summary>
    public Journal<string> Error { get; } = new();

    public int Id => _process.Id;

    public static Child Start(params string[] args) => Start([], args);

    public static Child Start(Dictionary<string, string> environment, params string[] args) => Start((NetworkNamespace?)null, environment, args);

    /// <summary>Starts it in a network of its own.</summary>
    public static Child Start(NetworkNamespace network, params string[] args) => Start(network, [], args);

    /// <summary>Starts it by way of another program, whose words come first.</summary>
    public static Child StartBy(string[] by, params string[] args) => Start(command => [.. by, .. command], [], args);

    private static Child Start(NetworkNamespace? network, Dictionary<string, string> environment, string[] args) =>
        Start(command => network?.Command(command[0], command[1..]) ?? command, environment, args);

    private static Child Start(Func<string[], string[]> by, Dictionary<string, string> environment, string[] args)
    {
        string dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        string[] meshara = Environment.GetEnvironmentVariable("MESHARA_TEST_COMMAND") is { Length: > 0 } published
            ? [published]
            : [dotnet, Path.Combine(AppContext.BaseDirectory, "Meshara.Cli.dll")];

        // A shell that runs the tests in the background hands on an ignored SIGINT, and a child keeps it so.
        string[] command = by(OperatingSystem.IsLinux() ? ["env", "--default-signal=INT", .. meshara] : meshara);
        ProcessStartInfo start = new(command[0])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string word in command[1..])
        {
            start.ArgumentList.Add(word);
        }

        foreach (string arg in args)
        {
            start.ArgumentList.Add(arg);
        }

        Quieten(start);
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        Process process = Process.Start(start)!;
        process.StandardInput.Close();
        return new Child(process);
    }

    /// <summary>Takes from its environment what would change its answers, keeps it from leaving sockets for debuggers behind when it is killed, and from compiling for a long life.</summary>
    public static void Quieten(ProcessStartInfo start)
    {
        start.Environment.Remove("MESHARA_PASSPHRASE");
        start.Environment["DOTNET_EnableDiagnostics"] = "0";

        // Methods are compiled again after so many calls (hexadecimal), not after 30: a quarter of the processor time of this suite.
        start.Environment["DOTNET_TC_CallCountThreshold"] = "1000";
    }

    /// <summary>Runs the command to its end.</summary>
    public static async Task<(int ExitCode, string Output, string Error)> RunAsync(params string[] args)
    {
        await using Child child = Start(args);
        int exitCode = await child.ExitAsync();
        return (exitCode, child.AllOutput(), child.AllError());
    }

    /// <summary>The first event of this name, from place <paramref name="from"/> of the output on.</summary>
    public async Task<JsonElement> EventAsync(string name, int from = 0)
    {
        using CancellationTokenSource guard = new(Guard, TimeProvider.System);
        try
        {
            string line = await Output.FirstAsync(line => Parse(line).GetProperty("event").GetString() == name, from, guard.Token);
            return Parse(line);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"No event '{name}'. Output:\n{AllOutput()}\nError:\n{AllError()}");
            throw;
        }
    }

    public static JsonElement Parse(string line)
    {
        using JsonDocument document = JsonDocument.Parse(line);
        return document.RootElement.Clone();
    }

    /// <summary>Waits for the process and for its last line.</summary>
    public async Task<int> ExitAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(Guard);
        await Task.WhenAll(_output, _error).WaitAsync(Guard);
        return _process.ExitCode;
    }

    /// <summary>Sends a signal by its name, as the kill command knows it.</summary>
    public async Task SignalAsync(string name)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Signals are of Unix.");
        using Process kill = Process.Start("kill", [$"-{name}", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync().WaitAsync(Guard);
        Assert.Equal(0, kill.ExitCode);
    }

    public string AllOutput() => string.Join('\n', Output.ToArray());

    public string AllError() => string.Join('\n', Error.ToArray());

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync().WaitAsync(Guard);
        }

        await Task.WhenAll(_output, _error).WaitAsync(Guard);
        _process.Dispose();
    }

    private static async Task CollectAsync(StreamReader reader, Journal<string> lines)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lines.Add(line);
        }
    }
}
