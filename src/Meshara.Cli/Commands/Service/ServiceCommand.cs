using System.CommandLine;
using System.Diagnostics;
using Meshara.Cli.Service;

namespace Meshara.Cli.Commands.Service;

/// <summary><c>meshara service install|uninstall</c>: a node that systemd starts and keeps running.</summary>
internal static class ServiceCommand
{
    public static Command Create(Terminal terminal) => new("service", "Let systemd run a node.")
    {
        ServiceInstallCommand.Create(terminal),
        ServiceUninstallCommand.Create(terminal),
    };

    public static Option<string> Name()
    {
        Option<string> name = new("--name")
        {
            HelpName = "NAME",
            Description = "Name of the service, and of its directory under /var/lib.",
            DefaultValueFactory = static _ => "meshara",
        };
        name.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: { } text }] && (text.Length is 0 or > 64 || !text.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_') || text[0] == '-'))
            {
                result.AddError("--name needs 1 to 64 letters, digits, - and _.");
            }
        });
        return name;
    }

    public static Option<bool> User() => new("--user") { Description = "A service of this user, not of the system." };

    public static ServiceInstaller Installer(Terminal terminal, bool user)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new CliException("Services are written for systemd on Linux only. Elsewhere let the system's own tool start 'meshara run'.");
        }

        string directory = user
            ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData, Environment.SpecialFolderOption.DoNotVerify), "systemd", "user")
            : "/etc/systemd/system";

        // sd_booted(3).
        bool runs = Directory.Exists("/run/systemd/system");
        string[] scope = user ? ["--user"] : [];
        return new ServiceInstaller(directory, runs ? args => SystemctlAsync([.. scope, .. args]) : null, terminal.WriteLine) { Scope = user ? "--user " : "" };
    }

    private static async Task<int> SystemctlAsync(IReadOnlyList<string> args)
    {
        using Process process = Process.Start("systemctl", args);
        await process.WaitForExitAsync();
        return process.ExitCode;
    }
}
