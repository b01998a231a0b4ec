using System.Collections.Concurrent;
using System.Security.Cryptography;
using Meshara.Net;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Net;

/// <summary>Messages larger than a window (wire protocol section 8.3), their places, and what goes on beside them.</summary>
public sealed class LargeMessageTests
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Send_FiveTimesAsManyLargeMessagesAsThereArePlaces_AllArriveWhole()
    {
        LinkLimits limits = new() { MaxMessage = 256 << 10, LinkReassembly = 2 << 20 };
        await using LinkPair pair = await LinkPair.StartAsync(limits, limits);
        ConcurrentDictionary<string, byte[]> got = new();
        TaskCompletionSource all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Acceptor.Handlers.AddAny((message, _) =>
        {
            got[message.Protocol] = SHA256.HashData(message.Payload.Span);
            if (got.Count == 40)
            {
                all.TrySetResult();
            }

            return ValueTask.CompletedTask;
        });
        byte[][] messages = [.. Enumerable.Range(0, 40).Select(i => RandomNumberGenerator.GetBytes(limits.MaxMessage - i))];
        SlotPool places = pair.Acceptor.Link.Streams.Places.Link;
        Assert.Equal(8, places.Free);

        await Task.WhenAll(messages.Select((m, i) => pair.Dialer.Link.SendAsync($"p{i}", m, CancellationToken.None).AsTask())).WaitAsync(Guard);
        await all.Task.WaitAsync(Guard);

        Assert.All(messages.Select((m, i) => (m, i)), p => Assert.Equal(SHA256.HashData(p.m), got[$"p{p.i}"]));
        await Eventually.TrueAsync(() => places.Free == 8);
    }

    [Fact]
    public async Task TooLarge_RequestOrReply_SaysWhoseLimitItIsAndItsValue()
    {
        await using LinkPair pair = await LinkPair.StartAsync(new LinkLimits { MaxMessage = 2048 }, new LinkLimits { MaxMessage = 4096 });
        pair.Acceptor.Handlers.AddRequests("grow", static (_, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(new byte[3000]));

        MesharaException reply = await Assert.ThrowsAsync<MesharaException>(() => pair.Dialer.Link.RequestAsync("grow", new byte[1], Guard, CancellationToken.None).AsTask());
        MesharaException request = await Assert.ThrowsAsync<MesharaException>(() => pair.Dialer.Link.RequestAsync("grow", new byte[5000], Guard, CancellationToken.None).AsTask());

        Assert.Equal((MesharaErrorCode.MessageTooLarge, MesharaErrorCode.MessageTooLarge), (reply.Code, request.Code));
        Assert.Contains("this node's own: it takes at most 2048 bytes (NodeOptions.Limits.MaxMessage)", reply.Message, StringComparison.Ordinal);
        Assert.Contains("takes at most 4096 bytes (its LinkLimits.MaxMessage)", request.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Send_LargerThanTheWindowInBothDirectionsAtOnce_NoDeadlock()
    {
        LinkLimits limits = new() { InitialWindow = 4096, MaxMessage = 128 << 10, LinkReassembly = 256 << 10 };
        await using LinkPair pair = await LinkPair.StartAsync(limits, limits);
        int handled = 0;
        foreach (LinkSide side in (LinkSide[])[pair.Dialer, pair.Acceptor])
        {
            side.Handlers.AddAny((_, _) =>
            {
                Interlocked.Increment(ref handled);
                return ValueTask.CompletedTask;
            });
            side.Handlers.AddRequests("echo", (message, _) => ValueTask.FromResult(message.Payload));
        }

        byte[] body = RandomNumberGenerator.GetBytes(limits.MaxMessage);
        List<Task> work = [];
        foreach (LinkSide side in (LinkSide[])[pair.Dialer, pair.Acceptor])
        {
            for (int i = 0; i < 10; i++)
            {
                string protocol = $"m{i}";
                work.Add(Task.Run(async () =>
                {
                    for (int n = 0; n < 5; n++)
                    {
                        await side.Link.SendAcknowledgedAsync(protocol, body, CancellationToken.None);
                        Assert.Equal(body, await side.Link.RequestAsync("echo", body, Guard, CancellationToken.None));
                    }
                }));
            }
        }

        await Task.WhenAll(work).WaitAsync(Guard);
        Assert.Equal(100, handled);
        await AssertAllGivenBackAsync(pair, places: 2);
    }

    [Fact]
    public async Task Request_CancelledAtAnyMomentOfALargeReply_NoPlaceIsLost()
    {
        LinkLimits limits = new() { InitialWindow = 4096, MaxMessage = 64 << 10, LinkReassembly = 512 << 10 };
        await using LinkPair pair = await LinkPair.StartAsync(limits, limits);
        pair.Acceptor.Handlers.AddRequests("large", (_, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(new byte[60_000]));
        Random random = new(1);
        for (int round = 0; round < 40; round++)
        {
            using CancellationTokenSource cancel = new();
            Task[] requests = [.. Enumerable.Range(0, 12).Select(_ => pair.Dialer.Link.RequestAsync("large", new byte[9000], Guard, cancel.Token).AsTask())];
            for (int spin = random.Next(60); spin > 0; spin--)
            {
                await Task.Yield();
            }

            await cancel.CancelAsync();
            await Task.WhenAll(requests.Select(async r => await Record.ExceptionAsync(() => r))).WaitAsync(Guard);
        }

        await AssertAllGivenBackAsync(pair, places: 8);
        Assert.Equal("ping", await pair.Dialer.Link.RequestEchoAsync(pair.Acceptor));
        Assert.Empty(pair.Acceptor.Faults);
    }

    [Fact]
    public async Task Link_LostInTheMiddleOfLargeMessages_ThePlacesOfTheNodeComeBack()
    {
        LinkLimits limits = new();
        NodePlaces node = NodePlaces.From(limits);
        await using RawPeer peer = await RawPeer.StartAsync(limits, nodePlaces: node);
        Held held = new();
        held.Requests(peer.Honest, "r");
        for (int i = 0; i < 20; i++)
        {
            await peer.SendAsync(Raw.OpenFrame(peer.Own(i), 1, "r"), Raw.DataFrame(peer.Own(i), i % 3 == 0 ? Raw.Fin : (byte)0, 16_000));
        }

        await peer.RoundTripAsync();
        Assert.Equal(56, node.Bodies.Free);

        peer.ShutdownWrites();

        await peer.Honest.Ended.WaitAsync(Guard);
        await peer.Honest.Tasks.WhenAllAsync().WaitAsync(Guard);
        Assert.Equal((64, 0), (node.Bodies.Free, node.Bodies.Waiting));
        Assert.Empty(peer.Honest.Faults);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    public async Task Send_SmallBesideBulk_GoesOutWithinATurn(int bulks)
    {
        GatedStream? gate = null;
        await using RawPeer peer = await RawPeer.StartAsync(own: new LinkLimits { InitialWindow = 1 << 30 }, wrap: s => gate = new GatedStream(s));
        await peer.Link.SendAsync("small", new byte[1], CancellationToken.None);
        ulong small = (await peer.UntilAsync(Raw.Open)).Id;
        await peer.UntilAsync(Raw.Data);
        gate!.Shut();
        MeshStream[] streams = [.. Enumerable.Range(0, bulks).Select(_ => peer.Link.OpenStream("bulk"))];
        Task[] writes = [.. streams.Select(s => s.WriteAsync(new byte[8 << 20]).AsTask())];
        await gate.WriteWaits.WaitAsync(Guard);

        Task sending = peer.Link.SendAsync("small", new byte[100], CancellationToken.None).AsTask();
        ulong ping = peer.Link.SendPing()!.Value;
        gate.Open();
        long before = 0;
        bool pinged = false;
        for (RawFrame? frame = null; frame is not { Type: Raw.Data } || frame.Id != small;)
        {
            frame = await peer.ReadAsync() ?? throw new EndOfStreamException();
            before += frame.Payload.Length;
            if (frame.Type == Raw.Ping && System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(frame.Payload) == ping)
            {
                pinged = true;
                Assert.InRange(before, 0, 64 << 10);
            }
        }

        // The buffer that was being written, the one that was full, and one frame of each stream before it.
        Assert.True(pinged);
        Assert.InRange(before, 1, (128 + (16 * bulks)) << 10);
        await sending.WaitAsync(Guard);
        Array.ForEach(streams, s => s.Abort());
        await Task.WhenAll(writes.Select(async w => await Record.ExceptionAsync(() => w))).WaitAsync(Guard);
    }

    [Fact]
    public async Task Send_ManyBulkStreamsBothWays_SmallRequestsAreAnsweredMeanwhile()
    {
        await using LinkPair pair = await LinkPair.StartAsync();
        using CancellationTokenSource enough = new();
        foreach (LinkSide side in (LinkSide[])[pair.Dialer, pair.Acceptor])
        {
            side.Handlers.AddStreams("bulk", async (stream, stop) => await stream.CopyToAsync(Stream.Null, stop));
            side.Handlers.AddRequests("small", (message, _) => ValueTask.FromResult(message.Payload));
        }

        Task[] bulk = [.. from side in (LinkSide[])[pair.Dialer, pair.Acceptor] from i in Enumerable.Range(0, 4) select Task.Run(() => WriteAsync(side.Link))];
        byte[] body = [1, 2, 3];
        for (int i = 0; i < 40; i++)
        {
            Assert.Equal(body, await pair.Dialer.Link.RequestAsync("small", body, TimeSpan.FromSeconds(20), CancellationToken.None));
        }

        Assert.DoesNotContain(bulk, b => b.IsCompleted);
        await enough.CancelAsync();
        await Task.WhenAll(bulk).WaitAsync(Guard);

        async Task WriteAsync(Link link)
        {
            await using MeshStream stream = link.OpenStream("bulk");
            byte[] bytes = new byte[100_000];
            while (!enough.IsCancellationRequested)
            {
                await stream.WriteAsync(bytes);
            }
        }
    }

    internal static async Task AssertAllGivenBackAsync(LinkPair pair, int places)
    {
        foreach (LinkSide side in (LinkSide[])[pair.Dialer, pair.Acceptor])
        {
            foreach (SlotPool pool in (SlotPool[])[side.Link.Streams.Places.Link, side.Link.Streams.ReplyPlaces.Link])
            {
                await Eventually.TrueAsync(() => pool.Free == places && pool.Waiting == 0);
            }
        }
    }
}
