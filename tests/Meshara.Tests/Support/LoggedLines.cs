using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Meshara.Tests.Support;

/// <summary>Keeps what is logged: the number of each event and its text.</summary>
internal sealed class LoggedLines : ILoggerFactory, ILogger
{
    private readonly ConcurrentQueue<(int Id, LogLevel Level, string Text)> _lines = new();

    public (int Id, LogLevel Level, string Text)[] All => [.. _lines];

    public string[] Of(int id) => [.. _lines.Where(line => line.Id == id).Select(static line => line.Text)];

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _lines.Enqueue((eventId.Id, logLevel, formatter(state, exception)));

    public void Dispose()
    {
    }
}
