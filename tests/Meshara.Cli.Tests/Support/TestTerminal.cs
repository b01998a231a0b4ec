using System.Text;
using Spectre.Console;

namespace Meshara.Cli.Tests.Support;

/// <summary>A terminal that keeps what is written to it.</summary>
internal sealed class TestTerminal
{
    private readonly SharedStream _json = new();
    private readonly SharedWriter _text = new();
    private readonly SharedWriter _error = new();

    public TestTerminal(
        int width = 120,
        TimeProvider? time = null,
        Func<string, string>? askSecret = null,
        string answers = "",
        Stream? input = null,
        Stream? output = null,
        bool terminal = false,
        bool errorIsTerminal = false,
        bool inputIsTerminal = false,
        Func<bool>? inputIsInForeground = null,
        Func<bool>? outputIsBroken = null,
        Func<ConsoleKeyInfo>? readKey = null)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(_text),
        });
        console.Profile.Width = width;
        Terminal = new Terminal(() => console, () => input ?? Stream.Null)
        {
            Output = output ?? _json,
            ErrorIsTerminal = errorIsTerminal,
            InputIsTerminal = inputIsTerminal,
            InputIsInForeground = inputIsInForeground ?? (static () => true),
            Text = _text,
            OutputIsTerminal = terminal,
            Error = _error,
            AskSecret = askSecret,
            OutputIsBroken = outputIsBroken ?? (static () => false),
            ReadKey = readKey,
            Answers = new Lazy<TextReader>(new StringReader(answers)),
            Time = time ?? TimeProvider.System,
        };
    }

    public Terminal Terminal { get; }

    /// <summary>What was written for people.</summary>
    public string Text => _text.ToString();

    /// <summary>What was written as bytes.</summary>
    public byte[] Bytes => _json.ToBytes();

    /// <summary>What was written as JSON lines.</summary>
    public string Json => Encoding.UTF8.GetString(Bytes);

    public string Error => _error.ToString();

    /// <summary>Runs the whole command in this process.</summary>
    public Task<int> RunAsync(params string[] args) => App.RunAsync(args, Terminal).WaitAsync(TimeSpan.FromSeconds(60));

    // The test looks while the command writes.
    private sealed class SharedWriter : StringWriter
    {
        private readonly Lock _sync = new();

        public override void Write(char value)
        {
            lock (_sync)
            {
                base.Write(value);
            }
        }

        public override void Write(string? value)
        {
            lock (_sync)
            {
                base.Write(value);
            }
        }

        public override void WriteLine(string? value) => Write(value + Environment.NewLine);

        public override string ToString()
        {
            lock (_sync)
            {
                return base.ToString();
            }
        }
    }

    private sealed class SharedStream : MemoryStream
    {
        private readonly Lock _sync = new();

        public byte[] ToBytes()
        {
            lock (_sync)
            {
                return ToArray();
            }
        }

        public override void Write(byte[] buffer, int offset, int count)
        {
            lock (_sync)
            {
                base.Write(buffer, offset, count);
            }
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            lock (_sync)
            {
                base.Write(buffer);
            }
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Write(buffer.Span);
            return ValueTask.CompletedTask;
        }
    }
}
