using Meshara.Sqlite.Writer;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Meshara.Sqlite.Tests;

public sealed class LogFaultTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Load_LoggerThrows_DamageIsSetAsideAndTheStoreGoesOn()
    {
        await File.WriteAllBytesAsync(_folder["peers.db"], new byte[99]);
        await using SqlitePeerStore store = new(_folder["peers.db"], new Broken(), TimeProvider.System, new StoreSettings());

        Assert.Empty((await store.LoadAsync()).Peers);
        await store.SaveAsync(Batches.Number(1));

        Assert.Null(store.Trouble);
    }

    private sealed class Broken : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            throw new IOException("No space left on device");
    }
}
