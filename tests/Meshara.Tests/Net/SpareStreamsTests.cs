using System.Buffers.Binary;
using System.Security.Cryptography;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Net;

/// <summary>Streams of requests are used again for later ones, and nobody notices.</summary>
public sealed class SpareStreamsTests
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Request_OneAfterTheOther_UseFewStreams()
    {
        await using LinkPair pair = await LinkPair.StartAsync();
        pair.Acceptor.Handlers.AddRequests("echo", static (message, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(message.Payload.ToArray()));
        pair.Acceptor.Handlers.AddRequests("twice", static (message, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>((byte[])[.. message.Payload.Span, .. message.Payload.Span]));

        for (byte i = 0; i < 100; i++)
        {
            string protocol = i % 2 == 0 ? "echo" : "twice";
            byte[] reply = await AskAsync(pair, protocol, [i]);
            Assert.Equal(protocol == "echo" ? [i] : [i, i], reply);
        }

        await Eventually.TrueAsync(() => pair.Dialer.Link.Streams.Spares is > 0 and < 10 && pair.Acceptor.Link.Streams.Spares is > 0 and < 10);
        Assert.Equal((0, 0), (pair.Dialer.Link.Streams.Count, pair.Acceptor.Link.Streams.Count));
    }

    [Fact]
    public async Task CheckLiveness_LinkThatHasGoneQuiet_KeepsNoSpareStreams()
    {
        await using LinkPair pair = await LinkPair.StartAsync();
        pair.Acceptor.Handlers.AddRequests("echo", static (message, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(message.Payload.ToArray()));
        await AskAsync(pair, "echo", [1]);
        await Eventually.TrueAsync(() => pair.Dialer.Link.Streams.Spares == 1);

        pair.Dialer.Link.CheckLiveness();
        await Eventually.TrueAsync(() =>
        {
            pair.Dialer.Link.CheckLiveness();
            return pair.Dialer.Link.Streams.Spares == 0;
        });

        Assert.Equal([2], await AskAsync(pair, "echo", [2]));
    }

    [Fact]
    public async Task CheckLiveness_LinkThatIsLessBusyThanBefore_KeepsAsManySpareStreamsAsItUses()
    {
        await using LinkPair pair = await LinkPair.StartAsync();
        TaskCompletionSource all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        int waiting = 0;
        pair.Acceptor.Handlers.AddRequests("together", async (message, _) =>
        {
            if (Interlocked.Increment(ref waiting) == 8)
            {
                all.SetResult();
            }

            await all.Task;
            return message.Payload.ToArray();
        });
        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => AskAsync(pair, "together", [(byte)i]))).WaitAsync(Guard);
        await Eventually.TrueAsync(() => pair.Dialer.Link.Streams.Spares == 8);

        pair.Dialer.Link.CheckLiveness();
        await AskAsync(pair, "together", [8]);
        await Eventually.TrueAsync(() => pair.Dialer.Link.Streams.Spares == 8);
        pair.Dialer.Link.CheckLiveness();

        Assert.Equal(1, pair.Dialer.Link.Streams.Spares);
        Assert.Equal([9], await AskAsync(pair, "together", [9]));
    }

    // Whatever becomes of the one before: no reply, end or cancellation of one request reaches another.
    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(64)]
    public async Task Request_ManyOfAllFates_EachHasItsOwnReply(int callers)
    {
        await using LinkPair pair = await LinkPair.StartAsync();
        int cancelledEarly = 0;
        pair.Acceptor.Handlers.AddRequests("echo", async (message, token) =>
        {
            byte[] payload = message.Payload.ToArray();
            if (payload[^1] % 3 == 0)
            {
                await Task.Yield();
            }

            Interlocked.Add(ref cancelledEarly, token.IsCancellationRequested ? 1 : 0);
            return payload;
        });
        pair.Acceptor.Handlers.AddRequests("given up", static (message, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(message.Payload.ToArray()));
        pair.Acceptor.Handlers.AddRequests("never", static async (_, token) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
            return default;
        });
        pair.Acceptor.Handlers.AddRequests("throws", static (_, _) => throw new InvalidOperationException("as told"));

        await Task.WhenAll(Enumerable.Range(0, callers).Select(caller => Task.Run(() => CallAsync(pair, caller, 1280 / callers)))).WaitAsync(Guard);

        Assert.Equal(0, cancelledEarly);
        await Eventually.TrueAsync(() => pair.Dialer.Link.Streams.Count == 0 && pair.Acceptor.Link.Streams.Count == 0 && pair.Acceptor.Tasks.Count == 0);
        Assert.Equal(0, pair.Dialer.Link.Streams.Deadlines.Count);
    }

    private static async Task CallAsync(LinkPair pair, int caller, int count)
    {
        for (int i = 0; i < count; i++)
        {
            int fate = (caller + i) % 16;
            byte[] body = RandomNumberGenerator.GetBytes(fate == 5 ? 100_000 : 64);
            BinaryPrimitives.WriteInt32LittleEndian(body, (caller << 16) + i);
            switch (fate)
            {
                case 3:
                    using (CancellationTokenSource cancel = new())
                    {
                        Task<byte[]> given = pair.Dialer.Link.RequestAsync(i % 2 == 0 ? "given up" : "never", body, Guard, cancel.Token).AsTask();
                        await cancel.CancelAsync();
                        Exception? error = await Record.ExceptionAsync(() => given);
                        Assert.True(error is OperationCanceledException || Enumerable.SequenceEqual(body, await given));
                    }

                    break;
                case 7:
                    MesharaException late = await Assert.ThrowsAsync<MesharaException>(() => pair.Dialer.Link.RequestAsync("never", body, TimeSpan.FromMilliseconds(1), CancellationToken.None).AsTask());
                    Assert.Equal(MesharaErrorCode.RequestTimeout, late.Code);
                    break;
                case 11:
                    MesharaException failed = await Assert.ThrowsAsync<MesharaException>(() => AskAsync(pair, "throws", body));
                    Assert.Equal(MesharaErrorCode.HandlerFailed, failed.Code);
                    break;
                default:
                    Assert.Equal(body, await AskAsync(pair, "echo", body));
                    break;
            }
        }
    }

    private static Task<byte[]> AskAsync(LinkPair pair, string protocol, byte[] body) =>
        pair.Dialer.Link.RequestAsync(protocol, body, Guard, CancellationToken.None).AsTask();
}
