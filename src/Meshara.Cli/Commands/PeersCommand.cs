using System.CommandLine;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Commands;

/// <summary><c>meshara peers</c>: to whom the running node has a link.</summary>
internal static class PeersCommand
{
    public static Command Create(Terminal terminal)
    {
        Option<string> data = CommonOptions.Data();
        Option<bool> json = CommonOptions.Json();
        Command command = new("peers", "List the peers that the running node has a link to.") { data, json };
        command.SetAction(async (parsed, ct) =>
        {
            List<PeerLine> peers = await ListAsync(terminal, parsed.GetValue(data)!, ct);
            if (parsed.GetValue(json))
            {
                terminal.WriteJson(new PeersLine(peers), OutputJson.Default.PeersLine);
            }
            else if (peers.Count == 0)
            {
                terminal.WriteLine("no peers");
            }
            else
            {
                terminal.Console.Write(PeerTable.Create(peers, terminal.Console.Profile.Width, terminal.Time.GetUtcNow()));
            }

            return ExitCode.Done;
        });
        return command;
    }

    /// <summary>Asks the running node.</summary>
    public static async Task<List<PeerLine>> ListAsync(Terminal terminal, string data, CancellationToken cancellationToken)
    {
        List<PeerLine> peers = [];
        await ControlClient.CallAsync(
            data,
            new ControlRequest { Command = ControlCommand.Peers },
            part =>
            {
                if (part.Row is { } row)
                {
                    peers.Add(row);
                }
            },
            terminal.Time,
            cancellationToken);
        return peers;
    }
}
