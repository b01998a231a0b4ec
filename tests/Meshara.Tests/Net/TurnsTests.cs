using System.Threading.Channels;
using Meshara.Net;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Net;

public sealed class TurnsTests
{
    private readonly Queue<IThreadPoolWorkItem> _line = new();
    private readonly List<int> _done = [];

    [Fact]
    public void NextAsync_ManyWait_FewStandInLineAndAllGoOnInOrder()
    {
        Turns turns = new(_line.Enqueue);
        Task[] waiting = [.. Enumerable.Range(0, 10).Select(i => WorkAsync(turns, i, times: 2))];
        Assert.Empty(_done);
        int most = _line.Count;

        for (; _line.TryDequeue(out IThreadPoolWorkItem? next); most = Math.Max(most, _line.Count))
        {
            next.Execute();
        }

        Assert.Equal([.. Enumerable.Range(0, 10), .. Enumerable.Range(0, 10)], _done);
        Assert.All(waiting, static w => Assert.True(w.IsCompletedSuccessfully));
        Assert.Equal(Turns.InLine, most);
    }

    [Fact]
    public void NextAsync_AfterNobodyWaited_StandsInLineAgain()
    {
        Turns turns = new(_line.Enqueue);
        for (int i = 0; i < 3; i++)
        {
            Task waiting = WorkAsync(turns, i, times: 1);
            _line.Dequeue().Execute();
            Assert.True(waiting.IsCompletedSuccessfully);
            Assert.Empty(_line);
        }

        Assert.Equal([0, 1, 2], _done);
    }

    [Fact]
    public void IsOver_MoreThanAShare_OnlyWhileOthersWait()
    {
        Turns turns = new(_line.Enqueue);
        Assert.False(turns.IsOver(Turns.Most - 1));
        Assert.True(turns.IsOver(Turns.Most));

        Task other = WorkAsync(turns, 0, times: 1);

        Assert.False(turns.IsOver(Turns.Share - 1));
        Assert.True(turns.IsOver(Turns.Share));
        _line.Dequeue().Execute();
        Assert.False(turns.IsOver(Turns.Share));
        Assert.True(other.IsCompletedSuccessfully);
    }

    // A handler may block its thread, and wait for what another link brings.
    [Fact]
    public void Execute_TurnThatBlocks_TheOthersStandInLineAlready()
    {
        Turns turns = new(_line.Enqueue);
        int inLine = -1;
        Task first = BlockAsync();
        Task[] others = [.. Enumerable.Range(0, Turns.InLine).Select(i => WorkAsync(turns, i, times: 1))];

        _line.Dequeue().Execute();

        Assert.Equal(Turns.InLine, inLine);
        Assert.Equal(Turns.InLine, _done.Count);
        Assert.True(first.IsCompletedSuccessfully);
        Assert.All(others, static o => Assert.True(o.IsCompletedSuccessfully));

        async Task BlockAsync()
        {
            await turns.NextAsync();
            inLine = _line.Count;
            while (_line.TryDequeue(out IThreadPoolWorkItem? next))
            {
                next.Execute();
            }
        }
    }

    [Fact]
    public async Task NextAsync_FromManyThreads_EachGoesOnAsOftenAsItWaits()
    {
        Turns turns = new();
        int done = 0;
        await Task.WhenAll(Enumerable.Range(0, 32).Select(_ => Task.Run(async () =>
        {
            for (int i = 0; i < 1000; i++)
            {
                await turns.NextAsync();
                Interlocked.Increment(ref done);
            }
        }))).WaitAsync(NodeBed.Guard);

        Assert.Equal(32_000, done);
    }

    // What one link has in its buffers when it is busy: others go first after each share of it, and nothing is lost or changes places.
    [Fact]
    public async Task Link_MoreThanAShareHasCome_OthersHaveTheirTurnAndOrderHolds()
    {
        const int Count = 800;
        Channel<IThreadPoolWorkItem> line = Channel.CreateUnbounded<IThreadPoolWorkItem>();
        (MemoryStreamEnd peer, MemoryStreamEnd own) = MemoryStreamEnd.CreatePair();
        using NodeIdentity identity = NodeIdentity.Create();
        LinkLimits limits = new() { InitialWindow = 1 << 20, LinkBudget = 1 << 30, MaxStreams = 64 };
        LinkSide side = LinkSide.Create(own, identity.PublicKey, inbound: true, limits, limits, null, null, CancellationToken.None, turns: new Turns(item => Assert.True(line.Writer.TryWrite(item))));
        int handled = 0;
        side.Handlers.AddMessages("m", (message, _) =>
        {
            Assert.Equal((byte)handled, message.Payload.Span[0]);
            handled++;
            return ValueTask.CompletedTask;
        });
        IEnumerable<byte> frames = Enumerable.Range(0, Count).SelectMany(static i => Raw.DataFrame(0, Raw.Eom, [(byte)i, .. new byte[63]]));
        await peer.WriteAsync((byte[])[.. Raw.OpenFrame(0, 0, "m"), .. frames, .. Raw.DataFrame(0, Raw.Fin)]);
        peer.CompleteWrites();

        side.Start();
        IThreadPoolWorkItem first = await line.Reader.ReadAsync().AsTask().WaitAsync(NodeBed.Guard);
        int read = (int)side.Link.Describe(pinned: false, reputation: 0).MessagesReceived;
        int turns = 1;
        first.Execute();
        for (Task over = Task.WhenAll(side.Ended, side.Tasks.WhenAllAsync()); !over.IsCompleted; turns++)
        {
            Task<IThreadPoolWorkItem> next = line.Reader.ReadAsync().AsTask();
            if (await Task.WhenAny(next, over).WaitAsync(NodeBed.Guard) == next)
            {
                (await next).Execute();
            }
        }

        int most = Turns.Most / Turns.CostOf(64);
        Assert.InRange(read, 1, most + 1);
        Assert.Equal(Count, handled);
        Assert.True(turns >= Count / most, $"{turns} turns");
        Assert.Empty(side.Faults);
    }

    private async Task WorkAsync(Turns turns, int number, int times)
    {
        for (; times > 0; times--)
        {
            await turns.NextAsync();
            _done.Add(number);
        }
    }
}
