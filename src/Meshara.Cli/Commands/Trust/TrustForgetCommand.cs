using System.CommandLine;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Commands.Trust;

/// <summary><c>meshara trust forget PEER</c>: a key may join no more.</summary>
internal static class TrustForgetCommand
{
    public static Command Create(Terminal terminal)
    {
        Option<string> data = CommonOptions.Data();
        Option<bool> json = CommonOptions.Json();
        Argument<string> peer = PinArgument.Create();
        Command command = new("forget", "Unpin a peer; a running node ends the link to it.") { peer, data, json };
        command.SetAction(async (parsed, ct) =>
        {
            string directory = parsed.GetValue(data)!;
            TrustedPeer pin = PinArgument.Find(directory, parsed.GetValue(peer)!);
            ControlRequest request = new() { Command = ControlCommand.Remove, Peer = pin.Id.ToString() };
            bool running = await TrustCommand.ChangeAsync(terminal, directory, request, () => TrustFile.Remove(directory, pin.Id), ct);
            Outcome.Write(terminal, parsed.GetValue(json), new DoneLine("forgotten", pin.Id.ToString()), $"{pin.Id} may connect to {(running ? "this node" : $"the node of {Safe.Text(directory, 4096)}")} no more");
            return ExitCode.Done;
        });
        return command;
    }
}
