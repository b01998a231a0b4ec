using System.CommandLine;
using System.CommandLine.Parsing;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Commands;

/// <summary><c>meshara add ADDRESS</c>: connect, check the key, and keep the peer.</summary>
internal static class AddCommand
{
    public static Command Create(Terminal terminal)
    {
        Option<string> data = CommonOptions.Data();
        Option<bool> json = CommonOptions.Json();
        Argument<string> address = new("ADDRESS") { Description = "host:port, or id@host:port to say who must answer there." };
        address.Validators.Add(static result => CommonOptions.Try(result, () => PeerAddress.Parse(result.Tokens[0].Value)));
        Option<string?> key = new("--pubkey") { HelpName = "HEX", Description = "The public key that must answer there." };
        key.Validators.Add(static result => CommonOptions.Try(result, () => result.Tokens is [{ Value: { } text }] ? PublicKey.Parse(text) : null));
        Command command = new("add", "Connect to a peer, check its key, keep it, and print its id.") { address, key, data, json };
        command.Validators.Add(result =>
        {
            // The tokens: a value with an error of its own, which is told already, cannot be asked for.
            if (PeerAddress.TryParse(Text(result.GetResult(address)), out PeerAddress? to) && PublicKey.TryParse(Text(result.GetResult(key)), out PublicKey? expected)
                && to.Id is { } id && id != expected.Id)
            {
                result.AddError($"The address names {id}, but --pubkey is the key of {expected.Id}.");
            }
        });
        command.SetAction(async (parsed, ct) =>
        {
            string where = parsed.GetValue(address)!;
            ControlReply reply = await ControlClient.CallAsync(
                parsed.GetValue(data)!,
                new ControlRequest { Command = ControlCommand.Add, Address = where, PublicKey = parsed.GetValue(key) },
                null,
                terminal.Time,
                ct);
            if (reply.AlreadyLinked == true && !parsed.GetValue(json))
            {
                terminal.Complain("already linked; the peer is kept with this address");
            }

            Outcome.Write(terminal, parsed.GetValue(json), new DoneLine("added", reply.Peer ?? "") { Address = where, AlreadyLinked = reply.AlreadyLinked }, reply.Peer ?? "");
            return ExitCode.Done;
        });
        return command;
    }

    private static string? Text(SymbolResult? result) => result is { Tokens: [{ Value: { } text }, ..] } ? text : null;
}
