using System.CommandLine;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Commands.Trust;

/// <summary><c>meshara trust replace PEER PUBKEY</c>: accept that a peer has another key now.</summary>
internal static class TrustReplaceCommand
{
    public static Command Create(Terminal terminal)
    {
        Option<string> data = CommonOptions.Data();
        Option<bool> json = CommonOptions.Json();
        Argument<string> peer = PinArgument.Create();
        Argument<string> key = TrustAddCommand.Key();
        Option<string?> confirm = new("--confirm")
        {
            HelpName = "NEW-ID",
            Description = "The new id, for scripts; otherwise it is asked for.",
        };
        Command command = new("replace", "Accept another key for a pinned peer whose identity was made anew; its name and addresses stay.")
        {
            peer, key, confirm, data, json,
        };
        command.SetAction(async (parsed, ct) =>
        {
            string directory = parsed.GetValue(data)!;
            PublicKey renewed = PublicKey.Parse(parsed.GetValue(key)!);
            TrustedPeer pin = PinArgument.Find(directory, parsed.GetValue(peer)!);
            if (pin.Id == renewed.Id)
            {
                throw new CliException($"{pin.Id} is pinned already: nothing to replace.");
            }

            Confirm(terminal, pin, renewed.Id, parsed.GetValue(confirm));
            ControlRequest request = new() { Command = ControlCommand.TrustReplace, Peer = pin.Id.ToString(), PublicKey = renewed.ToString() };
            bool running = await TrustCommand.ChangeAsync(terminal, directory, request, () => Replace(directory, pin, renewed), ct);
            Outcome.Write(terminal, parsed.GetValue(json), new DoneLine("replaced", renewed.Id.ToString()), $"{renewed.Id} {TrustCommand.MayConnect(running, directory)}, {pin.Id} no more");
            return ExitCode.Done;
        });
        return command;
    }

    // Whoever stands in between has a key too: the operator has to look at the id that the peer's own machine shows.
    private static void Confirm(Terminal terminal, TrustedPeer pin, NodeId renewed, string? given)
    {
        if (given is null)
        {
            terminal.Error.WriteLine($"pinned now   {pin.Id}{(pin.Name is { } name ? $"  {Safe.Text(name)}" : "")}");
            foreach (PeerAddress address in pin.Addresses)
            {
                terminal.Error.WriteLine($"             {Safe.Text(address.HostAndPort, 400)}");
            }

            terminal.Error.WriteLine($"new          {renewed}");
            terminal.Error.WriteLine("Run 'meshara id' on the peer's own machine. If it shows the new id, type that id here to accept it:");
            terminal.Error.Flush();
            given = terminal.Answers.Value.ReadLine()
                ?? throw new CliException("Nothing was replaced: no id was typed. In a script give --confirm NEW-ID.");
        }

        if (!NodeId.TryParse(given.Trim(), out NodeId typed) || typed != renewed)
        {
            throw new CliException($"Nothing was replaced: '{Safe.Text(given, 80)}' is not the id of the new key, {renewed}.");
        }
    }

    private static void Replace(string directory, TrustedPeer pin, PublicKey renewed)
    {
        if (!TrustFile.Replace(directory, pin.Id, renewed))
        {
            throw new CliException($"{pin.Id} is not pinned any more: nothing was replaced.");
        }
    }
}
