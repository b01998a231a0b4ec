using System.CommandLine;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;

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

    /// <summary>Since when a key may join, and whose node: what is trusted for a directory that no node has may be a mistyped one.</summary>
    public static string MayConnect(bool running, string dataDirectory) =>
        running ? "may connect to this node now" : $"may connect to the node of {Safe.Text(dataDirectory, 4096)} when it runs";

    /// <summary>Asks the running node; where none runs, does it on the files, which are then nobody else's.</summary>
    /// <returns>Whether a node runs, which has done it.</returns>
    public static async Task<bool> ChangeAsync(Terminal terminal, string dataDirectory, ControlRequest request, Action onFiles, CancellationToken cancellationToken)
    {
        try
        {
            await ControlClient.CallAsync(dataDirectory, request, null, terminal.Time, cancellationToken);
            return true;
        }
        catch (ControlException e) when (e.Code == ControlException.NotRunning)
        {
            onFiles();
            return false;
        }
    }
}
