using System.CommandLine;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Commands;

/// <summary><c>meshara remove ID</c>: end the link and forget the peer.</summary>
internal static class RemoveCommand
{
    public static Command Create(Terminal terminal)
    {
        Option<string> data = CommonOptions.Data();
        Option<bool> json = CommonOptions.Json();
        Argument<string> peer = CommonOptions.Peer(terminal);
        Command command = new("remove", "End the link to a peer and forget it.") { peer, data, json };
        command.SetAction(async (parsed, ct) =>
        {
            ControlReply reply = await ControlClient.CallAsync(
                parsed.GetValue(data)!, new ControlRequest { Command = ControlCommand.Remove, Peer = parsed.GetValue(peer) }, null, terminal.Time, ct);
            Outcome.Write(terminal, parsed.GetValue(json), new DoneLine("removed", reply.Peer ?? ""), $"{reply.Peer} is removed");
            return ExitCode.Done;
        });
        return command;
    }
}
