using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Net.Sockets;
using Meshara.Cli.Commands;
using Meshara.Cli.Commands.Service;
using Meshara.Cli.Commands.Trust;

namespace Meshara.Cli;

/// <summary>The whole command: from arguments to an exit code.</summary>
internal static class App
{
    /// <summary>Runs the command; never throws.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<string> args, Terminal terminal, CancellationToken cancellationToken = default)
    {
        // '@' begins a message as well as any other letter: no response files.
        ParseResult parsed = Root(terminal).Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Action is ParseErrorAction)
        {
            // The parser also says that a command is missing where it could not read one.
            List<string> errors = [.. parsed.Errors.Select(static error => error.Message).Distinct(StringComparer.Ordinal)];
            terminal.Complain($"{string.Join(' ', errors.Count > 1 ? errors.Where(static error => !error.StartsWith("Required command", StringComparison.Ordinal)) : errors)} See: {Name(parsed.CommandResult)} --help");
            return ExitCode.Usage;
        }

        try
        {
            InvocationConfiguration configuration = new()
            {
                EnableDefaultExceptionHandler = false,

                // Commands that must end cleanly catch the signals themselves; the others may just die.
                ProcessTerminationTimeout = null,
                Output = terminal.Text,
                Error = terminal.Error,
            };
            return await parsed.InvokeAsync(configuration, cancellationToken);
        }
        catch (IOException) when (terminal.OutputIsBroken())
        {
            // 'meshara peers | head -1': whoever read the output has what he wanted.
            return ExitCode.Failed;
        }
        catch (Exception e)
        {
            terminal.Complain(Explain(e));
            return e is ConfigurationException or MesharaException { Code: MesharaErrorCode.InvalidOption or MesharaErrorCode.InvalidFormat } ? ExitCode.Usage : ExitCode.Failed;
        }
    }

    // Not a RootCommand: that is called after the assembly, which cannot have the command's name (see the project file).
    private static Command Root(Terminal terminal) => new("meshara", "A secure mesh of nodes that know each other by pinned keys.")
    {
        new HelpOption(),
        new VersionOption(),
        IdCommand.Create(terminal),
        RunCommand.Create(terminal),
        InfoCommand.Create(terminal),
        PeersCommand.Create(terminal),
        AddCommand.Create(terminal),
        TrustCommand.Create(terminal),
        RemoveCommand.Create(terminal),
        SendCommand.Create(terminal),
        PingCommand.Create(terminal),
        WhyCommand.Create(terminal, (type, ct) => MdnsBrowse.RunAsync(terminal, type, ct)),
        DoctorCommand.Create(terminal),
        DiscoverCommand.Create(terminal, (type, ct) => MdnsBrowse.RunAsync(terminal, type, ct)),
        RequestCommand.Create(terminal),
        PipeCommand.Create(terminal),
        WatchCommand.Create(terminal),
        TopCommand.Create(terminal),
        CompletionCommand.Create(terminal),
        CompleteCommand.Create(terminal, () => Root(terminal)),
        ServiceCommand.Create(terminal),
        DemoCommand.Create(terminal),
    };

    private static string Name(CommandResult command)
    {
        Stack<string> names = new();
        for (SymbolResult? at = command; at is CommandResult one; at = at.Parent)
        {
            names.Push(one.Command.Name);
        }

        return string.Join(' ', names);
    }

    private static string Explain(Exception fault) => fault switch
    {
        CliException or MesharaException or IOException or UnauthorizedAccessException or SocketException => fault.Message,
        OperationCanceledException => "cancelled",
        _ => $"a fault of this program, please report it: {fault}",
    };
}
