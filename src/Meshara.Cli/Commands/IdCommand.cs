using System.CommandLine;
using Meshara.Cli.Rendering;
using Meshara.Cli.Running;

namespace Meshara.Cli.Commands;

/// <summary><c>meshara id</c>: the node's id and public key; makes the identity if there is none.</summary>
internal static class IdCommand
{
    public static Command Create(Terminal terminal)
    {
        Option<string> data = CommonOptions.Data();
        Option<bool> json = CommonOptions.Json();
        Option<string?> passphraseFile = CommonOptions.PassphraseFile();
        Command command = new("id", "Show the node's id and public key; makes them if there are none.") { data, json, passphraseFile };
        command.SetAction(async (parsed, _) =>
        {
            string directory = parsed.GetValue(data)!;
            using NodeIdentity identity = await Passphrase.UseAsync(
                terminal, parsed.GetValue(passphraseFile), passphrase => Task.FromResult(NodeIdentity.LoadOrCreate(Path.Combine(directory, "identity.pem"), passphrase)));
            if (parsed.GetValue(json))
            {
                terminal.WriteJson(new IdLine(identity.Id.ToString(), identity.PublicKey.ToString()), OutputJson.Default.IdLine);
            }
            else
            {
                terminal.WriteLine($"node id     {identity.Id}");
                terminal.WriteLine($"public key  {identity.PublicKey}");
            }

            return ExitCode.Done;
        });
        return command;
    }
}
