using Microsoft.Extensions.Logging;

namespace Meshara.Cli.Running;

/// <summary>Logs as lines on standard error, escaped: a log line may name what a peer sent.</summary>
internal sealed class ErrorLog(Terminal terminal, LogLevel least) : ILoggerFactory
{
    public ILogger CreateLogger(string categoryName) => new Lines(this, categoryName);

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("The command logs to standard error alone.");

    public void Dispose()
    {
        // Holds nothing.
    }

    private void Write(LogLevel level, string category, EventId id, string message, Exception? exception)
    {
        string fault = exception is null ? "" : $" ({exception.GetType().Name}: {exception.Message})";
        terminal.Complain($"{terminal.Time.GetUtcNow():HH:mm:ss.fff} {Name(level)} {category}[{id.Id}]: {message}{fault}");
    }

    private static string Name(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warning",
        LogLevel.Error => "error",
        _ => "critical",
    };

    private sealed class Lines(ErrorLog log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= log._least && logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                log.Write(logLevel, category, eventId, formatter(state, exception), exception);
            }
        }
    }

    private readonly LogLevel _least = least;
}
