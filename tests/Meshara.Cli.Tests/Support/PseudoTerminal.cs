using System.Diagnostics;
using Xunit;

namespace Meshara.Cli.Tests.Support;

/// <summary>The built command at the keyboard of a terminal of its own, its output in a file. Skipped where Linux or python3, which makes the terminal, is missing.</summary>
internal sealed class PseudoTerminal : IDisposable
{
    private const string Script = """
        import os, pty, sys, threading
        error = os.dup(2)
        child, terminal = pty.fork()
        if child == 0:
            os.dup2(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 1)
            os.dup2(error, 2)
            os.execvp(sys.argv[2], sys.argv[2:])
        def type():
            while keys := os.read(0, 100):
                os.write(terminal, keys)
        threading.Thread(target=type, daemon=True).start()
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """;

    private readonly Process _process;

    private PseudoTerminal(Process process) => _process = process;

    /// <summary>Starts it; its standard output goes to <paramref name="output"/>.</summary>
    public static PseudoTerminal Start(string output, params string[] args)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Pseudo-terminals are made as on Linux.");
        string dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        string[] command = ["env", "--default-signal=INT", dotnet, Path.Combine(AppContext.BaseDirectory, "Meshara.Cli.dll"), .. args];
        ProcessStartInfo start = new("python3", ["-c", Script, output, .. command])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardError = true,
        };
        Child.Quieten(start);
        try
        {
            return new PseudoTerminal(Process.Start(start)!);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            Assert.Skip($"python3 cannot be started here: {e.Message}");
            throw;
        }
    }

    /// <summary>Presses keys; Ctrl-C is <c>\x3</c>, Ctrl-D <c>\x4</c>.</summary>
    public async Task TypeAsync(string keys)
    {
        await _process.StandardInput.WriteAsync(keys);
        await _process.StandardInput.FlushAsync();
    }

    /// <summary>The next line of standard error.</summary>
    public async Task<string> ErrorLineAsync() => await _process.StandardError.ReadLineAsync().WaitAsync(CommandBed.Guard) ?? "";

    /// <summary>What is left of standard error.</summary>
    public Task<string> ErrorAsync() => _process.StandardError.ReadToEndAsync().WaitAsync(CommandBed.Guard);

    public async Task<int> ExitAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(CommandBed.Guard);
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        _process.Dispose();
    }
}
