using System.CommandLine;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Commands;

/// <summary><c>meshara peers</c>: to whom the running node has a link, and with <c>--explain</c> what it knows of one peer and why.</summary>
internal static class PeersCommand
{
    public static Command Create(Terminal terminal)
    {
        Option<string> data = CommonOptions.Data();
        Option<bool> json = CommonOptions.Json();
        Option<string?> explain = new("--explain")
        {
            HelpName = "ID",
            Description = "Say what is known of this peer, linked or not, and what raised and lowered its reputation: 64 hex digits, or the first 8 or more of a linked or pinned one.",
        };
        CommonOptions.IsPeer(explain, terminal);
        Command command = new("peers", "List the peers that the running node has a link to; --explain tells all about one.") { explain, data, json };
        command.SetAction(async (parsed, ct) =>
        {
            if (parsed.GetValue(explain) is { } peer)
            {
                await ExplainAsync(terminal, parsed.GetValue(data)!, peer, parsed.GetValue(json), ct);
                return ExitCode.Done;
            }

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

    private static async Task ExplainAsync(Terminal terminal, string data, string peer, bool json, CancellationToken cancellationToken)
    {
        ControlReply reply = await ControlClient.CallAsync(
            data, new ControlRequest { Command = ControlCommand.Explain, Peer = peer }, null, terminal.Time, cancellationToken);
        ExplanationLine explanation = reply.Explanation ?? throw new CliException("The running node answered without an answer: is it of another version?");
        if (json)
        {
            terminal.WriteJson(explanation, OutputJson.Default.ExplanationLine);
            return;
        }

        foreach (string line in ExplanationText.Of(explanation, terminal.Time))
        {
            terminal.WriteLine(line);
        }
    }
}
