using System.CommandLine;
using Meshara.Cli.Control;

namespace Meshara.Cli.Commands.Trust;

/// <summary><c>meshara trust</c>: which keys may join. Works on a running node, or on the files of one that is stopped.</summary>
internal static class TrustCommand
{
    public static Command Create(Terminal terminal) => new("trust", "Say which keys may join.")
    {
        TrustListCommand.Create(terminal),
        TrustAddCommand.Create(terminal),
        TrustReplaceCommand.Create(terminal),
        TrustForgetCommand.Create(terminal),
    };

    /// <summary>Asks the running node; where none runs, does it on the files, which are then nobody else's.</summary>
    public static async Task ChangeAsync(Terminal terminal, string dataDirectory, ControlRequest request, Action onFiles, CancellationToken cancellationToken)
    {
        try
        {
            await ControlClient.CallAsync(dataDirectory, request, null, terminal.Time, cancellationToken);
        }
        catch (ControlException e) when (e.Code == ControlException.NotRunning)
        {
            onFiles();
        }
    }
}
