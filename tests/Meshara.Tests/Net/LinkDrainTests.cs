using System.Collections.Concurrent;
using System.Security.Cryptography;
using Meshara.Core;
using Meshara.Net;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Net;

/// <summary>GOODBYE, the drain and DONE, wire protocol section 7.2.</summary>
public sealed class LinkDrainTests
{
    private static readonly TimeSpan Guard = RawPeer.Guard;

    [Fact]
    public async Task Close_WithAnOpenInTheBuffer_GoodbyeDoesNotOvertakeIt()
    {
        GatedStream? gate = null;
        await using RawPeer peer = await RawPeer.StartAsync(wrap: s => gate = new GatedStream(s), time: new ManualTimeProvider());
        await peer.RoundTripAsync();
        await peer.StopWritingAsync(gate!);
        await peer.Link.SendAsync("m", "last"u8.ToArray(), CancellationToken.None);
        peer.Link.Close(DisconnectReason.LocalShutdown, "");
        gate!.Open();

        List<byte> types = [];
        bool fin = false;
        while (!fin || !types.Contains(Raw.Goodbye))
        {
            RawFrame frame = await peer.ReadAsync() ?? throw new EndOfStreamException();
            types.Add(frame.Type);
            fin |= frame.Flags == Raw.Fin;
        }

        Assert.True(types.IndexOf(Raw.Open) < types.IndexOf(Raw.Goodbye), Convert.ToHexString([.. types]));
        await peer.SendAsync(Raw.GoodbyeFrame(0), Raw.Frame(Raw.Done));
        Assert.Equal(DisconnectReason.LocalShutdown, (await peer.AssertClosedWithoutBlameAsync()).Reason);
    }

    [Fact]
    public async Task Close_WhileManyThreadsOpenAndSend_WhatWasAcceptedIsHandledAndTheRestIsToldSo()
    {
        for (int round = 0; round < 10; round++)
        {
            await using LinkPair pair = await LinkPair.StartAsync(time: new ManualTimeProvider());
            ConcurrentDictionary<string, int> handled = new();
            pair.Acceptor.Handlers.AddAny((message, _) =>
            {
                handled.AddOrUpdate(message.Protocol, 1, (_, n) => n + 1);
                return ValueTask.CompletedTask;
            });
            pair.Acceptor.Handlers.AddRequests("r", (message, _) => ValueTask.FromResult(message.Payload));
            ConcurrentDictionary<string, int> accepted = new();
            ConcurrentBag<Exception> errors = [];
            TaskCompletionSource busy = new(TaskCreationOptions.RunContinuationsAsynchronously);
            Task[] senders = [.. Enumerable.Range(0, 4).Select(thread => Task.Run(async () =>
            {
                try
                {
                    for (int i = 0; ; i++)
                    {
                        string protocol = $"{thread}/{i % 300}";
                        await pair.Dialer.Link.SendAsync(protocol, new byte[50], CancellationToken.None);
                        accepted.AddOrUpdate(protocol, 1, (_, n) => n + 1);
                        await pair.Dialer.Link.RequestAsync("r", new byte[10], Timeout.InfiniteTimeSpan, CancellationToken.None);
                        if (i == 100)
                        {
                            busy.TrySetResult();
                        }
                    }
                }
                catch (Exception error)
                {
                    errors.Add(error);
                }
            }))];
            await busy.Task.WaitAsync(Guard);
            pair.Dialer.Link.Close(DisconnectReason.LocalShutdown, "");

            // The clock stands still: only DONE from both sides ends the links.
            await Task.WhenAll(senders).WaitAsync(Guard);
            Assert.Equal(DisconnectReason.LocalShutdown, (await pair.Dialer.Ended.WaitAsync(Guard)).Reason);
            Assert.Equal(DisconnectReason.RemoteShutdown, (await pair.Acceptor.Ended.WaitAsync(Guard)).Reason);
            await pair.Acceptor.Tasks.WhenAllAsync().WaitAsync(Guard);
            Assert.Equal(accepted.OrderBy(p => p.Key), handled.OrderBy(p => p.Key));
            Assert.All(errors, e => Assert.Contains(Assert.IsType<MesharaException>(e).Code, (MesharaErrorCode[])[MesharaErrorCode.GoingAway, MesharaErrorCode.LinkClosed]));
            Assert.Empty(pair.Acceptor.Faults);
            Assert.Empty(pair.Dialer.Faults);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Close_WithRequestsAndStreamsInFlight_TheyEndFirst(bool theDialerCloses)
    {
        await using LinkPair pair = await LinkPair.StartAsync(time: new ManualTimeProvider());
        TaskCompletionSource release = new(TaskCreationOptions.RunContinuationsAsynchronously);
        int started = 0;
        pair.Acceptor.Handlers.AddRequests("r", async (message, _) =>
        {
            Interlocked.Increment(ref started);
            await release.Task;
            return SHA256.HashData(message.Payload.Span);
        });
        pair.Acceptor.Handlers.AddStreams("s", async (stream, stop) =>
        {
            Interlocked.Increment(ref started);
            await release.Task;
            await stream.CopyToAsync(stream, stop);
        });
        byte[] body = RandomNumberGenerator.GetBytes(200_000);
        Task<byte[]> request = pair.Dialer.Link.RequestAsync("r", body, Timeout.InfiniteTimeSpan, CancellationToken.None).AsTask();
        await using MeshStream stream = pair.Dialer.Link.OpenStream("s");
        await Eventually.TrueAsync(() => started == 2);

        (theDialerCloses ? pair.Dialer : pair.Acceptor).Link.Close(DisconnectReason.LocalShutdown, "");
        await Assert.ThrowsAsync<MesharaException>(() => TryOpenUntilClosingAsync(pair.Dialer.Link));
        release.SetResult();
        Task writing = stream.WriteAsync(body).AsTask();
        byte[] echo = new byte[body.Length];
        await stream.ReadExactlyAsync(echo).AsTask().WaitAsync(Guard);
        await writing.WaitAsync(Guard);
        stream.CompleteWrites();

        Assert.Equal(body, echo);
        Assert.Equal(SHA256.HashData(body), await request.WaitAsync(Guard));
        Assert.Equal(0, await stream.ReadAsync(new byte[1]).AsTask().WaitAsync(Guard));
        await Task.WhenAll(pair.Dialer.Ended, pair.Acceptor.Ended).WaitAsync(Guard);

        static async Task TryOpenUntilClosingAsync(Link link)
        {
            while (true)
            {
                await using MeshStream _ = link.OpenStream("none");
                await Task.Yield();
            }
        }
    }

    [Fact]
    public async Task Close_BothSidesAtOnceUnderTraffic_BothEndByDone()
    {
        for (int round = 0; round < 20; round++)
        {
            await using LinkPair pair = await LinkPair.StartAsync(time: new ManualTimeProvider());
            int handled = 0;
            foreach (LinkSide side in (LinkSide[])[pair.Dialer, pair.Acceptor])
            {
                side.Handlers.AddMessages("m", (_, _) =>
                {
                    Interlocked.Increment(ref handled);
                    return ValueTask.CompletedTask;
                });
                for (int i = 0; i < 100; i++)
                {
                    await (side == pair.Dialer ? pair.Acceptor : pair.Dialer).Link.SendAsync("m", new byte[100], CancellationToken.None);
                }
            }

            await Task.WhenAll(
                Task.Run(() => pair.Dialer.Link.Close(DisconnectReason.LocalShutdown, "")), Task.Run(() => pair.Acceptor.Link.Close(DisconnectReason.LocalRemoved, "")));
            LinkEnd[] ends = await Task.WhenAll(pair.Dialer.Ended, pair.Acceptor.Ended).WaitAsync(Guard);

            Assert.DoesNotContain(ends, e => e.Penalise || e.Reason == DisconnectReason.ConnectionLost);
            await Task.WhenAll(pair.Dialer.Tasks.WhenAllAsync(), pair.Acceptor.Tasks.WhenAllAsync()).WaitAsync(Guard);
            Assert.Equal(200, handled);
        }
    }

    [Fact]
    public async Task Close_WithAnAckOwed_EndsWhenItIsWrittenAndNotAtTheDeadline()
    {
        await using LinkPair pair = await LinkPair.StartAsync(time: new ManualTimeProvider());
        TaskCompletionSource release = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Acceptor.Handlers.AddMessages("a", async (_, _) =>
        {
            started.SetResult();
            await release.Task;
        });
        Task sending = pair.Dialer.Link.SendAcknowledgedAsync("a", new byte[1], CancellationToken.None).AsTask();
        await started.Task.WaitAsync(Guard);
        pair.Dialer.Link.Close(DisconnectReason.LocalShutdown, "");
        release.SetResult();

        await sending.WaitAsync(Guard);
        await Task.WhenAll(pair.Dialer.Ended, pair.Acceptor.Ended).WaitAsync(Guard);
    }

    [Fact]
    public async Task Close_PeerNeverSaysDone_EndsAtTheDrainDeadlineAndNotBefore()
    {
        ManualTimeProvider clock = new();
        await using RawPeer peer = await RawPeer.StartAsync(time: clock);
        await peer.RoundTripAsync();
        peer.Link.Close(DisconnectReason.LocalShutdown, "bye");
        RawFrame goodbye = await peer.UntilAsync(Raw.Goodbye);
        Assert.Equal(0, goodbye.Payload[0]);
        await peer.SendAsync(Raw.GoodbyeFrame(0));
        await peer.UntilAsync(Raw.Done);
        await Eventually.TrueAsync(() => clock.PendingTimers > 0);
        clock.Advance(TimeSpan.FromSeconds(1.9));
        await peer.SendAsync(Raw.Frame(0x90));
        Assert.False(peer.Honest.Ended.IsCompleted);

        clock.Advance(TimeSpan.FromSeconds(0.1));

        LinkEnd end = await peer.AssertClosedWithoutBlameAsync();
        Assert.Equal((DisconnectReason.LocalShutdown, "bye"), (end.Reason, end.Detail));
    }

    [Fact]
    public async Task Close_HandlerNeverReturns_EndsAtTheDrainDeadline()
    {
        ManualTimeProvider clock = new();
        await using LinkPair pair = await LinkPair.StartAsync(time: clock);
        Held held = new();
        held.Requests(pair.Acceptor, "r");
        Task<byte[]> request = pair.Dialer.Link.RequestAsync("r", new byte[1], Timeout.InfiniteTimeSpan, CancellationToken.None).AsTask();
        await Eventually.TrueAsync(() => held.Started == 1);
        pair.Acceptor.Link.Close(DisconnectReason.LocalShutdown, "");
        await Eventually.TrueAsync(() => clock.PendingTimers >= 2);

        clock.Advance(TimeSpan.FromSeconds(2));

        await Task.WhenAll(pair.Dialer.Ended, pair.Acceptor.Ended).WaitAsync(Guard);
        Assert.Equal(MesharaErrorCode.LinkClosed, (await Assert.ThrowsAsync<MesharaException>(() => request.WaitAsync(Guard))).Code);
        await pair.Acceptor.Tasks.WhenAllAsync().WaitAsync(Guard);
        Assert.Empty(pair.Acceptor.Faults);
    }

    [Fact]
    public async Task Drain_ConnectionLostMeanwhile_EndsAtOnce()
    {
        await using RawPeer peer = await RawPeer.StartAsync(time: new ManualTimeProvider());
        await using MeshStream open = peer.Link.OpenStream("s");
        await peer.UntilAsync(Raw.Open);
        peer.Link.Close(DisconnectReason.LocalShutdown, "");
        await peer.UntilAsync(Raw.Goodbye);

        peer.ShutdownWrites();

        Assert.Equal(DisconnectReason.LocalShutdown, (await peer.AssertClosedWithoutBlameAsync()).Reason);
    }

    [Fact]
    public async Task Drain_ProtocolErrorMeanwhile_KeepsTheReasonAndIsPenalised()
    {
        await using RawPeer peer = await RawPeer.StartAsync(time: new ManualTimeProvider());
        await peer.SendAsync(Raw.GoodbyeFrame(0), Raw.Frame(0x17));

        LinkEnd end = await peer.Honest.Ended.WaitAsync(Guard);
        Assert.Equal((DisconnectReason.RemoteShutdown, true), (end.Reason, end.Penalise));
    }

    [Fact]
    public async Task Drain_OpenThatCrossedOurGoodbye_RequestsAndStreamsAreRefusedUnseenAndMessagesHandled()
    {
        await using RawPeer peer = await RawPeer.StartAsync(time: new ManualTimeProvider());
        Held held = new();
        held.Requests(peer.Honest, "p");
        held.Streams(peer.Honest, "p");
        int handled = 0;
        peer.Honest.Handlers.AddMessages("p", (_, _) =>
        {
            handled++;
            return ValueTask.CompletedTask;
        });
        peer.Link.Close(DisconnectReason.LocalShutdown, "");
        for (int i = 1; i < 3; i++)
        {
            await peer.SendAsync(Raw.OpenFrame(peer.Own(i - 1), (byte)i, "p"), Raw.DataFrame(peer.Own(i - 1), 0, 10));
            Assert.Equal(9ul, (await peer.UntilAsync(Raw.Reset, f => f.Id == peer.Own(i - 1))).Code);
            await peer.SendAsync(Raw.ResetFrame(peer.Own(i - 1), 0));
        }

        await peer.SendAsync(
            Raw.OpenFrame(peer.Own(2), 0, "p"), Raw.DataFrame(peer.Own(2), Raw.Eom, 10), Raw.DataFrame(peer.Own(2), Raw.Fin, 0), Raw.GoodbyeFrame(0), Raw.Frame(Raw.Done));

        await peer.AssertClosedWithoutBlameAsync();
        await peer.Honest.Tasks.WhenAllAsync().WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal((0, 1), (held.Started, handled));
    }

    [Fact]
    public async Task Done_WithAPayload_IsHeldAgainstThePeer()
    {
        await using RawPeer peer = await RawPeer.StartAsync(time: new ManualTimeProvider());

        await peer.SendAsync(Raw.GoodbyeFrame(0), Raw.Frame(Raw.Done, 0, 0));

        Assert.True((await peer.Honest.Ended.WaitAsync(TimeSpan.FromSeconds(30))).Penalise);
    }

    [Fact]
    public async Task Done_AfterIt_NothingIsSaidAnyMore()
    {
        await using RawPeer peer = await RawPeer.StartAsync(time: new ManualTimeProvider());
        await peer.SendAsync(Raw.GoodbyeFrame(0));
        await peer.UntilAsync(Raw.Done);
        peer.Link.SendPing();
        await peer.SendAsync([.. Enumerable.Range(0, 10).Select(i => Raw.PingFrame((ulong)i)), Raw.Frame(Raw.Done)]);

        try
        {
            Assert.Null(await peer.ReadAsync());
        }
        catch (IOException)
        {
        }

        await peer.AssertClosedWithoutBlameAsync();
    }

    // A peer that has closed answers a read with a reset, and the exception costs more than the goodbye.
    [Fact]
    public async Task Done_AfterIt_NothingIsReadAnyMore()
    {
        GatedStream? stream = null;
        await using RawPeer peer = await RawPeer.StartAsync(wrap: s => stream = new GatedStream(s), time: new ManualTimeProvider());
        await peer.SendAsync(Raw.GoodbyeFrame(0), Raw.Frame(Raw.Done));

        await peer.AssertClosedWithoutBlameAsync();

        Assert.Equal(0, stream!.ReadsInVain);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task Done_OutOfPlace_ClosedWithoutBlame(bool goodbye, bool ours)
    {
        await using RawPeer peer = await RawPeer.StartAsync(time: new ManualTimeProvider());
        Held held = new();
        held.Streams(peer.Honest, "p");
        await using MeshStream? stream = ours ? peer.Link.OpenStream("p") : null;
        await peer.SendAsync(Raw.OpenFrame(peer.Own(0), 2, "p"));
        await peer.RoundTripAsync();

        await peer.SendAsync(goodbye ? Raw.GoodbyeFrame(0) : [], Raw.Frame(Raw.Done));

        await peer.AssertClosedWithoutBlameAsync();
    }

    [Fact]
    public async Task Done_WithAPayload_ClosedWithoutBlame()
    {
        await using RawPeer peer = await RawPeer.StartAsync(time: new ManualTimeProvider());
        await peer.SendAsync(Raw.GoodbyeFrame(0), Raw.Frame(Raw.Done, 0, 1));
        await peer.Honest.Ended.WaitAsync(Guard);
    }

    [Fact]
    public async Task Goodbye_Second_ClosedWithoutBlame()
    {
        await using RawPeer peer = await RawPeer.StartAsync(time: new ManualTimeProvider());
        await using MeshStream open = peer.Link.OpenStream("s");
        await peer.UntilAsync(Raw.Open);

        await peer.SendAsync(Raw.GoodbyeFrame(0), Raw.GoodbyeFrame(0));

        Assert.Equal(DisconnectReason.RemoteShutdown, (await peer.AssertClosedWithoutBlameAsync()).Reason);
    }

    [Theory]
    [InlineData(0, DisconnectReason.RemoteShutdown)]
    [InlineData(1, DisconnectReason.RemoteRemoved)]
    [InlineData(3, DisconnectReason.RemoteTimeout)]
    [InlineData(4, DisconnectReason.RemoteProtocolError)]
    [InlineData(7, DisconnectReason.IdentityInUse)]
    [InlineData(8, DisconnectReason.RemoteError)]
    [InlineData(9, DisconnectReason.RemoteShutdown)]
    [InlineData((1L << 62) - 1, DisconnectReason.RemoteShutdown)]
    public async Task Goodbye_WithACode_IsTheReason(long code, DisconnectReason reason)
    {
        await using RawPeer peer = await RawPeer.StartAsync(time: new ManualTimeProvider());
        await peer.SendAsync(Raw.GoodbyeFrame((ulong)code, "why"));
        if (code != 4)
        {
            await peer.UntilAsync(Raw.Done);
            await peer.SendAsync(Raw.Frame(Raw.Done));
        }

        LinkEnd end = await peer.AssertClosedWithoutBlameAsync();
        Assert.Equal((reason, "why"), (end.Reason, end.Detail));
    }

    [Fact]
    public async Task Close_StreamsThatWaitForAPlace_FailAsGoingAway()
    {
        await using RawPeer peer = await RawPeer.StartAsync(own: new LinkLimits { MaxStreams = 16 }, time: new ManualTimeProvider());
        Task<byte[]>[] requests = [.. Enumerable.Range(0, 20).Select(_ => peer.Link.RequestAsync("r", new byte[1], Timeout.InfiniteTimeSpan, CancellationToken.None).AsTask())];
        Task message = peer.Link.SendAsync("m", new byte[1], CancellationToken.None).AsTask();
        for (int i = 0; i < 16; i++)
        {
            await peer.UntilAsync(Raw.Open);
        }

        peer.Link.Close(DisconnectReason.LocalShutdown, "");

        foreach (Task waiting in (Task[])[.. requests[16..], message])
        {
            MesharaException error = await Assert.ThrowsAsync<MesharaException>(() => waiting.WaitAsync(Guard));
            Assert.Equal(MesharaErrorCode.GoingAway, error.Code);
            Assert.True(error.IsTransient);
        }

        Assert.DoesNotContain(requests[..16], r => r.IsCompleted);
    }
}
