using Meshara.Net;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Net;

public sealed class OutboxTests
{
    [Fact]
    public async Task Wake_Here_WritesOnTheThreadOfTheCaller()
    {
        Outbox outbox = new(new NodeClock(new ManualTimeProvider()), 16 << 10);
        ThreadRecorder stream = new() { DuringFirst = () => outbox.Say(static control => control.Ping(2)) };
        Task pump = outbox.PumpAsync(stream, static () => { });
        bool wakes;
        lock (outbox.Gate)
        {
            outbox.Hold();
            outbox.Say(static control => control.Ping(1));
            wakes = outbox.Release();
        }

        Assert.True(wakes);
        Assert.Empty(stream.Threads);
        outbox.Wake(here: true);

        Assert.Equal(Environment.CurrentManagedThreadId, stream.Threads[0]);
        await Eventually.TrueAsync(() => stream.Threads.Count == 2);
        outbox.Complete();
        await pump.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Release_NothingToWrite_ThePumpSleepsOn()
    {
        Outbox outbox = new(new NodeClock(new ManualTimeProvider()), 16 << 10);
        Task pump = outbox.PumpAsync(Stream.Null, static () => { });
        lock (outbox.Gate)
        {
            outbox.Hold();
            Assert.False(outbox.Release());
        }

        outbox.Complete();
        await pump.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    private sealed class ThreadRecorder : MemoryStream
    {
        public Action? DuringFirst { get; init; }

        public List<int> Threads { get; } = [];

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Threads.Add(Environment.CurrentManagedThreadId);
            if (Threads.Count == 1)
            {
                DuringFirst?.Invoke();
            }

            return ValueTask.CompletedTask;
        }
    }
}
