using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Meshara.Cli.Rendering;
using Spectre.Console;

namespace Meshara.Cli;

/// <summary>Standard input, output and error of one run of the command; a test hands in its own.</summary>
internal sealed class Terminal
{
    // Where output goes to a file or a pipe there is no width; wide enough that nothing is cut.
    private const int WidthOfAPipe = 240;

    private readonly Lock _writing = new();
    private readonly Lazy<IAnsiConsole> _console;
    private readonly Lazy<Stream> _input;
    private long _unsaid;

    /// <summary>A terminal of its parts.</summary>
    /// <param name="console">Standard output for tables; opened when it is first used, because opening it keeps standard output open.</param>
    /// <param name="input">Standard input as bytes; opened when it is first used.</param>
    public Terminal(Func<IAnsiConsole> console, Func<Stream> input)
    {
        _console = new Lazy<IAnsiConsole>(console);
        _input = new Lazy<Stream>(input);
    }

    /// <summary>Standard output as bytes.</summary>
    public required Stream Output { get; init; }

    /// <summary>Standard output as text.</summary>
    public required TextWriter Text { get; init; }

    /// <summary>Standard output for tables.</summary>
    public IAnsiConsole Console => _console.Value;

    /// <summary>Standard input as bytes.</summary>
    public Stream Input => _input.Value;

    /// <summary>Standard error: errors, warnings, logs and prompts.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Whether standard input is a keyboard; else it comes from a file or a program.</summary>
    public bool InputIsTerminal { get; init; }

    /// <summary>Whether the keyboard may be read now.</summary>
    public Func<bool> InputIsInForeground { get; init; } = static () => true;

    /// <summary>Whether people see standard output at once; else it goes to a file or a program.</summary>
    public bool OutputIsTerminal { get; init; }

    /// <summary>Whether people see standard error at once.</summary>
    public bool ErrorIsTerminal { get; init; }

    /// <summary>Waits for a key and does not show it; null: there is no keyboard.</summary>
    public Func<ConsoleKeyInfo>? ReadKey { get; init; }

    /// <summary>Whether whoever reads standard output has closed it.</summary>
    public Func<bool> OutputIsBroken { get; init; } = static () => false;

    /// <summary>Standard input for answers.</summary>
    public Lazy<TextReader> Answers { get; init; } = new(static () => TextReader.Null);

    /// <summary>Asks for a passphrase without showing it; null where nobody sits at a terminal.</summary>
    public Func<string, string>? AskSecret { get; init; }

    /// <summary>Set by an argument that stands for a peer when completions are asked for: whoever asked can look the ids up, and wait for them.</summary>
    public bool PeersWanted { get; set; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    public static Terminal OfThisProcess()
    {
        bool redirected = System.Console.IsOutputRedirected;
        Stream output = StandardOutput.Open();
        TextWriter text = redirected ? new StreamWriter(output) { AutoFlush = true } : System.Console.Out;
        return new Terminal(() => OpenConsole(text, redirected), System.Console.OpenStandardInput)
        {
            Output = output,
            Text = text,
            Error = System.Console.Error,
            InputIsTerminal = !System.Console.IsInputRedirected,
            InputIsInForeground = StandardInput.IsInForeground,
            OutputIsTerminal = !redirected,
            ErrorIsTerminal = !System.Console.IsErrorRedirected,
            OutputIsBroken = StandardOutput.IsBroken,
            Answers = new Lazy<TextReader>(static () => System.Console.In),
            ReadKey = System.Console.IsInputRedirected ? null : static () => System.Console.ReadKey(intercept: true),
            AskSecret = System.Console.IsInputRedirected || System.Console.IsErrorRedirected ? null : SecretPrompt.Ask,
        };
    }

    private static IAnsiConsole OpenConsole(TextWriter text, bool redirected)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = redirected ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = redirected ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(text),
        });
        if (redirected)
        {
            console.Profile.Width = WidthOfAPipe;
        }

        return console;
    }

    /// <summary>Writes one JSON object and the end of the line, and flushes, so that whoever reads a pipe sees it now.</summary>
    public void WriteJson<T>(T value, JsonTypeInfo<T> type)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(value, type);
        lock (_writing)
        {
            Output.Write((byte[])[.. json, (byte)'\n']);
            Output.Flush();
        }
    }

    /// <summary>One line on standard output. What comes from a peer goes through <see cref="Safe.Text"/> before.</summary>
    public void WriteLine(string line)
    {
        lock (_writing)
        {
            // Not Console.WriteLine: Spectre wraps at the terminal's width, and an address that is cut cannot be copied.
            Text.WriteLine(line);
            Text.Flush();
        }
    }

    /// <summary>Ends a line of standard output that may have been written in part.</summary>
    public void EndLine()
    {
        lock (_writing)
        {
            Text.Flush();
            Output.Write("\n"u8);
            Output.Flush();
        }
    }

    /// <summary>One line on standard error, whatever the text has in it. Never throws: what cannot be written there is dropped, and the next line that can be says how much.</summary>
    public void Complain(string text) => WriteError($"meshara: {Safe.Line(text)}{Environment.NewLine}");

    /// <summary>Writes to standard error as it is, for what overwrites itself. Never throws, as <see cref="Complain"/>.</summary>
    public void WriteError(string text)
    {
        lock (_writing)
        {
            try
            {
                if (_unsaid > 0)
                {
                    // The half of a line may stand there.
                    Error.Write($"{Environment.NewLine}meshara: {_unsaid} {(_unsaid == 1 ? "line is" : "lines are")} missing here: there was no room for {(_unsaid == 1 ? "it" : "them")}{Environment.NewLine}");
                    Error.Flush();
                    _unsaid = 0;
                }

                Error.Write(text);
                Error.Flush();
            }
            catch (IOException)
            {
                // A full disk. Whoever complains has something to do that matters more.
                _unsaid++;
            }
        }
    }
}
