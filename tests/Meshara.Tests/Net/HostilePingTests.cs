using System.Buffers.Binary;
using Meshara.Core;
using Meshara.Net;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Net;

/// <summary>hostile-inputs.md, section Heartbeat, as far as one link is concerned.</summary>
public sealed class HostilePingTests
{
    private static readonly TimeSpan Guard = RawPeer.Guard;

    [Fact]
    public async Task B0_PingsWhileNothingCanBeWritten_OnePongQueued()
    {
        GatedStream? gate = null;
        await using RawPeer peer = await RawPeer.StartAsync(wrap: s => gate = new GatedStream(s));
        await peer.RoundTripAsync();
        gate!.Shut();
        for (ulong i = 1; i <= 50; i++)
        {
            await peer.SendAsync(Raw.PingFrame(i));
        }

        // A message says that all PINGs have been read.
        TaskCompletionSource read = new(TaskCreationOptions.RunContinuationsAsynchronously);
        peer.Honest.Handlers.AddMessages("m", (_, _) =>
        {
            read.TrySetResult();
            return ValueTask.CompletedTask;
        });
        await peer.SendAsync(Raw.OpenFrame(peer.Own(0), 0, "m"), Raw.DataFrame(peer.Own(0), Raw.Eom, 1));
        await read.Task.WaitAsync(Guard);
        gate.Open();
        await peer.UntilAsync(Raw.Pong, f => Nonce(f) == 50);
        await peer.RoundTripAsync();

        // The one whose write was under way, the one that was queued, and none of the rest.
        Assert.InRange(peer.Seen.Count(f => f.Type == Raw.Pong && Nonce(f) <= 50), 0, 1);
    }

    [Fact]
    public async Task B0_PingFlood_ReadSlowlyThenPenalised()
    {
        ManualTimeProvider clock = new();
        GatedStream? gate = null;
        await using RawPeer peer = await RawPeer.StartAsync(time: clock, wrap: s => gate = new GatedStream(s));
        await peer.RoundTripAsync();
        gate!.Shut();
        int handled = 0;
        peer.Honest.Handlers.AddMessages("m", (_, _) =>
        {
            Interlocked.Increment(ref handled);
            return ValueTask.CompletedTask;
        });
        int timers = clock.PendingTimers;
        await peer.SendAsync([.. Enumerable.Range(1, 200).Select(i => Raw.PingFrame((ulong)i)), Raw.OpenFrame(peer.Own(0), 0, "m")]);

        // Slowed: what comes after the flood waits until the clock moves.
        await Eventually.TrueAsync(() => clock.PendingTimers > timers);
        await peer.SendAsync(Raw.DataFrame(peer.Own(0), Raw.Eom, 1));
        await peer.Link.SendAsync("out", new byte[1], CancellationToken.None);
        Assert.Equal(0, handled);
        await PassAsync(() => handled == 1);

        // Then penalised. The words must be able to go out.
        await peer.SendAsync([.. Enumerable.Range(201, PingFlood.Allowed + 100).Select(i => Raw.PingFrame((ulong)i))]);
        gate.Open();
        Task<LinkEnd> ended = peer.AssertPenalisedAsync();
        await PassAsync(() => ended.IsCompleted);
        Assert.Contains("PING", (await ended).Detail, StringComparison.Ordinal);

        async Task PassAsync(Func<bool> condition) => await Eventually.TrueAsync(() =>
        {
            clock.Advance(TimeSpan.FromMilliseconds(20));
            return condition();
        });
    }

    [Fact]
    public async Task B0_FourPingsEachSecondForAnHour_AreHonest()
    {
        ManualTimeProvider clock = new();
        GatedStream? gate = null;
        await using RawPeer peer = await RawPeer.StartAsync(time: clock, wrap: s => gate = new GatedStream(s));
        for (ulong i = 0; i < 3600; i++)
        {
            await peer.SendAsync(Raw.PingFrame(4 * i), Raw.PingFrame((4 * i) + 1), Raw.PingFrame((4 * i) + 2), Raw.PingFrame((4 * i) + 3));
            await peer.UntilAsync(Raw.Pong, f => BinaryPrimitives.ReadUInt64BigEndian(f.Payload) == (4 * i) + 3);
            clock.Advance(TimeSpan.FromSeconds(1));
        }

        await peer.RoundTripAsync();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task B1_UnsolicitedPong_Penalised(int offset)
    {
        await using RawPeer peer = await RawPeer.StartAsync();
        ulong nonce = Nonce(await peer.UntilAsync(Raw.Ping));
        await peer.SendAsync(Raw.PongFrame(nonce));
        await peer.RoundTripAsync();

        // The same again, the next one before it is sent, the one after.
        await peer.SendAsync(Raw.PongFrame(nonce + (ulong)offset));

        await peer.AssertPenalisedAsync();
    }

    [Theory]
    [InlineData(0ul)]
    [InlineData(ulong.MaxValue)]
    public async Task B1_PongWithAWrongNonce_Penalised(ulong nonce)
    {
        await using RawPeer peer = await RawPeer.StartAsync();
        await peer.UntilAsync(Raw.Ping);

        await peer.SendAsync(Raw.PongFrame(nonce));

        await peer.AssertPenalisedAsync();
    }

    [Fact]
    public async Task B1_PongForTheNewestOfFourPings_SettlesAllAndAnOlderOneIsThenUnsolicited()
    {
        await using RawPeer peer = await RawPeer.StartAsync();
        List<ulong> nonces = [Nonce(await peer.UntilAsync(Raw.Ping))];
        for (int i = 0; i < 3; i++)
        {
            ulong sent = Assert.NotNull(peer.Link.SendPing());
            nonces.Add(Nonce(await peer.UntilAsync(Raw.Ping)));
            Assert.Equal(sent, nonces[^1]);
        }

        Assert.Null(peer.Link.SendPing());
        Assert.Distinct(nonces);
        await peer.SendAsync(Raw.PongFrame(nonces[^1]));
        await peer.RoundTripAsync();
        Assert.NotNull(peer.Link.SendPing());
        await peer.SendAsync(Raw.PongFrame(nonces[0]));

        await peer.AssertPenalisedAsync();
    }

    [Theory]
    [InlineData(Raw.Ping, 0)]
    [InlineData(Raw.Ping, 7)]
    [InlineData(Raw.Ping, 9)]
    [InlineData(Raw.Ping, 65536)]
    [InlineData(Raw.Pong, 0)]
    [InlineData(Raw.Pong, 9)]
    public async Task B2_PingOrPongWithAPayloadOverTheLimit_Penalised(byte type, int length)
    {
        await using RawPeer peer = await RawPeer.StartAsync();

        await peer.SendAsync(Raw.Frame(type, 0, new byte[length]));

        await peer.AssertPenalisedAsync();
    }

    [Fact]
    public async Task B3_TwoReasonsToClose_TheFirstIsTheOneReported()
    {
        await using RawPeer peer = await RawPeer.StartAsync();
        await peer.RoundTripAsync();

        peer.Link.Close(DisconnectReason.PingTimeout, "first");
        peer.Link.Close(DisconnectReason.LocalShutdown, "second");
        await peer.SendAsync(Raw.PingFrame(1));
        RawFrame goodbye = await peer.UntilAsync(Raw.Goodbye);
        peer.ShutdownWrites();
        await peer.AssertEndFollowsAsync();

        Assert.Equal(3, goodbye.Payload[0]);
        Assert.Equal((DisconnectReason.PingTimeout, "first"), ((await peer.AssertClosedWithoutBlameAsync()).Reason, (await peer.Honest.Ended).Detail));
    }

    [Fact]
    public async Task B3_PongAfterTheLinkWasGivenUp_ClosedOnceWithOneReasonAndNoBlame()
    {
        await using RawPeer peer = await RawPeer.StartAsync();
        ulong nonce = Nonce(await peer.UntilAsync(Raw.Ping));

        peer.Link.Close(DisconnectReason.PingTimeout, "nothing was heard for 35 s");
        await peer.SendAsync(Raw.PongFrame(nonce));
        Assert.Equal(3, (await peer.UntilAsync(Raw.Goodbye)).Payload[0]);
        peer.ShutdownWrites();
        await peer.AssertEndFollowsAsync();

        LinkEnd end = await peer.AssertClosedWithoutBlameAsync();
        Assert.Equal((DisconnectReason.PingTimeout, "nothing was heard for 35 s"), (end.Reason, end.Detail));
    }

    private static ulong Nonce(RawFrame frame) => BinaryPrimitives.ReadUInt64BigEndian(frame.Payload);
}
