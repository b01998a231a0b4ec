using System.CommandLine;

namespace Meshara.Cli.Commands.Service;

/// <summary><c>meshara service uninstall</c>: stops the service and removes its unit.</summary>
internal static class ServiceUninstallCommand
{
    public static Command Create(Terminal terminal)
    {
        Option<string> name = ServiceCommand.Name();
        Option<bool> user = ServiceCommand.User();
        Command command = new("uninstall", "Stop the service and remove its unit; identity, pins and what was learned of peers stay.") { name, user };
        command.SetAction(async (parsed, _) =>
        {
            string called = parsed.GetValue(name)!;
            await ServiceCommand.Installer(terminal, parsed.GetValue(user)).UninstallAsync(called);
            terminal.WriteLine(parsed.GetValue(user) ? $"stays     {CommonOptions.DefaultDirectory()}" : $"stays     /var/lib/{called} (identity, pins, what was learned of peers)");
            return ExitCode.Done;
        });
        return command;
    }
}
