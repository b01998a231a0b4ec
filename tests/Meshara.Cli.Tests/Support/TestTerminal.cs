using System.Text;
using Spectre.Console;

namespace Meshara.Cli.Tests.Support;

/// <summary>A terminal that keeps what is written to it.</summary>
internal sealed class TestTerminal
{
    private readonly MemoryStream _json = new();
    private readonly StringWriter _text = new();
    private readonly StringWriter _error = new();

    public TestTerminal(int width = 120, TimeProvider? time = null, Func<string, string>? askSecret = null, string input = "")
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(_text),
        });
        console.Profile.Width = width;
        Terminal = new Terminal
        {
            Output = _json,
            Console = console,
            Error = _error,
            AskSecret = askSecret,
            Input = new StringReader(input),
            Time = time ?? TimeProvider.System,
        };
    }

    public Terminal Terminal { get; }

    /// <summary>What was written for people.</summary>
    public string Text => _text.ToString();

    /// <summary>What was written as JSON lines.</summary>
    public string Json => Encoding.UTF8.GetString(_json.ToArray());

    public string Error => _error.ToString();

    /// <summary>Runs the whole command in this process.</summary>
    public Task<int> RunAsync(params string[] args) => App.RunAsync(args, Terminal).WaitAsync(TimeSpan.FromSeconds(60));
}
