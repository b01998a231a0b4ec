using System.CommandLine;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Commands.Trust;

/// <summary><c>meshara trust list</c>: the pins, read from the file, so that a node may run or not.</summary>
internal static class TrustListCommand
{
    public static Command Create(Terminal terminal)
    {
        Option<string> data = CommonOptions.Data();
        Option<bool> json = CommonOptions.Json();
        Command command = new("list", "Show the pinned peers: who may join, whether they are connected or not.") { data, json };
        command.SetAction((parsed, _) =>
        {
            string directory = parsed.GetValue(data)!;
            IReadOnlyList<TrustedPeer> pins = TrustFile.Read(directory);
            DateTimeOffset now = terminal.Time.GetUtcNow();
            ILookup<NodeId, OlderKey> older = OlderKey.Read(directory).Where(key => key.Until > now).ToLookup(static key => key.Peer);
            if (parsed.GetValue(json))
            {
                terminal.WriteJson(new TrustLine([.. pins.Select(pin => PinLine.Of(pin, older[pin.Id]))]), OutputJson.Default.TrustLine);
            }
            else if (pins.Count == 0)
            {
                terminal.WriteLine("No peer is pinned. 'meshara add ADDRESS' or 'meshara trust add PUBKEY' pins one.");
            }
            else
            {
                foreach (TrustedPeer pin in pins)
                {
                    Write(terminal, pin, older[pin.Id]);
                }
            }

            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }

    private static void Write(Terminal terminal, TrustedPeer pin, IEnumerable<OlderKey> older)
    {
        terminal.WriteLine(pin.Name is { } name ? $"{pin.Id}  {Safe.Text(name)}" : $"{pin.Id}");
        foreach (PeerAddress address in pin.Addresses)
        {
            terminal.WriteLine($"    {Safe.Text(address.HostAndPort, 400)}");
        }

        foreach (OlderKey key in older)
        {
            terminal.WriteLine($"    also accepts {key.Id} until {Show.Date(key.Until, terminal.Time)}");
        }
    }
}
