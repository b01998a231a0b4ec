using Meshara.Tests.Support;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Meshara.Tests;

public sealed class NodeLogFaultTests
{
    // A log on a full disk throws: that ended the driver's loop, and with it the node, without a word.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Log_ApplicationsLoggerThrows_NodesLinkTalkAndStop(bool alsoIsEnabled)
    {
        BrokenLogs logs = new(alsoIsEnabled);
        await using (NodeBed bed = new())
        {
            Node alice = await bed.StartAsync(Admission.Open, o => Logged(o, logs));
            Node bob = await bed.StartAsync(Admission.Open, o => Logged(o, logs));
            TaskCompletionSource<string> heard = new(TaskCreationOptions.RunContinuationsAsynchronously);
            bob.Handle("chat/1", (message, _) =>
            {
                heard.TrySetResult(message.Text);
                throw new InvalidOperationException("logged by the node");
            });

            await NodeBed.AddAsync(alice, bob);
            await alice.SendAsync(bob.Id, "chat/1", "hello"u8.ToArray());

            Assert.Equal("hello", await heard.Task.WaitAsync(NodeBed.Guard));
            Assert.True(await alice.RemovePeerAsync(bob.Id).WaitAsync(NodeBed.Guard));
            await NodeBed.AddAsync(alice, bob);
        }

        Assert.True(logs.Thrown > 0);
    }

    private static NodeOptions Logged(NodeOptions options, ILoggerFactory logs) => new()
    {
        Mesh = options.Mesh,
        Admission = options.Admission,
        Listen = options.Listen,
        Transport = options.Transport,
        LoggerFactory = logs,
    };

    private sealed class BrokenLogs(bool alsoIsEnabled) : ILoggerFactory, ILogger
    {
        private int _thrown;

        public int Thrown => Volatile.Read(ref _thrown);

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => throw Fault();

        public bool IsEnabled(LogLevel logLevel) => alsoIsEnabled ? throw Fault() : true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => throw Fault();

        public void Dispose()
        {
        }

        private AggregateException Fault()
        {
            Interlocked.Increment(ref _thrown);
            return new AggregateException(new IOException("No space left on device"));
        }
    }
}
