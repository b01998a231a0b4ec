using System.CommandLine;
using System.CommandLine.Completions;
using Meshara.Cli.Control;

namespace Meshara.Cli.Commands;

/// <summary><c>meshara completion SHELL</c>: a script that lets a shell complete commands, options and ids of peers.</summary>
internal static class CompletionCommand
{
    // The shell hands over the words up to the cursor; the last may be empty. COMP_WORDS is cut at ':' and '=', which no name here has.
    private const string Bash = """
        # bash completion of meshara. To use it now: source <(meshara completion bash)
        _meshara() {
            local IFS=$'\n'
            COMPREPLY=( $("$1" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) )
        }
        complete -o default -F _meshara meshara

        """;

    private const string Zsh = """
        #compdef meshara
        # zsh completion of meshara. To use it now: source <(meshara completion zsh)
        _meshara() {
            local -a found
            found=("${(@f)$("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
            if [[ -n "${found[1]}" ]]; then compadd -a found; else _files; fi
        }
        compdef _meshara meshara

        """;

    private const string Fish = """
        # fish completion of meshara. To use it now: meshara completion fish | source
        complete -c meshara -a '(meshara complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'

        """;

    private static readonly string[] Shells = ["bash", "zsh", "fish"];

    public static Command Create(Terminal terminal)
    {
        Argument<string> shell = new("SHELL") { HelpName = "bash|zsh|fish", Description = "bash, zsh or fish." };
        shell.CompletionSources.Add(Shells);
        shell.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: { } text }] && !Shells.Contains(text))
            {
                result.AddError($"There is no completion for '{text}', only for {string.Join(", ", Shells)}.");
            }
        });
        Command command = new("completion", "Print a script that completes commands, options and ids of peers. For bash: source <(meshara completion bash)") { shell };
        command.SetAction(parsed =>
        {
            terminal.Text.Write(parsed.GetValue(shell) switch
            {
                "zsh" => Zsh,
                "fish" => Fish,
                _ => Bash,
            });
            terminal.Text.Flush();
            return ExitCode.Done;
        });
        return command;
    }
}

/// <summary><c>meshara complete -- WORDS</c>: what can stand in the place of the last word. For the scripts, not for people.</summary>
internal static class CompleteCommand
{
    // A shell that waits for a key to do something is a broken one.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);

    public static Command Create(Terminal terminal, Func<Command> root)
    {
        Argument<string[]> words = new("WORDS") { Arity = ArgumentArity.ZeroOrMore };
        Command command = new("complete") { words };
        command.Hidden = true;
        command.SetAction(async (parsed, ct) =>
        {
            string[] given = parsed.GetValue(words) ?? [];
            foreach (string found in await FindAsync(terminal, root(), given, ct))
            {
                terminal.WriteLine(found);
            }

            return ExitCode.Done;
        });
        return command;
    }

    private static async Task<IEnumerable<string>> FindAsync(Terminal terminal, Command root, string[] words, CancellationToken cancellationToken)
    {
        string last = words is [.., { } word] ? word : "";
        string line = string.Join(' ', words.SkipLast(1).Prepend(root.Name).Select(Quote).Append(last));
        terminal.PeersWanted = false;
        ParseResult parsed = root.Parse(line, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.CommandResult.Command == root && words.SkipLast(1).Any(static word => !word.StartsWith('-')))
        {
            // Behind a command that there is not nothing can stand.
            return [];
        }

        List<string> found = [.. parsed.GetCompletions(line.Length).Select(static (CompletionItem item) => item.InsertText ?? item.Label)];
        if (terminal.PeersWanted && parsed.GetValue<string>("--data") is { Length: > 0 } data)
        {
            found.AddRange(await PeersAsync(terminal, data, cancellationToken));
        }

        // Options only for who has begun one, and none in the manner of another system.
        return found
            .Where(text => text.StartsWith(last, StringComparison.Ordinal) && text[0] is not '/' && (text[0] is not '-' || last.StartsWith('-')))
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal);
    }

    private static async Task<IEnumerable<string>> PeersAsync(Terminal terminal, string data, CancellationToken cancellationToken)
    {
        using CancellationTokenSource deadline = new(Patience, terminal.Time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            return [.. (await PeersCommand.ListAsync(terminal, data, either.Token)).Select(static peer => peer.Peer)];
        }
        catch (Exception e) when (e is ControlException or OperationCanceledException)
        {
            // No node, no ids; a shell wants no words about it.
            return [];
        }
    }

    private static string Quote(string word) => word.Length == 0 || word.Any(char.IsWhiteSpace) ? $"\"{word}\"" : word;
}
