using Meshara.Net;
using Meshara.Tests.Support;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Net;

public sealed class MessageInboxTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(64)]
    public void Flush_EachMessageByItself_TheyShareSegments(int size)
    {
        MessageInbox inbox = new();
        byte[] message = new byte[size];
        for (int i = 0; i < 1000; i++)
        {
            message.AsSpan().Fill((byte)i);
            inbox.Add(message, acknowledge: i % 2 == 0);
            Assert.Null(inbox.Flush());
        }

        int segments = 0, messages = 0;
        for (MessageInbox.Segment? segment = inbox.TakeAll(); segment is not null; segment = segment.Next, segments++)
        {
            for (; segment.TryRead(out ReadOnlyMemory<byte> read, out bool acknowledge); messages++)
            {
                Assert.Equal(messages % 2 == 0, acknowledge);
                Assert.Equal(size, read.Length);
                Assert.True(read.Span.IndexOfAnyExcept((byte)messages) < 0);
            }
        }

        Assert.Equal(1000, messages);
        Assert.InRange(segments, 1, 4 + (1000 * (size + 5) / 16_000));
    }

    // A large message takes no place in a segment: what comes after it begins a new one, for which the peer has paid little.
    [Fact]
    public void Flush_SmallAndLargeByTurns_HoldsLittleMoreThanTheirCredit()
    {
        MessageInbox inbox = new();
        for (int i = 0; i < 2000; i++)
        {
            inbox.Add(new byte[60], acknowledge: false);
            Assert.Null(inbox.Flush());
        }

        for (int i = 0; i < 100; i++)
        {
            inbox.Add([], acknowledge: false);
            inbox.Add(new BodyBuffer(100), acknowledge: false);
            Assert.Null(inbox.Flush());
        }

        long held = 0;
        for (MessageInbox.Segment? segment = inbox.TakeAll(); segment is not null; segment = segment.Next)
        {
            held += segment.Capacity;
        }

        int credit = (2000 * (StreamFrames.DataCost + 60)) + (100 * 3 * StreamFrames.DataCost);
        Assert.InRange(held, 1, 4 * credit);
    }

    [Fact]
    public void Flush_ManyThenOneByOne_HoldsLittleForOne()
    {
        MessageInbox inbox = new();
        List<int> held = [];
        for (int i = 0; i < 20; i++)
        {
            for (int j = 0; j < (i < 10 ? 1000 : 1); j++)
            {
                inbox.Add(new byte[60], acknowledge: false);
            }

            Assert.Null(inbox.Flush());
            MessageInbox.Segment first = inbox.TakeAll()!;
            held.Add(first.Capacity);
        }

        Assert.Equal((65_536, 256), (held[9], held[19]));
    }

    [Fact]
    public void TakeAll_UsedOnesGivenBack_TheSameServeAgainAndGiveWhatIsNew()
    {
        MessageInbox inbox = new();
        HashSet<MessageInbox.Segment> seen = [];
        MessageInbox.Segment? used = null;
        for (int i = 0; i < 100; i++)
        {
            inbox.Add([(byte)i], acknowledge: false);
            BodyBuffer large = new(100);
            if (i % 3 == 0)
            {
                inbox.Add(large, acknowledge: true);
                inbox.Add([(byte)i], acknowledge: false);
            }

            Assert.Null(inbox.Flush());
            List<object> got = [];
            MessageInbox.Segment? segment = inbox.TakeAll(used);
            used = null;
            while (segment is not null)
            {
                while (segment.TryRead(out ReadOnlyMemory<byte> message, out _))
                {
                    got.Add(message.Span[0]);
                }

                MessageInbox.Segment handled = segment;
                segment = segment.Next;
                if (handled.Body is { } body)
                {
                    got.Add(body);
                }
                else
                {
                    seen.Add(handled);
                    handled.Free();
                    (handled.Next, used) = (used, handled);
                }
            }

            Assert.Equal(i % 3 == 0 ? [(byte)i, large, (byte)i] : [(byte)i], got);
        }

        Assert.InRange(seen.Count, 1, 4);
    }

    [Fact]
    public void Close_WhatWaitsAndWhatComesLater_IsHandedBack()
    {
        MessageInbox inbox = new();
        inbox.Add([1], acknowledge: false);
        Assert.Null(inbox.Flush());
        inbox.Add([2], acknowledge: false);

        Assert.True(inbox.Close()!.TryRead(out ReadOnlyMemory<byte> waiting, out _));
        Assert.True(inbox.Flush()!.TryRead(out ReadOnlyMemory<byte> later, out _));

        Assert.Equal([1, 2], [waiting.Span[0], later.Span[0]]);
        Assert.Null(inbox.TakeAll());
    }

    // A peer may do this again and again with frames that are all legal: a place that is not given back is lost to the whole node.
    [Fact]
    public async Task ReceiveReset_LargeMessageCompleteInTheSameRead_GivesItsPlaceBack()
    {
        await using LinkPair pair = LinkPair.StartInMemory();
        StreamTable table = pair.Dialer.Link.Streams;
        int free = table.Places.Link.Free;
        MessageIn messages = new(table, "m") { Id = 999, IsOpen = true };
        messages.Start(Task.CompletedTask);
        messages.Receive(FrameFlags.None, new byte[9000]);
        Assert.Equal(free - 1, table.Places.Link.Free);
        messages.Receive(FrameFlags.EndOfMessage, new byte[10]);

        messages.ReceiveReset(StreamCode.Cancelled);
        await messages.Pumped.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        table.Flush();

        Assert.Equal(free, table.Places.Link.Free);
    }
}
