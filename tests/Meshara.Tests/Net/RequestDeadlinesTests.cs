using Meshara.Net;
using Meshara.Tests.Models;
using Meshara.Tests.Support;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Net;

public sealed class RequestDeadlinesTests
{
    private readonly ManualTimeProvider _time = new();

    [Fact]
    public async Task Enter_ManyLengths_EachEndsAtItsOwnTime()
    {
        await using LinkPair pair = LinkPair.StartInMemory(time: _time);
        using IDisposable never = Stall(pair);
        double[] lengths = [.. Enumerable.Range(0, RequestDeadlines.MaxLines + 4).Select(static i => 1.5 + i), 3, 3, 2.25];
        Task<byte[]>[] requests = [.. lengths.Select(seconds => Ask(pair, seconds))];

        for (double now = 0.25; now <= 25; now += 0.25)
        {
            _time.Advance(TimeSpan.FromSeconds(0.25));
            await Eventually.TrueAsync(() => requests.Zip(lengths).All(r => r.First.IsCompleted == r.Second <= now));
        }

        foreach (Task<byte[]> request in requests)
        {
            Assert.Equal(MesharaErrorCode.RequestTimeout, (await Assert.ThrowsAsync<MesharaException>(() => request)).Code);
        }

        Assert.Equal(0, pair.Dialer.Link.Streams.Deadlines.Count);
    }

    [Fact]
    public async Task Leave_InTheMiddleOfALine_OthersKeepTheirs()
    {
        await using LinkPair pair = LinkPair.StartInMemory(time: _time);
        using IDisposable never = Stall(pair);
        using CancellationTokenSource cancel = new();
        Task<byte[]> first = Ask(pair, 10);
        Task<byte[]> cancelled = pair.Dialer.Link.RequestAsync("never", Array.Empty<byte>(), TimeSpan.FromSeconds(10), cancel.Token).AsTask();
        Task<byte[]> last = Ask(pair, 10);

        await cancel.CancelAsync();

        await Assert.ThrowsAsync<OperationCanceledException>(() => cancelled);
        Assert.Equal(2, pair.Dialer.Link.Streams.Deadlines.Count);
        _time.Advance(TimeSpan.FromSeconds(10));
        await Assert.ThrowsAsync<MesharaException>(() => first);
        await Assert.ThrowsAsync<MesharaException>(() => last);
    }

    [Fact]
    public async Task Enter_OneAfterTheOther_NeverMoreThanOneTimer()
    {
        await using LinkPair pair = LinkPair.StartInMemory(time: _time);
        using IDisposable echo = pair.Acceptor.Handlers.AddRequests("echo", static (message, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(message.Payload.ToArray()));
        int before = _time.PendingTimers;

        for (int i = 0; i < 100; i++)
        {
            Assert.Equal([(byte)i], await pair.Dialer.Link.RequestAsync("echo", new[] { (byte)i }, TimeSpan.FromSeconds(30), CancellationToken.None));
        }

        Assert.Equal(0, pair.Dialer.Link.Streams.Deadlines.Count);
        Assert.InRange(_time.PendingTimers - before, 0, 1);

        // It was left armed for the first of them, and finds nobody.
        _time.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal(before, _time.PendingTimers);
    }

    [Fact]
    public async Task Dispose_WhileRequestsWait_EndsThemAndLeavesNoTimer()
    {
        await using LinkPair pair = LinkPair.StartInMemory(time: _time);
        using IDisposable never = Stall(pair);
        int before = _time.PendingTimers;
        Task<byte[]> request = Ask(pair, 10);
        Assert.Equal(before + 1, _time.PendingTimers);

        pair.Dialer.Link.Streams.Deadlines.Dispose();

        Assert.Equal(before, _time.PendingTimers);
        Assert.Equal(MesharaErrorCode.NodeStopped, (await Assert.ThrowsAsync<MesharaException>(() => request)).Code);
        Assert.Equal(MesharaErrorCode.NodeStopped, (await Assert.ThrowsAsync<MesharaException>(() => Ask(pair, 10))).Code);
    }

    // The deadline that falls due must not be gone with the reply: the write would have nobody to end it.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task SendAsync_ReplyBeforeTheBodyIsTaken_EndsWithItsTimeOrToken(bool byToken)
    {
        using NodeIdentity peer = NodeIdentity.Create();
        using StreamSide side = new(peer.PublicKey, inbound: false, new LinkLimits());
        using CancellationTokenSource cancel = new();
        RequestOut request = new(side.Table, "r");
        Task<byte[]> reply = request.SendAsync(new byte[100_000], byToken ? TimeSpan.FromSeconds(30) : TimeSpan.FromMilliseconds(50), cancel.Token).AsTask();

        request.Receive(FrameFlags.Fin, [1]);
        side.Table.Flush();
        if (byToken)
        {
            Assert.False(reply.IsCompleted);
            await cancel.CancelAsync();
        }
        else
        {
            side.Clock.Advance(TimeSpan.FromMilliseconds(50));
        }

        Assert.Equal([1], await reply.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        Assert.Equal(0, side.Table.Deadlines.Count);
    }

    private static IDisposable Stall(LinkPair pair) =>
        pair.Acceptor.Handlers.AddRequests("never", static async (_, ct) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
            return ReadOnlyMemory<byte>.Empty;
        });

    private static Task<byte[]> Ask(LinkPair pair, double seconds) =>
        pair.Dialer.Link.RequestAsync("never", Array.Empty<byte>(), TimeSpan.FromSeconds(seconds), CancellationToken.None).AsTask();
}
