using Meshara.Net;
using Meshara.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Meshara.Tests.Net;

public sealed class PeerEventsTests
{
    [Fact]
    public async Task Watch_CalledBeforeTheFirstRead_SeesEventsFromTheCallOn()
    {
        PeerEvents events = new(NullLogger.Instance);
        events.Publish(Event(0));
        IAsyncEnumerable<PeerEvent> watched = events.Watch(default);
        events.Publish(Event(1));
        events.Publish(Event(2));
        events.Complete();
        events.Publish(Event(3));

        int[] seen = await NumbersAsync(watched);
        Assert.Equal([1, 2], seen);
    }

    [Fact]
    public async Task Publish_WatcherIsSlow_ItsOldestEventsAreDroppedAndOthersLoseNothing()
    {
        PeerEvents events = new(NullLogger.Instance);
        IAsyncEnumerable<PeerEvent> slow = events.Watch(default);
        await using IAsyncEnumerator<PeerEvent> quick = events.Watch(default).GetAsyncEnumerator();
        for (int i = 0; i < PeerEvents.Capacity + 10; i++)
        {
            events.Publish(Event(i));
            Assert.True(await quick.MoveNextAsync().AsTask().WaitAsync(NodeBed.Guard));
        }

        events.Complete();

        Assert.Equal(Enumerable.Range(10, PeerEvents.Capacity), await NumbersAsync(slow));
    }

    [Fact]
    public async Task Watch_AfterComplete_IsEmpty()
    {
        PeerEvents events = new(NullLogger.Instance);
        events.Complete();

        Assert.Empty(await NumbersAsync(events.Watch(default)));
    }

    private static async Task<int[]> NumbersAsync(IAsyncEnumerable<PeerEvent> events) =>
        await events.Select(e => e.Time.Minute * 60 + e.Time.Second).ToArrayAsync().AsTask().WaitAsync(NodeBed.Guard);

    private static PeerConnected Event(int number) => new(DateTimeOffset.UnixEpoch.AddSeconds(number), default, "h:1", Inbound: false);
}
