using System.CommandLine;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Commands;

/// <summary><c>meshara trust add PUBKEY</c>: admit a key without dialling it.</summary>
internal static class TrustCommand
{
    public static Command Create(Terminal terminal) => new("trust", "Say which keys may join.") { Add(terminal) };

    private static Command Add(Terminal terminal)
    {
        Option<string> data = CommonOptions.Data();
        Option<bool> json = CommonOptions.Json();
        Argument<string> key = new("PUBKEY") { Description = "The public key, as 'meshara id' prints it there; PEM is read too." };
        key.Validators.Add(static result => CommonOptions.Try(result, () => PublicKey.Parse(result.Tokens[0].Value)));
        Command command = new("add", "Admit a key without dialling: its node may then connect to this one.") { key, data, json };
        command.SetAction(async (parsed, ct) =>
        {
            // Whatever form was given, the node gets hex.
            string hex = PublicKey.Parse(parsed.GetValue(key)!).ToString();
            ControlReply reply = await ControlClient.CallAsync(
                parsed.GetValue(data)!, new ControlRequest { Command = ControlCommand.TrustAdd, PublicKey = hex }, null, terminal.Time, ct);
            Outcome.Write(terminal, parsed.GetValue(json), new DoneLine("trusted", reply.Peer ?? ""), $"{reply.Peer} may connect to this node now");
            return ExitCode.Done;
        });
        return command;
    }
}
