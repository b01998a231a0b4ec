using FsCheck;
using FsCheck.Fluent;
using Meshara.Core;
using Meshara.Net;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Net;

/// <summary>Two real links, and whatever two applications may do to them in whatever order.</summary>
public sealed class LinkPropertyTests
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(60);

    // Small windows, few places, few streams: everything has to wait for everything.
    private static readonly LinkLimits Tight = new()
    {
        InitialWindow = 4096,
        MaxWindow = 16 << 10,
        MaxStreams = 16,
        MaxMessage = 40 << 10,
        LinkReassembly = 80 << 10,
        NodeReassembly = 120 << 10,
        LinkBudget = (2 * 16 * 4096) + (64 << 10),
    };

    /// <summary>How the run ends.</summary>
    public enum Ending
    {
        AfterAll, DialerMeanwhile, BothMeanwhile, ConnectionCut
    }

    [Theory]
    [InlineData(Ending.AfterAll, false)]
    [InlineData(Ending.AfterAll, true)]
    [InlineData(Ending.DialerMeanwhile, false)]
    [InlineData(Ending.BothMeanwhile, false)]
    [InlineData(Ending.ConnectionCut, false)]
    public void Run_AnyInterleaving_OnceInOrderAnsweredAndAllGivenBack(Ending ending, bool roomy) =>
        Prop.ForAll(ArbMap.Default.ArbFor<int[]>(), ArbMap.Default.ArbFor<int[]>(), (there, back) =>
            RunAsync(Steps(there), Steps(back), ending, roomy ? new LinkLimits() : Tight)).Check(Seeded.Config.WithMaxTest(60));

    // Spread over all bits: the generator's numbers are small.
    private static uint[] Steps(int[] numbers) => [.. numbers.Select((n, i) => (uint)((n + (i * 31)) * 2654435761L >> 3))];

    private static async Task<bool> RunAsync(uint[] there, uint[] back, Ending ending, LinkLimits limits)
    {
        LinkPair pair = LinkPair.StartInMemory(limits, limits, new ManualTimeProvider());
        LinkScript dialer = new(pair.Dialer, pair.Acceptor, limits);
        LinkScript acceptor = new(pair.Acceptor, pair.Dialer, limits);
        dialer.AddHandlers();
        acceptor.AddHandlers();

        Task run = Task.WhenAll(dialer.RunAsync(there), acceptor.RunAsync(back));
        if (ending == Ending.AfterAll)
        {
            await run.WaitAsync(Guard);
        }

        for (int i = there.Length; i > 0; i--)
        {
            await Task.Yield();
        }

        pair.Dialer.Link.Close(ending == Ending.ConnectionCut ? DisconnectReason.ConnectionLost : DisconnectReason.LocalShutdown, "");
        if (ending == Ending.BothMeanwhile)
        {
            pair.Acceptor.Link.Close(DisconnectReason.LocalShutdown, "");
        }

        await run.WaitAsync(Guard);
        LinkEnd[] ends = await Task.WhenAll(pair.Dialer.Ended, pair.Acceptor.Ended).WaitAsync(Guard);
        await Task.WhenAll(pair.Dialer.Tasks.WhenAllAsync(), pair.Acceptor.Tasks.WhenAllAsync()).WaitAsync(Guard);
        dialer.CheckReceivedBy(acceptor, all: ending != Ending.ConnectionCut);
        acceptor.CheckReceivedBy(dialer, all: ending != Ending.ConnectionCut);
        Assert.Empty(dialer.Wrong);
        Assert.Empty(acceptor.Wrong);
        Assert.DoesNotContain(ends, e => e.Penalise || (ending != Ending.ConnectionCut && e.Reason == DisconnectReason.ConnectionLost));
        AssertGivenBack(pair.Dialer, dialer, limits, ending);
        AssertGivenBack(pair.Acceptor, acceptor, limits, ending);
        return true;
    }

    private static void AssertGivenBack(LinkSide side, LinkScript script, LinkLimits limits, Ending ending)
    {
        Exception[] faults = [.. side.Faults];
        Assert.All(faults, f => Assert.Equal("as told", Assert.IsType<InvalidOperationException>(f).Message));
        Assert.InRange(faults.Length, 0, script.Thrown);
        StreamTable streams = side.Link.Streams;
        Assert.Equal((0, 0, 0), (streams.Count, streams.Unopened, streams.MessageProtocols));
        int places = limits.LinkReassembly / limits.MaxMessage;
        foreach ((SlotPool pool, int all) in ((SlotPool, int)[])
            [(streams.Places.Link, places), (streams.ReplyPlaces.Link, places), (streams.Places.Node, limits.NodeReassembly / limits.MaxMessage), (streams.ReplyPlaces.Node, limits.NodeReassembly / limits.MaxMessage)])
        {
            Assert.Equal((all, 0), (pool.Free, pool.Waiting));
        }

        Assert.Equal(Math.Max(0, limits.LinkBudget - (2L * limits.MaxStreams * limits.InitialWindow)), streams.Windows.Free);
        if (ending != Ending.ConnectionCut)
        {
            Assert.Equal(0, streams.PeerPlaces.Live);
        }
    }
}
