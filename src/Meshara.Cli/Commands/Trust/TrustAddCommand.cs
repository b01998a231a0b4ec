using System.CommandLine;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Commands.Trust;

/// <summary><c>meshara trust add PUBKEY</c>: admit a key without dialling it.</summary>
internal static class TrustAddCommand
{
    private const int LongestName = 64;

    public static Command Create(Terminal terminal)
    {
        Option<string> data = CommonOptions.Data();
        Option<bool> json = CommonOptions.Json();
        Argument<string> key = Key();
        Option<string?> name = new("--name") { HelpName = "NAME", Description = $"What to call the peer, at most {LongestName} characters." };
        name.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: { } text }] && (text.Length is 0 or > LongestName || text.Any(char.IsControl)))
            {
                result.AddError($"--name needs 1 to {LongestName} characters without control characters.");
            }
        });
        Command command = new("add", "Admit a key without dialling: its node may then connect to this one.") { key, name, data, json };
        command.SetAction(async (parsed, ct) =>
        {
            PublicKey trusted = PublicKey.Parse(parsed.GetValue(key)!);
            string? called = parsed.GetValue(name);
            string directory = parsed.GetValue(data)!;

            // Whatever form was given, the node gets hex.
            ControlRequest request = new() { Command = ControlCommand.TrustAdd, PublicKey = trusted.ToString(), Name = called };
            bool running = await TrustCommand.ChangeAsync(terminal, directory, request, () => TrustFile.Add(directory, trusted, called), ct);
            Outcome.Write(terminal, parsed.GetValue(json), new DoneLine("trusted", trusted.Id.ToString()), $"{trusted.Id} {TrustCommand.MayConnect(running, directory)}");
            return ExitCode.Done;
        });
        return command;
    }

    public static Argument<string> Key()
    {
        Argument<string> key = new("PUBKEY") { Description = "The public key, as 'meshara id' prints it there; PEM is read too." };
        key.Validators.Add(static result => CommonOptions.Try(result, () => PublicKey.Parse(result.Tokens[0].Value)));
        return key;
    }
}
