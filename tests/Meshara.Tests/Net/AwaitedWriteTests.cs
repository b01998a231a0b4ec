using Meshara.Net;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Net;

/// <summary>Writes that wait are used again for the next that wait: none may hear of what was meant for the one before.</summary>
public sealed class AwaitedWriteTests
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Cancel_TokenOfASendThatIsOver_TheNextThatWaitsDoesNotHearIt()
    {
        using CancellationTokenSource first = new(), second = new();
        Link link = CreateLink();
        Task one = Fill(link, first.Token).AsTask();
        link.Outgoing.TakeNext();
        await one.WaitAsync(Guard);
        ValueTask two = Fill(link, second.Token);

        await first.CancelAsync();
        Assert.False(two.IsCompleted);

        await second.CancelAsync();
        Assert.True(two.IsCompleted);
        OperationCanceledException error = await Assert.ThrowsAnyAsync<OperationCanceledException>(two.AsTask);
        Assert.Equal(second.Token, error.CancellationToken);
    }

    [Fact]
    public async Task SendAsync_WaitsAgainAfterItsEndWasTaken_UsesTheSameAgain()
    {
        Link link = CreateLink();
        int first = await WaitsAsync(link), second = await WaitsAsync(link);
        Task[] waiting = [Fill(link, default).AsTask(), link.SendAsync("m", new byte[1], default).AsTask()];
        int both = link.Outgoing.SpareWrites;
        link.Outgoing.TakeNext();
        await Task.WhenAll(waiting).WaitAsync(Guard);

        Assert.Equal((1, 1, 0, 2), (first, second, both, link.Outgoing.SpareWrites));
    }

    // More than one frame never fits at once; its write begins to wait and ends before the token is looked at.
    [Fact]
    public async Task SendAsync_LargeWithAToken_IsUsedAgainAllTheSame()
    {
        using CancellationTokenSource cancel = new();
        Link link = CreateLink();
        await link.SendAsync("m", new byte[20_000], cancel.Token);

        Assert.Equal(1, link.Outgoing.SpareWrites);
    }

    [Fact]
    public async Task SendAsync_EndTakenTwice_ThrowsAndHarmsNobody()
    {
        Link link = CreateLink();
        ValueTask wait = Fill(link, default);
        link.Outgoing.TakeNext();
        await wait;

#pragma warning disable CA2012, VSTHRD002 // What is forbidden is what is tested.
        Assert.Throws<InvalidOperationException>(() => wait.GetAwaiter().GetResult());
#pragma warning restore CA2012, VSTHRD002

        Assert.Equal(1, link.Outgoing.SpareWrites);
    }

    [Fact]
    public async Task Cancel_PartIsOut_IsNotUsedAgainBeforeTheRestIsOut()
    {
        using CancellationTokenSource cancel = new();
        Link link = CreateLink();
        Task sending = link.SendAsync("m", new byte[200_000], cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
        Assert.Equal(0, link.Outgoing.SpareWrites);

        Task behind = link.SendAsync("m", new byte[1], default).AsTask();
        while (!link.Outgoing.TakeNext().IsEmpty)
        {
            Assert.False(sending.IsCompletedSuccessfully);
        }

        await behind.WaitAsync(Guard);
    }

    [Fact]
    public async Task SendAsync_ManyThatAreCancelledAtAnyMoment_EachEndsAndWhatWasSentArrivesInOrder()
    {
        const int Producers = 4, Each = 2000;
        await using LinkPair pair = LinkPair.StartInMemory();
        int[] last = new int[Producers];
        int received = 0, cancelled = 0;
        bool inOrder = true;
        pair.Acceptor.Handlers.AddMessages("m", (message, _) =>
        {
            (int producer, int number) = (message.Payload.Span[0], BitConverter.ToInt32(message.Payload.Span[1..]));
            inOrder &= number > last[producer];
            last[producer] = number;
            received++;
            return ValueTask.CompletedTask;
        });

        await Task.WhenAll(Enumerable.Range(0, Producers).Select(producer => Task.Run(async () =>
        {
            Random random = new(producer);
            for (int i = 1; i <= Each; i++)
            {
                byte[] message = new byte[random.Next(100, 4000)];
                message[0] = (byte)producer;
                BitConverter.TryWriteBytes(message.AsSpan(1), i);
                using CancellationTokenSource cancel = new();
                ValueTask sending = pair.Dialer.Link.SendAsync("m", message, cancel.Token);
                Task cancelling = random.Next(2) == 0 ? Task.Run(cancel.Cancel) : Task.CompletedTask;
                try
                {
                    await sending;
                }
                catch (OperationCanceledException error)
                {
                    Assert.Equal((cancel.Token, true), (error.CancellationToken, cancel.IsCancellationRequested));
                    Interlocked.Increment(ref cancelled);
                }

                await cancelling;
            }
        }))).WaitAsync(Guard);
        await pair.Dialer.Link.SendAcknowledgedAsync("m", new byte[] { 0, 255, 255, 255, 127 }, default).AsTask().WaitAsync(Guard);

        Assert.True(inOrder);

        // One that is cancelled when a part of it is out arrives all the same.
        Assert.InRange(cancelled, 1, Producers * Each);
        Assert.InRange(received, (Producers * Each) + 1 - cancelled, (Producers * Each) + 1);
        Assert.InRange(pair.Dialer.Link.Outgoing.SpareWrites, 0, Producers);
    }

    // How many can be used again, after one has waited.
    private static async Task<int> WaitsAsync(Link link)
    {
        ValueTask wait = Fill(link, default);
        link.Outgoing.TakeNext();
        await wait;
        return link.Outgoing.SpareWrites;
    }

    // Sends until the buffer is full; the send that waits.
    private static ValueTask Fill(Link link, CancellationToken cancellationToken)
    {
        while (true)
        {
            ValueTask sending = link.SendAsync("m", new byte[1000], cancellationToken);
            if (!sending.IsCompleted)
            {
                return sending;
            }
        }
    }

    private static Link CreateLink()
    {
        LinkLimits plenty = new() { InitialWindow = 1 << 30 };
        using NodeIdentity peer = NodeIdentity.Create();
        return LinkSide.Create(Stream.Null, peer.PublicKey, inbound: false, plenty, plenty, timeouts: null, new ManualTimeProvider(), CancellationToken.None).Link;
    }
}
