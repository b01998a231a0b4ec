using System.CommandLine;
using Meshara.Cli.Demo;
using Meshara.Cli.Running;

namespace Meshara.Cli.Commands;

/// <summary><c>meshara demo</c>: three nodes in this process, and what the mesh does for them.</summary>
internal static class DemoCommand
{
    public static Command Create(Terminal terminal)
    {
        Command command = new("demo", "Show a mesh of three nodes in this process: pinned keys, messages, a node that dies and returns, an impostor.");
        command.SetAction(async (_, ct) =>
        {
            using StopSignals signals = new(terminal.Time, ct);
            await new Demonstration(terminal).RunAsync(signals.Token);
            return ExitCode.Done;
        });
        return command;
    }
}
