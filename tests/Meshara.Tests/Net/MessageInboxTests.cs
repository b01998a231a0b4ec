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
        Assert.InRange(segments, 1, 1 + (1000 * (size + 5) / 4000));
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
