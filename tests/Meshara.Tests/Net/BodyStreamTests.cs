using Meshara.Net;
using Meshara.Tests.Support;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Net;

public sealed class BodyStreamTests
{
    [Fact]
    public async Task Append_AfterAnotherThreadEndedTheStream_TakesNothingAndNoPlace()
    {
        await using LinkPair pair = LinkPair.StartInMemory();
        StreamTable table = pair.Dialer.Link.Streams;
        int free = table.Places.Link.Free;
        Probe probe = new(table);
        Assert.True(probe.Add(16_000));
        Assert.Equal(free - 1, table.Places.Link.Free);

        // The read loop looked, and then the deadline or the application ended the stream.
        probe.DropBody();

        Assert.Equal(free, table.Places.Link.Free);
        Assert.False(probe.Add(16_000));
        Assert.False(probe.Complete());
        Assert.Null(probe.WaitsSince);
        Assert.Equal((free, 0), (table.Places.Link.Free, table.Places.Link.Waiting));
    }

    [Fact]
    public async Task Place_GrantedToABodyThatIsComplete_GoesToTheNextInLine()
    {
        await using LinkPair pair = LinkPair.StartInMemory(new LinkLimits { LinkReassembly = 1 << 20 });
        StreamTable table = pair.Dialer.Link.Streams;
        Probe holder = new(table), complete = new(table), waiting = new(table);
        Assert.True(holder.Add(16_000));
        Assert.True(complete.Add(16_000));
        Assert.True(waiting.Add(16_000));
        Assert.Equal((0, 2), (table.Places.Link.Free, table.Places.Link.Waiting));

        Assert.True(complete.Complete());
        Assert.Equal(1, table.Places.Link.Waiting);
        holder.DropBody();

        Assert.NotNull(waiting.WaitsSince);
        Assert.Equal((0, 0), (table.Places.Link.Free, table.Places.Link.Waiting));
        waiting.DropBody();
        waiting.DropBody();
        Assert.Equal(1, table.Places.Link.Free);
    }

    [Fact]
    public async Task Places_AskedForAndGivenUpFromManyThreads_AllComeBack()
    {
        SlotPool link = new(3), node = new(2);
        PlacePools pools = new(link, node);
        int granted = 0;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
        {
            Random random = new(worker);
            for (int i = 0; i < 3000; i++)
            {
                Place place = pools.New(() => Interlocked.Increment(ref granted));
                Task asking = Task.Run(place.Ask);
                for (int spin = random.Next(20); spin > 0; spin--)
                {
                    await Task.Yield();
                }

                place.GiveUp();
                place.GiveUp();
                await asking;
            }
        })));

        Assert.Equal((3, 0, 2, 0), (link.Free, link.Waiting, node.Free, node.Waiting));
        Assert.True(granted > 0);
    }

    private sealed class Probe(StreamTable table) : BodyStream(table, StreamKind.Request, "p", opener: false)
    {
        public bool Add(int length)
        {
            Window.TrySpend(StreamFrames.DataCost + length);
            return Append(new byte[length], StreamFrames.DataCost + length, last: false);
        }

        public bool Complete() => TryTakeBody(out _);

        protected override void OnData(FrameFlags flags, ReadOnlySpan<byte> data)
        {
        }

        protected override void OnFinished()
        {
        }

        protected override void OnAborted(MesharaException error) => DropBody();
    }
}
