using System.Buffers.Binary;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Net;

/// <summary>Round trips that the application asks for, beside the PINGs of the mesh.</summary>
public sealed class LinkPingTests
{
    private static readonly TimeSpan Guard = RawPeer.Guard;

    private readonly ManualTimeProvider _clock = new();

    [Fact]
    public async Task PingAsync_PongAfter250Milliseconds_IsWhatWasMeasured()
    {
        await using RawPeer peer = await StartAsync();

        Task<TimeSpan> ping = peer.Link.PingAsync(CancellationToken.None);
        RawFrame sent = await peer.UntilAsync(Raw.Ping);
        _clock.Advance(TimeSpan.FromMilliseconds(250));
        Assert.False(ping.IsCompleted);
        await peer.SendAsync(Raw.PongFrame(Nonce(sent)));

        Assert.Equal(TimeSpan.FromMilliseconds(250), await ping.WaitAsync(Guard));
        Assert.Equal(TimeSpan.FromMilliseconds(250), peer.Link.Describe(pinned: true, 0).RoundTripTime);
        await Eventually.TrueAsync(() => _clock.PendingTimers == 0);
    }

    [Fact]
    public async Task PingAsync_ThousandCallersAtOnce_ShareOnePingAndLeaveThreeToTheMesh()
    {
        await using RawPeer peer = await StartAsync();

        Task<TimeSpan>[] pings = [.. Enumerable.Range(0, 1000).Select(_ => peer.Link.PingAsync(CancellationToken.None))];
        ulong shared = Nonce(await peer.UntilAsync(Raw.Ping));
        for (int i = 0; i < 3; i++)
        {
            ulong own = Assert.NotNull(peer.Link.SendPing());
            Assert.Equal(own, Nonce(await peer.UntilAsync(Raw.Ping)));
        }

        Assert.Null(peer.Link.SendPing());
        await peer.RoundTripAsync();
        Assert.DoesNotContain(peer.Seen, frame => frame.Type == Raw.Ping);
        await peer.SendAsync(Raw.PongFrame(shared));
        await Task.WhenAll(pings).WaitAsync(Guard);

        // The three of the mesh are out still; there is a place for the next.
        Task<TimeSpan> next = peer.Link.PingAsync(CancellationToken.None);
        await peer.SendAsync(Raw.PongFrame(Nonce(await peer.UntilAsync(Raw.Ping))));
        await next.WaitAsync(Guard);
    }

    [Fact]
    public async Task PingAsync_FourOfTheMeshAreOut_SharesTheLatestAndItsPongCountsForBoth()
    {
        await using RawPeer peer = await StartAsync();
        for (int i = 0; i < 3; i++)
        {
            peer.Link.SendPing();
        }

        _clock.Advance(TimeSpan.FromSeconds(1));
        ulong latest = Assert.NotNull(peer.Link.SendPing());
        _clock.Advance(TimeSpan.FromSeconds(2));

        Task<TimeSpan> ping = peer.Link.PingAsync(CancellationToken.None);
        Assert.Null(peer.Link.SendPing());
        await peer.SendAsync(Raw.PongFrame(latest));

        Assert.Equal(TimeSpan.FromSeconds(2), await ping.WaitAsync(Guard));
    }

    [Fact]
    public async Task PingAsync_NoPong_TimesOutAndTheNextCallerSharesThePing()
    {
        await using RawPeer peer = await StartAsync();
        Task<TimeSpan> ping = peer.Link.PingAsync(CancellationToken.None);
        ulong nonce = Nonce(await peer.UntilAsync(Raw.Ping));

        _clock.Advance(TimeSpan.FromSeconds(10));

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => ping.WaitAsync(Guard));
        Assert.Equal((MesharaErrorCode.RequestTimeout, true), (e.Code, e.IsTransient));
        Assert.Contains("10 s", e.Message, StringComparison.Ordinal);
        Task<TimeSpan> second = peer.Link.PingAsync(CancellationToken.None);
        await peer.SendAsync(Raw.PongFrame(nonce));
        Assert.Equal(TimeSpan.FromSeconds(10), await second.WaitAsync(Guard));
    }

    [Fact]
    public async Task PingAsync_Cancelled_EndsAtOnceAndTheLinkLives()
    {
        await using RawPeer peer = await StartAsync();
        using CancellationTokenSource cancel = new();
        Task<TimeSpan> ping = peer.Link.PingAsync(cancel.Token);
        ulong nonce = Nonce(await peer.UntilAsync(Raw.Ping));

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ping.WaitAsync(Guard));
        await peer.SendAsync(Raw.PongFrame(nonce));
        await peer.RoundTripAsync();
    }

    [Fact]
    public async Task PingAsync_LinkEndsMeanwhileAndBefore_SaysWhy()
    {
        await using RawPeer peer = await StartAsync();
        Task<TimeSpan> ping = peer.Link.PingAsync(CancellationToken.None);
        await peer.UntilAsync(Raw.Ping);

        peer.ShutdownWrites();
        await peer.Honest.Ended.WaitAsync(Guard);

        Assert.Equal(MesharaErrorCode.LinkClosed, (await Assert.ThrowsAsync<MesharaException>(() => ping.WaitAsync(Guard))).Code);
        Task<TimeSpan> late = peer.Link.PingAsync(CancellationToken.None);
        Assert.Equal(MesharaErrorCode.LinkClosed, (await Assert.ThrowsAsync<MesharaException>(() => late.WaitAsync(Guard))).Code);
    }

    // The first PING is the link's own; it is answered here, so that nothing is outstanding.
    private async Task<RawPeer> StartAsync()
    {
        RawPeer peer = await RawPeer.StartAsync(time: _clock);
        await peer.SendAsync(Raw.PongFrame(Nonce(await peer.UntilAsync(Raw.Ping))));
        await peer.RoundTripAsync();
        return peer;
    }

    private static ulong Nonce(RawFrame frame) => BinaryPrimitives.ReadUInt64BigEndian(frame.Payload);
}
