using Meshara.Net;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Net;

/// <summary>The limits of frames a second, on one link and a clock that the test moves: what is slowed stands still with it.</summary>
public sealed class PeerRatesTests
{
    private const byte UnknownOptional = 0x85;

    private static readonly LinkLimits Few = new() { MaxControlFrames = 100, MaxStreams = 16 };

    [Theory]
    [InlineData(UnknownOptional)]
    [InlineData(Raw.Notice)]
    public async Task ControlFrames_TheBurst_PassesAndOneMoreSlows(byte type)
    {
        ManualTimeProvider clock = new();
        await using RawPeer peer = await RawPeer.StartAsync(Few, time: clock);
        byte[] frame = type == Raw.Notice ? Raw.Frame(type, 0, 9, 0) : Raw.Frame(type);
        await peer.SendAsync([.. Enumerable.Repeat(frame, 199)]);

        // The 200th is the PING of it.
        await peer.RoundTripAsync();
        await AssertSlowedAsync(peer, clock, frame);
    }

    [Fact]
    public async Task Answers_ToWhatThisNodeSent_AreFreeAndTheRestCounts()
    {
        ManualTimeProvider clock = new();
        await using RawPeer peer = await RawPeer.StartAsync(Few, time: clock);
        await using MeshStream stream = peer.Link.OpenStream("s");
        await stream.WriteAsync(new byte[3000]);
        await peer.UntilAsync(Raw.Data, f => f.Body.Length > 0);
        await peer.RoundTripAsync();
        int free = 3000 / PeerRates.BytesForAnswer;
        byte[] window = Raw.Pair(Raw.Window, peer.Honests(0), 1);

        // What a PING and a PONG explain besides is a few more.
        await peer.SendAsync([.. Enumerable.Repeat(window, free + 150)]);
        await peer.RoundTripAsync();
        Assert.Empty(peer.Honest.OverLimits);
        await AssertSlowedAsync(peer, clock, window);
    }

    // RESET of streams that end without a word of this node is what a rapid reset is made of.
    [Fact]
    public async Task Resets_OfStreamsThatAreOver_Count()
    {
        ManualTimeProvider clock = new();
        await using RawPeer peer = await RawPeer.StartAsync(Few, time: clock);
        peer.Honest.Handlers.AddStreams("s", async (_, stop) => await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stop));
        await peer.SendAsync(Raw.OpenFrame(peer.Own(0), 2, "s"), Raw.ResetFrame(peer.Own(0)));
        await peer.RoundTripAsync();

        await AssertSlowedAsync(peer, clock, [.. Enumerable.Repeat(Raw.ResetFrame(peer.Own(0)), 300).SelectMany(f => f)]);
    }

    [Fact]
    public async Task ControlFrames_OverTheLimitForLong_ReportedEach10SecondsWithLimitAndValue()
    {
        ManualTimeProvider clock = new();
        await using RawPeer peer = await RawPeer.StartAsync(Few, time: clock);
        await peer.RoundTripAsync();
        int timers = clock.PendingTimers;
        await peer.SendAsync([.. Enumerable.Repeat(Raw.Frame(UnknownOptional), 2600)]);

        // 200 at once, then 100 a second: 24 s, and then there is silence.
        await SlowlyAsync(clock, timers, TimeSpan.FromSeconds(23));

        Assert.Equal([Over("10"), Over("20")], peer.Honest.OverLimits);
        clock.Advance(TimeSpan.FromSeconds(5));
        await peer.RoundTripAsync();
        clock.Advance(TimeSpan.FromSeconds(60));
        await peer.RoundTripAsync();
        Assert.Equal(2, peer.Honest.OverLimits.Count);

        static string Over(string seconds) => $"more than 100 control frames a second (LinkLimits.MaxControlFrames) for {seconds} s, although it was read slowly";
    }

    // So many PINGs that wait for their PONG earn a pause after the read, and with a clock that stands still it would not end.
    [Fact]
    public async Task Pings_ManyWithTheLastWords_TheLinkEndsWithoutAPause()
    {
        GatedStream? gate = null;
        await using RawPeer peer = await RawPeer.StartAsync(wrap: s => gate = new GatedStream(s), time: new ManualTimeProvider());
        await peer.RoundTripAsync();
        await peer.StopWritingAsync(gate!);

        await peer.SendAsync([.. Enumerable.Range(0, 130).Select(i => Raw.PingFrame((ulong)i)), Raw.GoodbyeFrame(0), Raw.Frame(Raw.Done)]);
        await Eventually.TrueAsync(() => gate!.ReadsInVain == 0);
        gate!.Open();

        await peer.AssertClosedWithoutBlameAsync();
    }

    [Fact]
    public async Task Messages_OverTheLimit_ReadAtItsRateAndReportedEachMinute()
    {
        ManualTimeProvider clock = new();
        await using RawPeer peer = await RawPeer.StartAsync(new LinkLimits { MaxMessages = 10, MaxStreams = 16, InitialWindow = 64 << 10 }, time: clock);
        int handled = 0;
        peer.Honest.Handlers.AddMessages("m", (_, _) =>
        {
            Interlocked.Increment(ref handled);
            return ValueTask.CompletedTask;
        });
        await peer.RoundTripAsync();
        int timers = clock.PendingTimers;
        await peer.SendAsync([Raw.OpenFrame(peer.Own(0), 0, "m"), .. Enumerable.Repeat(Raw.DataFrame(peer.Own(0), Raw.Eom, 1), 900)]);
        await Eventually.TrueAsync(() => clock.PendingTimers > timers && Volatile.Read(ref handled) == 21);

        await SlowlyAsync(clock, timers, TimeSpan.FromSeconds(62));

        await Eventually.TrueAsync(() => Volatile.Read(ref handled) >= 600);
        Assert.InRange(Volatile.Read(ref handled), 600, 20 + 621);
        Assert.Equal(["more than 10 messages a second (LinkLimits.MaxMessages) for 60 s, although it was read slowly"], peer.Honest.OverLimits);
    }

    [Fact]
    public async Task Bytes_OverTheLimit_ReadAtItsRateWithoutAPauseThatAnyoneNotices()
    {
        ManualTimeProvider clock = new();
        await using RawPeer peer = await RawPeer.StartAsync(new LinkLimits { MaxBytes = 16 << 10 }, time: clock);
        peer.Honest.Handlers.AddMessages("m", (_, _) => ValueTask.CompletedTask);
        await peer.RoundTripAsync();
        int timers = clock.PendingTimers;

        // The largest frame there is: 64 KiB at once, of which 32 KiB are the burst.
        await peer.SendAsync(Raw.Frame(UnknownOptional, 0, new byte[65536]), Raw.OpenFrame(peer.Own(0), 0, "m"), Raw.DataFrame(peer.Own(0), Raw.Eom, 1));
        await Eventually.TrueAsync(() => clock.PendingTimers > timers);
        Assert.Null(peer.Link.CheckLiveness().PartialFrameSince);
        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(timers + 1, clock.PendingTimers);
        await ReadOnAsync(clock, peer.RoundTripAsync());
        Assert.Empty(peer.Honest.OverLimits);
    }

    [Fact]
    public async Task LinkEnds_WhileItIsReadSlowly_AtOnce()
    {
        ManualTimeProvider clock = new();
        await using RawPeer peer = await RawPeer.StartAsync(Few, time: clock);
        await peer.RoundTripAsync();
        int timers = clock.PendingTimers;
        await peer.SendAsync([.. Enumerable.Repeat(Raw.Frame(UnknownOptional), 1000)]);
        await Eventually.TrueAsync(() => clock.PendingTimers > timers);

        peer.Link.Close(DisconnectReason.LocalRemoved, "");
        await peer.UntilAsync(Raw.Goodbye);
        await ReadOnAsync(clock, peer.Honest.Ended);
        await peer.AssertClosedWithoutBlameAsync();
    }

    // The smallest limits that there are, and no time passes: whoever was slowed once would hang.
    [Theory]
    [InlineData(16)]
    [InlineData(1024)]
    public async Task HonestTraffic_ClockStandsStill_IsNeverSlowed(int maxStreams)
    {
        LinkLimits limits = new() { MaxControlFrames = 100, MaxStreams = maxStreams };
        await using LinkPair pair = LinkPair.StartInMemory(limits, limits, new ManualTimeProvider());
        pair.Acceptor.Handlers.AddMessages("m", (_, _) => ValueTask.CompletedTask);
        pair.Acceptor.Handlers.AddRequests("r", (m, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(m.Payload.ToArray()));
        pair.Acceptor.Handlers.AddRequests("large", (_, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(new byte[100_000]));

        await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => Task.Run(async () =>
        {
            for (int i = 0; i < 100; i++)
            {
                await pair.Dialer.Link.SendAcknowledgedAsync("m", ReadOnlyMemory<byte>.Empty, CancellationToken.None);
                await pair.Dialer.Link.RequestAsync("r", new byte[1], Timeout.InfiniteTimeSpan, CancellationToken.None);
                await pair.Dialer.Link.SendAsync("m", new byte[1000], CancellationToken.None);
            }

            await pair.Dialer.Link.RequestAsync("large", new byte[100_000], Timeout.InfiniteTimeSpan, CancellationToken.None);
        }))).WaitAsync(RawPeer.Guard);

        Assert.Empty(pair.Dialer.OverLimits);
        Assert.Empty(pair.Acceptor.OverLimits);
    }

    // Within the burst are as many cancelled requests as there can be at once.
    [Fact]
    public async Task HonestCancellation_OfAllStreamsAtOnce_IsNotSlowed()
    {
        LinkLimits limits = new() { MaxControlFrames = 100 };
        await using LinkPair pair = LinkPair.StartInMemory(limits, limits, new ManualTimeProvider());
        int begun = 0;
        pair.Acceptor.Handlers.AddRequests("r", async (_, stop) =>
        {
            Interlocked.Increment(ref begun);
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stop);
            return default;
        });
        pair.Acceptor.Handlers.AddRequests("echo", (m, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(m.Payload.ToArray()));
        using CancellationTokenSource cancel = new();
        Task[] requests = [.. Enumerable.Range(0, 1000).Select(_ => pair.Dialer.Link.RequestAsync("r", new byte[1], Timeout.InfiniteTimeSpan, cancel.Token).AsTask())];
        await Eventually.TrueAsync(() => Volatile.Read(ref begun) == 1000);

        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(requests));

        Assert.Equal([7], await pair.Dialer.Link.RequestAsync("echo", new byte[] { 7 }, Timeout.InfiniteTimeSpan, CancellationToken.None).AsTask().WaitAsync(RawPeer.Guard));
    }

    // Some of them are over the burst: what follows is read when the clock has moved.
    private static async Task AssertSlowedAsync(RawPeer peer, ManualTimeProvider clock, byte[] frame)
    {
        int timers = clock.PendingTimers;
        await peer.SendAsync([.. Enumerable.Repeat(frame, 100)]);
        await Eventually.TrueAsync(() => clock.PendingTimers > timers);
        Task roundTrip = peer.RoundTripAsync();
        Assert.False(roundTrip.IsCompleted);
        await ReadOnAsync(clock, roundTrip);
    }

    private static async Task ReadOnAsync(ManualTimeProvider clock, Task done)
    {
        await Eventually.TrueAsync(() =>
        {
            clock.Advance(TimeSpan.FromSeconds(0.1));
            return done.IsCompleted;
        });
        await done;
    }

    // Moves the clock only while the reader waits for it, as it does where time passes by itself.
    private static async Task SlowlyAsync(ManualTimeProvider clock, int timers, TimeSpan span)
    {
        for (TimeSpan end = clock.Now + span; clock.Now < end; clock.Advance(TimeSpan.FromSeconds(0.1)))
        {
            await Eventually.TrueAsync(() => clock.PendingTimers > timers);
        }
    }
}
