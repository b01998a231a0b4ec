using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Meshara.Cli.Rendering;
using Spectre.Console;

namespace Meshara.Cli;

/// <summary>Standard input, output and error of one run of the command; a test hands in its own.</summary>
internal sealed class Terminal
{
    // Where output goes to a file or a pipe there is no width; wide enough that nothing is cut.
    private const int WidthOfAPipe = 160;

    private readonly Lock _writing = new();

    /// <summary>Standard output as bytes, for JSON lines.</summary>
    public required Stream Output { get; init; }

    /// <summary>Standard output for people.</summary>
    public required IAnsiConsole Console { get; init; }

    /// <summary>Standard error: errors, warnings, logs and prompts.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Standard input for answers.</summary>
    public TextReader Input { get; init; } = TextReader.Null;

    /// <summary>Asks for a passphrase without showing it; null where nobody sits at a terminal.</summary>
    public Func<string, string>? AskSecret { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    public static Terminal OfThisProcess()
    {
        bool redirected = System.Console.IsOutputRedirected;
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = redirected ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = redirected ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(System.Console.Out),
        });
        if (redirected)
        {
            console.Profile.Width = WidthOfAPipe;
        }

        return new Terminal
        {
            Output = System.Console.OpenStandardOutput(),
            Console = console,
            Error = System.Console.Error,
            Input = System.Console.In,
            AskSecret = System.Console.IsInputRedirected || System.Console.IsErrorRedirected ? null : SecretPrompt.Ask,
        };
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
            Console.Profile.Out.Writer.WriteLine(line);
            Console.Profile.Out.Writer.Flush();
        }
    }

    /// <summary>One line on standard error, whatever the text has in it.</summary>
    public void Complain(string text)
    {
        lock (_writing)
        {
            Error.WriteLine($"meshara: {Safe.Line(text)}");
            Error.Flush();
        }
    }
}
