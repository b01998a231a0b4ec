using System.Buffers.Binary;
using System.Security.Cryptography;
using Meshara.Net;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Net;

public sealed class LinkTests
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(0)]
    [InlineData(64)]
    [InlineData(8_000)]
    [InlineData(20_000)]
    [InlineData(1 << 20)]
    public async Task Send_ManyMessages_ArriveOnceInOrderWithTheirBytes(int size)
    {
        await using LinkPair pair = await LinkPair.StartAsync();
        int count = size > 100_000 ? 20 : 2_000;
        List<byte[]> received = [];
        TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Acceptor.Handlers.AddMessages("m/1", (message, _) =>
        {
            received.Add(message.Payload.ToArray());
            if (received.Count == count)
            {
                done.TrySetResult();
            }

            return ValueTask.CompletedTask;
        });

        for (int i = 0; i < count; i++)
        {
            await pair.Dialer.Link.SendAsync("m/1", Payload(i, size), CancellationToken.None).AsTask().WaitAsync(Guard);
        }

        await done.Task.WaitAsync(Guard);
        Assert.Equal(count, received.Count);
        for (int i = 0; i < count; i++)
        {
            Assert.Equal(Payload(i, size), received[i]);
        }
    }

    [Fact]
    public async Task Send_BothDirectionsManyProtocolsAtOnce_AllArriveInOrder()
    {
        await using LinkPair pair = await LinkPair.StartAsync();
        const int Protocols = 8;
        const int Count = 3_000;
        List<Task> expected = [];
        foreach (LinkSide side in (LinkSide[])[pair.Dialer, pair.Acceptor])
        {
            for (int p = 0; p < Protocols; p++)
            {
                int next = 0;
                TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
                expected.Add(done.Task);
                side.Handlers.AddMessages($"p{p}", (message, _) =>
                {
                    int number = BinaryPrimitives.ReadInt32LittleEndian(message.Payload.Span);
                    if (number != next++)
                    {
                        done.TrySetException(new InvalidOperationException($"{number} instead of {next - 1}"));
                    }

                    if (next == Count)
                    {
                        done.TrySetResult();
                    }

                    return ValueTask.CompletedTask;
                });
            }
        }

        Task[] senders = [.. from side in (LinkSide[])[pair.Dialer, pair.Acceptor] from p in Enumerable.Range(0, Protocols) select Task.Run(() => SendAllAsync(side.Link, $"p{p}"))];
        await Task.WhenAll(senders).WaitAsync(Guard);
        await Task.WhenAll(expected).WaitAsync(Guard);

        static async Task SendAllAsync(Link link, string protocol)
        {
            for (int i = 0; i < Count; i++)
            {
                await link.SendAsync(protocol, Payload(i, 16 + ((i * 37) % 3000)), CancellationToken.None);
            }
        }
    }

    [Fact]
    public async Task SendAcknowledged_HandlerReturns_CompletesAfterIt()
    {
        await using LinkPair pair = await LinkPair.StartAsync();
        TaskCompletionSource release = new(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Acceptor.Handlers.AddMessages("a", async (_, _) => await release.Task);

        Task sending = pair.Dialer.Link.SendAcknowledgedAsync("a", "x"u8.ToArray(), CancellationToken.None).AsTask();
        _ = await pair.Dialer.Link.RequestEchoAsync(pair.Acceptor);
        Assert.False(sending.IsCompleted);
        release.SetResult();
        await sending.WaitAsync(Guard);
    }

    [Fact]
    public async Task SendAcknowledged_HandlerThrows_TellsSoAndTheLinkLives()
    {
        await using LinkPair pair = await LinkPair.StartAsync();
        pair.Acceptor.Handlers.AddMessages("a", (_, _) => throw new InvalidOperationException("mine"));

        MesharaException error = await Assert.ThrowsAsync<MesharaException>(async () =>
            await pair.Dialer.Link.SendAcknowledgedAsync("a", "x"u8.ToArray(), CancellationToken.None).AsTask().WaitAsync(Guard));

        Assert.Equal(MesharaErrorCode.HandlerFailed, error.Code);
        Assert.Equal("mine", Assert.Single(pair.Acceptor.Faults).Message);
        Assert.Equal("ping", await pair.Dialer.Link.RequestEchoAsync(pair.Acceptor));
    }

    [Fact]
    public async Task SendAcknowledged_TenThousandInFlight_AllCompleteInOrder()
    {
        await using LinkPair pair = await LinkPair.StartAsync();
        int handled = 0;
        pair.Acceptor.Handlers.AddMessages("a", (_, _) =>
        {
            handled++;
            return ValueTask.CompletedTask;
        });

        Task[] all = [.. Enumerable.Range(0, 10_000).Select(i => pair.Dialer.Link.SendAcknowledgedAsync("a", Payload(i, 40), CancellationToken.None).AsTask())];
        await Task.WhenAll(all).WaitAsync(Guard);
        Assert.Equal(10_000, handled);
    }

    [Fact]
    public async Task Send_NobodyHandlesTheProtocol_NextSendSaysSo()
    {
        await using LinkPair pair = await LinkPair.StartAsync();

        MesharaException error = await Assert.ThrowsAsync<MesharaException>(async () =>
            await pair.Dialer.Link.SendAcknowledgedAsync("none", "x"u8.ToArray(), CancellationToken.None).AsTask().WaitAsync(Guard));
        MesharaException again = await Assert.ThrowsAsync<MesharaException>(async () => await pair.Dialer.Link.SendAsync("none", "x"u8.ToArray(), CancellationToken.None));

        Assert.Equal(MesharaErrorCode.UnknownProtocol, error.Code);
        Assert.Equal(MesharaErrorCode.UnknownProtocol, again.Code);
        Assert.Equal("ping", await pair.Dialer.Link.RequestEchoAsync(pair.Acceptor));
    }

    [Fact]
    public async Task Send_LargerThanThePeerAccepts_ThrowsAtOnceAndNamesTheLimit()
    {
        await using LinkPair pair = await LinkPair.StartAsync(acceptor: new LinkLimits { MaxMessage = 2048 });

        MesharaException error = await Assert.ThrowsAsync<MesharaException>(async () => await pair.Dialer.Link.SendAsync("m", new byte[2049], CancellationToken.None));

        Assert.Equal(MesharaErrorCode.MessageTooLarge, error.Code);
        Assert.Contains("2048", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Request_AThousandAtOnceOfManySizes_EachGetsItsReply()
    {
        await using LinkPair pair = await LinkPair.StartAsync();
        pair.Acceptor.Handlers.AddRequests("hash", (message, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(SHA256.HashData(message.Payload.Span)));

        Task<bool>[] all = [.. Enumerable.Range(0, 1_000).Select(async i =>
        {
            byte[] body = Payload(i, i * 97 % 60_000);
            byte[] reply = await pair.Dialer.Link.RequestAsync("hash", body, Guard, CancellationToken.None);
            return reply.AsSpan().SequenceEqual(SHA256.HashData(body));
        })];

        Assert.All(await Task.WhenAll(all).WaitAsync(Guard), Assert.True);
    }

    [Fact]
    public async Task Request_Cancelled_TripsTheTokenOfTheHandler()
    {
        await using LinkPair pair = await LinkPair.StartAsync();
        TaskCompletionSource started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource tripped = new(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Acceptor.Handlers.AddRequests("slow", async (_, ct) =>
        {
            started.SetResult();
            await using CancellationTokenRegistration registration = ct.Register(tripped.SetResult);
            await tripped.Task;
            return ReadOnlyMemory<byte>.Empty;
        });
        using CancellationTokenSource cancel = new();

        Task<byte[]> request = pair.Dialer.Link.RequestAsync("slow", "x"u8.ToArray(), Guard, cancel.Token).AsTask();
        await started.Task.WaitAsync(Guard);
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => request);
        await tripped.Task.WaitAsync(Guard);
    }

    [Fact]
    public async Task OpenStream_BothSidesWriteMebibytes_AllArrivesAndEachEndsByItself()
    {
        await using LinkPair pair = await LinkPair.StartAsync();
        byte[] there = RandomNumberGenerator.GetBytes(5_000_000);
        byte[] back = RandomNumberGenerator.GetBytes(3_000_000);
        TaskCompletionSource<byte[]> got = new(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Acceptor.Handlers.AddStreams("bytes", async (stream, ct) =>
        {
            Task writing = WriteAndEndAsync(stream, back);
            using MemoryStream copy = new();
            await stream.CopyToAsync(copy, ct);
            await writing;
            got.SetResult(copy.ToArray());
        });

        await using MeshStream opened = pair.Dialer.Link.OpenStream("bytes");
        Task sending = WriteAndEndAsync(opened, there);
        using MemoryStream reply = new();
        await opened.CopyToAsync(reply).WaitAsync(Guard);
        await sending.WaitAsync(Guard);

        Assert.Equal(there, await got.Task.WaitAsync(Guard));
        Assert.Equal(back, reply.ToArray());

        static async Task WriteAndEndAsync(MeshStream stream, byte[] bytes)
        {
            await stream.WriteAsync(bytes);
            stream.CompleteWrites();
        }
    }

    [Fact]
    public async Task Abort_WithACodeOfTheApplication_IsWhatTheOtherSideReads()
    {
        await using LinkPair pair = await LinkPair.StartAsync();
        pair.Acceptor.Handlers.AddStreams("bytes", async (MeshStream stream, CancellationToken ct) =>
        {
            await stream.ReadExactlyAsync(new byte[1], ct);
            stream.Abort(777);
        });
        await using MeshStream opened = pair.Dialer.Link.OpenStream("bytes");
        await opened.WriteAsync(new byte[1]);

        MesharaException error = await Assert.ThrowsAsync<MesharaException>(async () => await opened.ReadAsync(new byte[1]).AsTask().WaitAsync(Guard));

        Assert.Equal(MesharaErrorCode.StreamReset, error.Code);
        Assert.Equal(777, error.StreamCode);
    }

    [Fact]
    public async Task Abort_HandlerReadsWithItsOwnToken_HearsTheCode()
    {
        await using LinkPair pair = await LinkPair.StartAsync();
        TaskCompletionSource<Exception?> heard = new(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Acceptor.Handlers.AddStreams("bytes", async (stream, ct) =>
            heard.SetResult(await Record.ExceptionAsync(async () => await stream.ReadExactlyAsync(new byte[2], ct))));
        MeshStream opened = pair.Dialer.Link.OpenStream("bytes");
        await opened.WriteAsync(new byte[1]);

        opened.Abort(777);

        Assert.Equal(777, Assert.IsType<MesharaException>(await heard.Task.WaitAsync(Guard)).StreamCode);
    }

    [Fact]
    public async Task SendPing_FromManyThreads_PongsComeInOrder()
    {
        await using LinkPair pair = await LinkPair.StartAsync();

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            for (int i = 0; i < 500; i++)
            {
                pair.Dialer.Link.SendPing();
                await Task.Yield();
            }
        }))).WaitAsync(Guard);

        Assert.Equal("ping", await pair.Dialer.Link.RequestEchoAsync(pair.Acceptor));
        Assert.False(pair.Dialer.Ended.IsCompleted);
    }

    [Fact]
    public async Task Close_AfterManySends_AllThatWasAcceptedIsHandledAndBothSidesKnowWhy()
    {
        await using LinkPair pair = await LinkPair.StartAsync();
        int handled = 0;
        pair.Acceptor.Handlers.AddMessages("m", (_, _) =>
        {
            handled++;
            return ValueTask.CompletedTask;
        });
        for (int i = 0; i < 50_000; i++)
        {
            await pair.Dialer.Link.SendAsync("m", Payload(i, 100), CancellationToken.None);
        }

        pair.Dialer.Link.Close(DisconnectReason.LocalShutdown, "");

        Assert.Equal(DisconnectReason.LocalShutdown, (await pair.Dialer.Ended.WaitAsync(Guard)).Reason);
        Assert.Equal(DisconnectReason.RemoteShutdown, (await pair.Acceptor.Ended.WaitAsync(Guard)).Reason);
        await pair.Acceptor.Tasks.WhenAllAsync().WaitAsync(Guard);
        Assert.Equal(50_000, handled);
    }

    [Fact]
    public async Task Close_Done_LeavesNoTaskAndFailsWhatComesAfter()
    {
        LinkPair pair = await LinkPair.StartAsync();
        pair.Acceptor.Handlers.AddMessages("m", (_, _) => ValueTask.CompletedTask);
        await pair.Dialer.Link.SendAcknowledgedAsync("m", "x"u8.ToArray(), CancellationToken.None).AsTask().WaitAsync(Guard);
        await pair.DisposeAsync();

        await pair.Acceptor.Tasks.WhenAllAsync().WaitAsync(Guard);
        Assert.Equal(0, pair.Acceptor.Tasks.Count);
        MesharaException error = await Assert.ThrowsAsync<MesharaException>(async () => await pair.Dialer.Link.SendAsync("m", "x"u8.ToArray(), CancellationToken.None));
        Assert.Equal(MesharaErrorCode.LinkClosed, error.Code);
        Assert.True(error.IsTransient);
    }

    private static byte[] Payload(int number, int size)
    {
        byte[] bytes = new byte[size];
        for (int i = 0; i < size; i++)
        {
            bytes[i] = (byte)(number + (i * 7));
        }

        if (size >= sizeof(int))
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
        }

        return bytes;
    }
}

internal static class LinkTestExtensions
{
    /// <summary>A round trip through the other side's application: whatever was sent before has arrived.</summary>
    public static async Task<string> RequestEchoAsync(this Link link, LinkSide other)
    {
        using IDisposable registration = other.Handlers.AddRequests("echo", (message, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(message.Payload.ToArray()));
        byte[] reply = await link.RequestAsync("echo", "ping"u8.ToArray(), TimeSpan.FromSeconds(30), CancellationToken.None);
        return System.Text.Encoding.UTF8.GetString(reply);
    }
}
