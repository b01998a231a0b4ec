using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Meshara.Sqlite.Tests;

/// <summary>Keeps what is logged.</summary>
internal sealed class LogLines : ILogger
{
    private readonly ConcurrentQueue<(int Id, string Text)> _lines = [];

    /// <summary>The event ids in order.</summary>
    public int[] Ids => [.. _lines.Select(line => line.Id)];

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _lines.Enqueue((eventId.Id, formatter(state, exception)));

    public override string ToString() => string.Join('\n', _lines.Select(line => $"{line.Id} {line.Text}"));
}
