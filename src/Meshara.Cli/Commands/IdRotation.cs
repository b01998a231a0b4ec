using System.CommandLine;
using System.Globalization;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;
using Meshara.Cli.Running;

namespace Meshara.Cli.Commands;

/// <summary><c>meshara id --rotate</c>: a new key in the place of the node's own, with or without a running node.</summary>
internal static class IdRotation
{
    /// <summary><c>--rotate</c>.</summary>
    public static Option<bool> Rotate() => new("--rotate")
    {
        Description = "Make a new key, signed by the old one, in its place. Peers follow by themselves; a running node takes it at its next start.",
    };

    /// <summary><c>--overlap DAYS</c>.</summary>
    public static Option<double?> Overlap()
    {
        Option<double?> option = new("--overlap")
        {
            HelpName = "DAYS",
            Description = $"With --rotate: for how many days peers accept the old key still, 0 (it was stolen) to {NodeIdentity.DefaultOverlap.TotalDays:0}, which is the default.",
        };
        option.Validators.Add(static result =>
        {
            string text = result.Tokens.Count > 0 ? result.Tokens[0].Value : "";
            bool isNumber = double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double days);
            if (!isNumber || !(days >= 0 && days <= NodeIdentity.DefaultOverlap.TotalDays))
            {
                result.AddError($"--overlap takes a number of days from 0 to {NodeIdentity.DefaultOverlap.TotalDays:0}.");
            }
        });
        return option;
    }

    /// <summary>Asks the running node; where none runs, does it on the file.</summary>
    public static async Task RunAsync(Terminal terminal, string dataDirectory, string? passphraseFile, TimeSpan? overlap, bool json, CancellationToken cancellationToken)
    {
        RotationLine line;
        double seconds = (overlap ?? NodeIdentity.DefaultOverlap).TotalSeconds;
        try
        {
            ControlRequest request = new() { Command = ControlCommand.RotateIdentity, OverlapSeconds = seconds };
            ControlReply reply = await ControlClient.CallAsync(dataDirectory, request, null, terminal.Time, cancellationToken);
            PublicKey renewed = PublicKey.Parse(reply.PublicKey ?? throw new CliException("The running node answered without an answer: is it of another version?"));
            line = new RotationLine(reply.Peer ?? "", renewed.Id.ToString(), renewed.ToString(), seconds, RestartNeeded: true);
        }
        catch (ControlException e) when (e.Code == ControlException.NotRunning)
        {
            using NodeIdentity renewed = await Passphrase.UseAsync(
                terminal, passphraseFile, passphrase => Task.FromResult(NodeIdentity.RotateIn(dataDirectory, passphrase, overlap, terminal.Time)), cancellationToken);
            line = new RotationLine(renewed.Predecessors[^1].ToString(), renewed.Id.ToString(), renewed.PublicKey.ToString(), seconds, RestartNeeded: false);
        }

        if (json)
        {
            terminal.WriteJson(line, OutputJson.Default.RotationLine);
        }
        else
        {
            Write(terminal, line, dataDirectory);
        }
    }

    private static void Write(Terminal terminal, RotationLine line, string dataDirectory)
    {
        terminal.WriteLine($"old id      {line.OldId}");
        terminal.WriteLine($"node id     {line.NodeId}");
        terminal.WriteLine($"public key  {line.PublicKey}");
        terminal.WriteLine(line.RestartNeeded
            ? "The running node has the old key until it starts anew: restart it."
            : "It takes effect at the next start.");
        string time = TimeSpan.FromSeconds(line.OverlapSeconds).TotalDays.ToString("0.##", CultureInfo.InvariantCulture);
        terminal.WriteLine(line.OverlapSeconds > 0
            ? $"Peers that pinned the old key follow to the new one when they meet it, and accept the old one for {time} days still."
            : "Peers that pinned the old key follow to the new one when they meet it, and from then on refuse the old one. A peer that meets the thief first "
                + $"may follow him instead: have its operator look, and if need be run 'meshara trust replace {line.OldId} {line.PublicKey}'.");
        terminal.WriteLine($"The old key is gone: back up {Safe.Text(Path.Combine(dataDirectory, "identity.pem"), 4096)} anew.");
    }
}
