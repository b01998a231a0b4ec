using Meshara.Testing;
using Meshara.Testing.Checks;
using Microsoft.Extensions.Logging;

namespace Meshara.Simulator;

/// <summary>Hears what a node logs: an error there is a fault of the code, since no operator has done anything wrong.</summary>
internal sealed class SwarmErrors(SimulatedNode node, ConductCheck conduct) : ILoggerFactory, ILogger
{
    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public void Dispose()
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        // A handler whose stream was cut off throws what the documentation says; a process that was killed may say anything.
        if (logLevel >= LogLevel.Error && !node.Lifetime.IsCancellationRequested && exception is not (MesharaException or OperationCanceledException))
            conduct.Logged(node, $"{formatter(state, exception)} {exception}");
    }
}
