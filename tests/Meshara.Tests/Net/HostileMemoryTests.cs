using Meshara.Net;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Net;

/// <summary>hostile-inputs.md, sections Streams W6, W9 and Framing F13: what a peer can make this node hold.</summary>
public sealed class HostileMemoryTests
{
    private static readonly TimeSpan Guard = RawPeer.Guard;

    [Theory]
    [InlineData(1)]
    [InlineData(0)]
    public async Task W6_AThousandLargeMessagesBegunAndNeverFinished_EightHoldMemoryAndAreResetAtTheDeadline(byte kind)
    {
        ManualTimeProvider clock = new();
        LinkLimits limits = new();
        await using RawPeer peer = await RawPeer.StartAsync(limits, time: clock);
        peer.Honest.Handlers.AddAny((_, _) => ValueTask.CompletedTask);
        peer.Honest.Handlers.AddRequests("p0", (m, _) => ValueTask.FromResult(m.Payload));
        for (int i = 0; i < 1000; i++)
        {
            await peer.SendAsync(Raw.OpenFrame(peer.Own(i), kind, kind == 1 ? "p0" : $"p{i}"), Raw.DataFrame(peer.Own(i), 0, limits.InitialWindow - 32));
        }

        await peer.RoundTripAsync();
        await peer.RoundTripAsync();
        SlotPool places = peer.Link.Streams.Places.Link;
        Assert.Equal((0, 992), (places.Free, places.Waiting));

        // Who got a place gets credit; nobody else may send another byte.
        ulong[] first = Granted(peer);
        Assert.Equal(8, first.Length);
        HashSet<ulong> reset = [];
        for (int round = 1; round <= 3; round++)
        {
            clock.Advance(new NodeTimeouts().Progress);
            peer.Link.CheckLiveness();
            await peer.RoundTripAsync();
            await peer.RoundTripAsync();
            RawFrame[] resets = [.. peer.Seen.Where(f => f.Type == Raw.Reset)];
            Assert.All(resets, f => Assert.Equal(7ul, f.Code));
            reset = [.. resets.Select(f => f.Id)];
            Assert.Equal(8 * round, reset.Count);
            Assert.Equal(8 * (round + 1), Granted(peer).Length);
            Assert.Equal(0, places.Free);
        }

        Assert.Superset(first.ToHashSet(), reset);
    }

    [Fact]
    public async Task W6_ABodyThatGrowsBeyondMaxMessage_IsResetAndItsPlaceIsFree()
    {
        LinkLimits limits = new() { MaxMessage = 64 << 10 };
        await using RawPeer peer = await RawPeer.StartAsync(limits);
        peer.Honest.Handlers.AddRequests("p", (m, _) => ValueTask.FromResult(m.Payload));
        int slots = peer.Link.Streams.Places.Link.Free;
        await peer.SendAsync(Raw.OpenFrame(peer.Own(0), 1, "p"));
        long credit = limits.InitialWindow;
        RawFrame? reset = null;
        while (reset is null)
        {
            int length = (int)Math.Min(credit - 32, 8192);
            if (length > 0)
            {
                await peer.SendAsync(Raw.DataFrame(peer.Own(0), 0, length));
                credit -= 32 + length;
            }

            peer.Seen.Clear();
            await peer.RoundTripAsync();
            credit += peer.Seen.Where(f => f.Type == Raw.Window).Sum(f => (long)f.Code);
            reset = peer.Seen.Find(f => f.Type == Raw.Reset);
        }

        Assert.Equal((peer.Own(0), 8ul), (reset.Id, reset.Code));
        Assert.Equal(slots, peer.Link.Streams.Places.Link.Free);
    }

    [Fact]
    public async Task W6_ManyLinks_ShareThePlacesOfTheNode()
    {
        LinkLimits limits = new() { MaxMessage = 1 << 20, LinkReassembly = 8 << 20, NodeReassembly = 12 << 20 };
        NodePlaces node = NodePlaces.From(limits);
        await using RawPeer one = await RawPeer.StartAsync(limits, nodePlaces: node);
        await using RawPeer two = await RawPeer.StartAsync(limits, nodePlaces: node);
        foreach (RawPeer peer in (RawPeer[])[one, two])
        {
            peer.Honest.Handlers.AddRequests("p", (m, _) => ValueTask.FromResult(m.Payload));
            for (int i = 0; i < 20; i++)
            {
                await peer.SendAsync(Raw.OpenFrame(peer.Own(i), 1, "p"), Raw.DataFrame(peer.Own(i), 0, limits.InitialWindow - 32));
            }

            await peer.RoundTripAsync();
            await peer.RoundTripAsync();
        }

        Assert.Equal((8, 4), (Granted(one).Length, Granted(two).Length));

        // The first link goes: the node's places go to the second, as many as a link may have.
        one.Link.Close(DisconnectReason.ConnectionLost, "");
        await one.Honest.Ended.WaitAsync(Guard);
        await two.RoundTripAsync();
        await two.RoundTripAsync();
        Assert.Equal(8, Granted(two).Length);
        Assert.Equal((4, 0), (node.Bodies.Free, node.Bodies.Waiting));
    }

    [Fact]
    public async Task W6_MessagesThatEndWhileTheyWaitForAPlace_LeaveTheLine()
    {
        LinkLimits limits = new() { InitialWindow = 4096 };
        await using RawPeer peer = await RawPeer.StartAsync(limits);
        TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        const int Count = 20_000;
        int handled = 0;
        peer.Honest.Handlers.AddAny((_, _) =>
        {
            if (++handled == Count)
            {
                done.TrySetResult();
            }

            return ValueTask.CompletedTask;
        });
        for (int i = 0; i < 8; i++)
        {
            await peer.SendAsync(Raw.OpenFrame(peer.Own(i), 0, $"holds{i}"), Raw.DataFrame(peer.Own(i), 0, 3000));
        }

        await peer.SendAsync(Raw.OpenFrame(peer.Own(8), 0, "small"));
        await peer.RoundTripAsync();
        SlotPool places = peer.Link.Streams.Places.Link;
        Assert.Equal((0, 0), (places.Free, places.Waiting));

        // Each is more than half the window and comes in two pieces, so each asks for a place before it ends.
        long credit = 4096;
        byte[] message = [.. Raw.DataFrame(peer.Own(8), 0, 2200), .. Raw.DataFrame(peer.Own(8), Raw.Eom, 1)];
        for (int i = 0; i < Count; i++)
        {
            for (; credit < 2200 + 32 + 33; credit += (long)(await peer.UntilAsync(Raw.Window, f => f.Id == peer.Own(8))).Code)
            {
                Assert.InRange(places.Waiting, 0, 1);
            }

            await peer.SendAsync(message);
            credit -= 2200 + 32 + 33;
        }

        await done.Task.WaitAsync(Guard);
        Assert.Equal(0, places.Waiting);
        for (int i = 0; i < 8; i++)
        {
            await peer.SendAsync(Raw.ResetFrame(peer.Own(i)));
        }

        await peer.RoundTripAsync();
        Assert.Equal(8, places.Free);
    }

    [Fact]
    public async Task W9_EveryWindowFilledToTheLastByteAndNobodyReads_NoMoreCreditIsGiven()
    {
        LinkLimits limits = new() { MaxStreams = 256 };
        await using RawPeer peer = await RawPeer.StartAsync(limits);
        Held held = new();
        held.Streams(peer.Honest, "s");
        held.Requests(peer.Honest, "r");
        peer.Honest.Handlers.AddAny(async (_, stop) => await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stop));
        for (int i = 0; i < limits.MaxStreams; i++)
        {
            byte kind = (byte)(i % 2 * 2);
            await peer.SendAsync(
                Raw.OpenFrame(peer.Own(i), kind, kind == 0 ? $"m{i}" : "s"), Raw.DataFrame(peer.Own(i), kind == 0 ? Raw.Eom : (byte)0, limits.InitialWindow - 64), Raw.DataFrame(peer.Own(i), kind == 0 ? Raw.Eom : Raw.Fin, 0));
        }

        await peer.RoundTripAsync();
        await peer.RoundTripAsync();

        Assert.DoesNotContain(peer.Seen, f => f.Type is Raw.Window or Raw.MaxStreams);
        Assert.Equal(limits.MaxStreams, peer.Link.Streams.Count);
    }

    [Fact]
    public async Task W9_WindowsGrownByReadersThatThenStop_KeepToTheBudgetUntilTheHandlersReturn()
    {
        const int Streams = 16;
        const long Growth = 64 << 10;
        LinkLimits limits = new() { InitialWindow = 4096, MaxStreams = Streams, MaxWindow = 1 << 20, LinkBudget = (2 * Streams * 4096) + (int)Growth };
        await using RawPeer peer = await RawPeer.StartAsync(limits);
        const int Read = 40_000;
        int stopped = 0;
        TaskCompletionSource release = new(TaskCreationOptions.RunContinuationsAsynchronously);
        peer.Honest.Handlers.AddStreams("s", async (MeshStream stream, CancellationToken _) =>
        {
            await stream.ReadExactlyAsync(new byte[Read], CancellationToken.None);
            Interlocked.Increment(ref stopped);
            await release.Task;
        });
        long[] credit = [.. Enumerable.Repeat((long)limits.InitialWindow, Streams)];
        long[] sent = new long[Streams];
        await peer.SendAsync([.. Enumerable.Range(0, Streams).Select(i => Raw.OpenFrame(peer.Own(i), 2, "s"))]);
        bool moved;
        do
        {
            moved = Volatile.Read(ref stopped) < Streams;
            for (int i = 0; i < Streams; i++)
            {
                while (credit[i] > 32)
                {
                    int length = (int)Math.Min(credit[i] - 32, 16_000);
                    await peer.SendAsync(Raw.DataFrame(peer.Own(i), 0, length));
                    credit[i] -= 32 + length;
                    sent[i] += 32 + length;
                    moved = true;
                }
            }

            peer.Seen.Clear();
            await peer.RoundTripAsync();
            await peer.RoundTripAsync();
            foreach (RawFrame window in peer.Seen.Where(f => f.Type == Raw.Window))
            {
                credit[(int)(window.Id / 2)] += (long)window.Code;
                moved = true;
            }
        }
        while (moved);

        Assert.Equal(0, peer.Link.Streams.Windows.Free);

        // All that is unread, in bytes and their cost, is what the initial windows and the budget allow.
        long unread = sent.Sum() - (Streams * (long)Read);
        Assert.InRange(unread, 1, (Streams * limits.InitialWindow) + Growth);

        // Over, but still in the handlers' hands: the memory is not free yet.
        await peer.SendAsync([.. Enumerable.Range(0, Streams).Select(i => Raw.ResetFrame(peer.Own(i)))]);
        await peer.RoundTripAsync();
        Assert.Equal(0, peer.Link.Streams.Count);
        Assert.Equal(0, peer.Link.Streams.Windows.Free);
        release.SetResult();
        await peer.Honest.Tasks.WhenAllAsync().WaitAsync(Guard);
        Assert.Equal(Growth, peer.Link.Streams.Windows.Free);
    }

    [Fact]
    public async Task F13_PeerThatNeverReads_SendersWaitAndTheWriteIsKnownToHang()
    {
        ManualTimeProvider clock = new();
        await using RawPeer peer = await RawPeer.StartAsync(own: new LinkLimits { InitialWindow = 1 << 30 }, time: clock);
        List<Task> sends = [];
        long accepted = 0;
        byte[] message = new byte[64 << 10];
        while (sends.Count < 4000 && (sends.Count == 0 || sends[^1].IsCompleted || await CompletesAsync(sends[^1])))
        {
            sends.Add(peer.Link.SendAsync("m", message, CancellationToken.None).AsTask());
            accepted += message.Length;
        }

        // What the kernel holds on loopback, and one buffer being written and one being filled.
        Assert.False(sends[^1].IsCompleted);
        Assert.InRange(accepted, 1, 64 << 20);
        TimeSpan since = Assert.NotNull(peer.Link.CheckLiveness().WriteSince);
        clock.Advance(new NodeTimeouts().Write);
        Assert.Equal(since, peer.Link.CheckLiveness().WriteSince);

        // The driver's write deadline: last words that cannot be said either, and the end.
        peer.Link.Close(DisconnectReason.WriteTimeout, "");
        await Eventually.TrueAsync(() => clock.PendingTimers > 0);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(DisconnectReason.WriteTimeout, (await peer.AssertClosedWithoutBlameAsync()).Reason);
        MesharaException error = await Assert.ThrowsAsync<MesharaException>(() => sends[^1].WaitAsync(Guard));
        Assert.Equal(MesharaErrorCode.LinkClosed, error.Code);

        static async Task<bool> CompletesAsync(Task task) => await Task.WhenAny(task, Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System)) == task;
    }

    [Fact]
    public async Task F13_PeerThatAsksAndNeverReads_HasAtMostMaxStreamsAnswersWaiting()
    {
        ManualTimeProvider clock = new();
        LinkLimits limits = new() { MaxStreams = 32 };
        await using RawPeer peer = await RawPeer.StartAsync(limits, own: new LinkLimits { InitialWindow = 4096 }, time: clock);
        int started = 0;
        peer.Honest.Handlers.AddRequests("p", (_, _) =>
        {
            Interlocked.Increment(ref started);
            return ValueTask.FromResult<ReadOnlyMemory<byte>>(new byte[100_000]);
        });
        for (int i = 0; i < limits.MaxStreams; i++)
        {
            await peer.SendAsync(Raw.OpenFrame(peer.Own(i), 1, "p"), Raw.DataFrame(peer.Own(i), 0, 10_000), Raw.DataFrame(peer.Own(i), Raw.Fin, 1));
        }

        // The first part of each answer says that the rest of it waits.
        for (int i = 0; i < limits.MaxStreams; i++)
        {
            peer.Seen.Add(await peer.UntilAsync(Raw.Data));
        }

        await peer.RoundTripAsync();
        await peer.RoundTripAsync();
        Assert.Equal(limits.MaxStreams, started);

        // Each answer went as far as the credit, and no place came back.
        Assert.DoesNotContain(peer.Seen, f => f.Type == Raw.MaxStreams);
        Assert.InRange(peer.Seen.Where(f => f.Type == Raw.Data).Sum(f => f.Payload.Length), 1, limits.MaxStreams * 4096);
        Assert.Equal(limits.MaxStreams, peer.Link.Streams.Count);
        SlotPool places = peer.Link.Streams.Places.Link;
        Assert.Equal(0, places.Free);

        // One of them takes some, the others nothing: those are given up, with what they hold.
        clock.Advance(TimeSpan.FromSeconds(29));
        peer.Link.CheckLiveness();
        await peer.SendAsync(Raw.Pair(Raw.Window, peer.Own(5), 1000));
        await peer.UntilAsync(Raw.Data);
        Assert.DoesNotContain(peer.Seen, f => f.Type == Raw.Reset);
        clock.Advance(TimeSpan.FromSeconds(1));
        peer.Link.CheckLiveness();
        await Eventually.TrueAsync(() => places.Free >= 7 && places.Waiting == 0);
        await peer.RoundTripAsync();
        await peer.RoundTripAsync();
        RawFrame[] resets = [.. peer.Seen.Where(f => f.Type == Raw.Reset)];
        Assert.Equal(limits.MaxStreams - 1, resets.Length);
        Assert.DoesNotContain(resets, f => f.Id == peer.Own(5) || f.Code != 7);
        Assert.Empty(peer.Honest.Faults);
    }

    private static ulong[] Granted(RawPeer peer) => [.. peer.Seen.Where(f => f.Type == Raw.Window).Select(f => f.Id).Distinct().Order()];
}
