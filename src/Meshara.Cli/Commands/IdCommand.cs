using System.CommandLine;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;
using Meshara.Cli.Running;

namespace Meshara.Cli.Commands;

/// <summary><c>meshara id</c>: the node's id and public key; makes the identity if there is none, and with <c>--rotate</c> a new one.</summary>
internal static class IdCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    public static Command Create(Terminal terminal)
    {
        Option<string> data = CommonOptions.Data();
        Option<bool> json = CommonOptions.Json();
        Option<string?> passphraseFile = CommonOptions.PassphraseFile();
        Option<bool> rotate = IdRotation.Rotate();
        Option<double?> overlap = IdRotation.Overlap();
        Command command = new("id", "Show the node's id and public key; makes them if there are none.") { rotate, overlap, data, json, passphraseFile };
        command.Validators.Add(result =>
        {
            if (result.GetResult(overlap) is not null && !result.GetValue(rotate))
            {
                result.AddError("--overlap says how long the old key is accepted after --rotate: give both.");
            }
        });
        command.SetAction(async (parsed, ct) =>
        {
            string directory = parsed.GetValue(data)!;
            if (parsed.GetValue(rotate))
            {
                TimeSpan? kept = parsed.GetValue(overlap) is { } days ? TimeSpan.FromDays(days) : null;
                await IdRotation.RunAsync(terminal, directory, parsed.GetValue(passphraseFile), kept, parsed.GetValue(json), ct);
                return ExitCode.Done;
            }

            using NodeIdentity identity = await Passphrase.UseAsync(
                terminal, parsed.GetValue(passphraseFile), passphrase => Task.FromResult(NodeIdentity.LoadOrCreate(Path.Combine(directory, "identity.pem"), passphrase)), ct);
            string? running = await RunningAsync(terminal, directory, ct);
            IdLine line = new(identity.Id.ToString(), identity.PublicKey.ToString()) { RunningNodeId = running == identity.Id.ToString() ? null : running };
            if (parsed.GetValue(json))
            {
                terminal.WriteJson(line, OutputJson.Default.IdLine);
            }
            else
            {
                terminal.WriteLine($"node id     {line.NodeId}");
                terminal.WriteLine($"public key  {line.PublicKey}");
                if (line.RunningNodeId is { } old)
                {
                    terminal.WriteLine($"The running node still uses {Safe.Text(old, 64)} until its next start.");
                }
            }

            return ExitCode.Done;
        });
        return command;
    }

    // Its own id is what this command is asked for; a node that cannot be asked about its does not matter.
    private static async Task<string?> RunningAsync(Terminal terminal, string dataDirectory, CancellationToken cancellationToken)
    {
        try
        {
            ControlRequest request = new() { Command = ControlCommand.Info };
            return (await ControlClient.CallAsync(dataDirectory, request, null, terminal.Time, cancellationToken, Patience)).Info?.NodeId;
        }
        catch (ControlException)
        {
            return null;
        }
    }
}
