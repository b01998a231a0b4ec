using System.CommandLine;
using System.CommandLine.Parsing;
using Meshara.Cli.Service;

namespace Meshara.Cli.Commands.Service;

/// <summary><c>meshara service install -- RUN-OPTIONS</c>: writes a systemd unit and starts it.</summary>
internal static class ServiceInstallCommand
{
    // What ProtectHome and PrivateTmp hide from the service.
    private static readonly string[] Hidden = ["/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/"];

    public static Command Create(Terminal terminal)
    {
        Option<string> name = ServiceCommand.Name();
        Option<bool> user = ServiceCommand.User();
        Option<bool> dryRun = new("--dry-run") { Description = "Print the unit and change nothing." };
        Option<bool> noStart = new("--no-start") { Description = "Write the unit, but do not start it." };
        Argument<string[]> options = new("RUN-OPTIONS")
        {
            Description = "Options of 'meshara run', after --; for example: -- --mesh gpu --secret-file /etc/meshara.secret --preset bridge",
            Arity = ArgumentArity.ZeroOrMore,
        };
        Command command = new("install", "Write a systemd unit for 'meshara run', with hardening, and start it.") { name, user, dryRun, noStart, options };
        command.Validators.Add(result => CheckRun(terminal, result, result.GetValue(options) ?? []));
        command.SetAction(async (parsed, _) =>
        {
            string[] run = parsed.GetValue(options) ?? [];
            ServiceUnit unit = Unit(parsed.GetValue(name)!, parsed.GetValue(user), run);
            if (parsed.GetValue(dryRun))
            {
                terminal.WriteLine(unit.Format().TrimEnd());
                return ExitCode.Done;
            }

            await ServiceCommand.Installer(terminal, parsed.GetValue(user)).InstallAsync(unit, start: !parsed.GetValue(noStart));
            terminal.WriteLine(parsed.GetValue(user)
                ? "ask it    meshara info"
                : $"ask it    sudo meshara info --data /var/lib/{unit.Name}");
            return ExitCode.Done;
        });
        return command;
    }

    private static void CheckRun(Terminal terminal, CommandResult result, string[] run)
    {
        if (RunCommand.Create(terminal).Parse(run).Errors is [{ } first, ..])
        {
            result.AddError($"'meshara run' would not take these options: {first.Message}");
        }
        else if (run.Any(static word => word is "--data" || word.StartsWith("--data=", StringComparison.Ordinal) || word.Contains('\n', StringComparison.Ordinal)))
        {
            result.AddError("The service has a data directory of its own: leave --data out, and line breaks too.");
        }
    }

    private static ServiceUnit Unit(string name, bool user, string[] run)
    {
        string[] program = Program();
        if (!user && program.FirstOrDefault(static p => Hidden.Any(h => p.StartsWith(h, StringComparison.Ordinal))) is { } unreachable)
        {
            throw new CliException($"A service of the system cannot run {unreachable}: home and temporary directories are closed to it. Copy the command to a place such as /usr/local/lib/meshara and run it from there, or install with --user.");
        }

        bool low = run.SkipWhile(static w => w != "--listen").Any(static w => w.LastIndexOf(':') is >= 0 and int colon && ushort.TryParse(w.AsSpan(colon + 1), out ushort port) && port is > 0 and < 1024);
        return new ServiceUnit
        {
            Name = name,
            Program = program,
            Arguments = [.. run.SelectMany(Split)],
            DataDirectory = user ? CommonOptions.DefaultDirectory() : null,
            NeedsLowPort = low,
        };
    }

    // --secret-file=FILE becomes two words, as the unit looks for the file after the option.
    private static string[] Split(string word) =>
        word.IndexOf('=', StringComparison.Ordinal) is > 2 and int equals && word.StartsWith("--", StringComparison.Ordinal) ? [word[..equals], word[(equals + 1)..]] : [word];

    private static string[] Program()
    {
        string process = Environment.ProcessPath ?? throw new CliException("The path of this program is unknown.");
        return Path.GetFileNameWithoutExtension(process) == "dotnet"
            ? [process, Path.Combine(AppContext.BaseDirectory, "Meshara.Cli.dll")]
            : [process];
    }
}
