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
            Description = "Say what is known of this peer, linked or not, and what raised and lowered its reputation: 64 hex digits, or the first 8 or more of a known one.",
        };
        CommonOptions.IsPeer(explain, terminal);
        Option<bool> banned = new("--banned") { Description = "List who is banned for its conduct, until when and why." };
        Option<string?> forgive = new("--forgive")
        {
            HelpName = "ID",
            Description = "Lift a peer's ban and set its reputation to 0: 64 hex digits, or the first 8 or more of a banned one.",
        };
        CommonOptions.IsPeer(forgive, terminal);
        Command command = new("peers", "List the peers that the running node has a link to; --explain tells all about one, --banned who may not join.") { explain, banned, forgive, data, json };
        command.Validators.Add(result =>
        {
            if (((Option[])[explain, banned, forgive]).Count(option => result.GetResult(option) is { Implicit: false }) > 1)
            {
                result.AddError("--explain, --banned and --forgive exclude each other.");
            }
        });
        command.SetAction(async (parsed, ct) =>
        {
            if (parsed.GetValue(banned))
            {
                await ListBannedAsync(terminal, parsed.GetValue(data)!, parsed.GetValue(json), ct);
                return ExitCode.Done;
            }

            if (parsed.GetValue(forgive) is { } forgiven)
            {
                await ForgiveAsync(terminal, parsed.GetValue(data)!, forgiven, parsed.GetValue(json), ct);
                return ExitCode.Done;
            }

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
    public static Task<List<PeerLine>> ListAsync(Terminal terminal, string data, CancellationToken cancellationToken) =>
        GatherAsync(terminal, data, ControlCommand.Peers, static part => part.Row, cancellationToken);

    private static async Task<List<T>> GatherAsync<T>(Terminal terminal, string data, string command, Func<ControlReply, T?> of, CancellationToken cancellationToken)
        where T : class
    {
        List<T> all = [];
        await ControlClient.CallAsync(
            data,
            new ControlRequest { Command = command },
            part =>
            {
                if (of(part) is { } one)
                {
                    all.Add(one);
                }
            },
            terminal.Time,
            cancellationToken);
        return all;
    }

    private static async Task ListBannedAsync(Terminal terminal, string data, bool json, CancellationToken cancellationToken)
    {
        List<BannedLine> banned = await GatherAsync(terminal, data, ControlCommand.Banned, static part => part.Banned, cancellationToken);
        if (json)
        {
            terminal.WriteJson(new BannedLines(banned), OutputJson.Default.BannedLines);
            return;
        }

        DateTimeOffset now = terminal.Time.GetUtcNow();
        foreach (BannedLine peer in banned)
        {
            string why = peer.Reason is { } reason ? $", {ExplanationText.Cause(reason)}" : "";
            terminal.WriteLine($"{Safe.Text(peer.Peer, 64)}  until {Show.Date(peer.Until, terminal.Time)} ({Show.Span(peer.Until - now)} from now){why}, ban number {peer.BanCount}");
        }

        terminal.WriteLine(banned.Count == 0 ? "nobody is banned" : "To lift a ban: meshara peers --forgive ID");
    }

    private static async Task ForgiveAsync(Terminal terminal, string data, string peer, bool json, CancellationToken cancellationToken)
    {
        ControlReply reply = await ControlClient.CallAsync(
            data, new ControlRequest { Command = ControlCommand.Forgive, Peer = peer }, null, terminal.Time, cancellationToken);
        string id = reply.Peer ?? peer;
        if (json)
        {
            terminal.WriteJson(new DoneLine("forgiven", id), OutputJson.Default.DoneLine);
            return;
        }

        terminal.WriteLine($"{id} is forgiven: not banned, reputation 0. It comes back when its own wait is over; to dial it now: meshara add ADDRESS");
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
