using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core.Policy;

public sealed class OwnFaultTests
{
    private readonly OwnFault _fault = new();
    private TimeSpan _now = TimeSpan.FromSeconds(100);

    // The machine has just started.
    [Fact]
    public void Holds_NothingWasLost_No()
    {
        Assert.False(_fault.Holds(TimeSpan.FromSeconds(5)));
    }

    // One that is lost twice a minute is no longer counted when both are long ago.
    [Fact]
    public void Lost_AnotherWasLostTwiceLongAgo_ItCountsNoMore()
    {
        NodeId[] linked = [.. Enumerable.Range(1, 3).Select(AddressBed.Id)];
        Assert.False(_fault.Lost(AddressBed.Id(0), linked, _now));
        Assert.False(_fault.Lost(AddressBed.Id(0), linked, _now + TimeSpan.FromSeconds(30)));

        Assert.False(_fault.Lost(AddressBed.Id(1), [AddressBed.Id(2)], _now + TimeSpan.FromSeconds(200)));
    }

    [Theory]
    [InlineData(1, 0, true)] // one of one: nothing tells whose fault it was
    [InlineData(1, 1, false)]
    [InlineData(2, 0, true)]
    [InlineData(2, 1, true)]
    [InlineData(2, 2, false)] // half is not over half
    [InlineData(9, 7, true)]
    [InlineData(7, 9, false)]
    public void Lost_SomeOfAll_IsOursWhenOverHalf(int lost, int remain, bool ours)
    {
        List<NodeId> linked = [.. Enumerable.Range(0, lost + remain).Select(AddressBed.Id)];
        bool verdict = false;
        for (int i = 0; i < lost; i++)
        {
            linked.Remove(AddressBed.Id(i));
            _now += TimeSpan.FromSeconds(50.0 / lost);
            verdict = _fault.Lost(AddressBed.Id(i), linked, _now);
        }

        Assert.Equal(ours, verdict);
        Assert.Equal(ours, _fault.Holds(_now));
        _now += TimeSpan.FromSeconds(61);
        Assert.False(_fault.Holds(_now));
    }

    // One flaky peer among three, lost again and again, is one peer.
    [Fact]
    public void Lost_TheSameAgain_IsOnePeer()
    {
        NodeId[] others = [AddressBed.Id(1), AddressBed.Id(2)];
        for (int i = 0; i < 20; i++)
        {
            Assert.False(_fault.Lost(AddressBed.Id(0), others, _now));
            _now += TimeSpan.FromSeconds(2);
        }
    }

    [Fact]
    public void Lost_SpreadOverMinutes_IsNotOurs()
    {
        List<NodeId> linked = [.. Enumerable.Range(0, 4).Select(AddressBed.Id)];
        foreach (NodeId id in linked.ToArray())
        {
            linked.Remove(id);
            Assert.False(_fault.Lost(id, linked, _now) && linked.Count > 1);
            _now += TimeSpan.FromSeconds(61);
        }
    }

    // Those that came back count once.
    [Fact]
    public void Lost_BackAlready_AreStillLost()
    {
        NodeId[] all = [.. Enumerable.Range(0, 5).Select(AddressBed.Id)];
        bool verdict = false;
        for (int i = 0; i < 3; i++)
        {
            verdict = _fault.Lost(all[i], [.. all.Where(id => id != all[i])], _now);
        }

        Assert.True(verdict);
    }

    // A loss counts for a minute, and the verdict holds for one, both to the last tick.
    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    public void Lost_AMinuteBefore_CountsStill(int ticksMore, bool ours)
    {
        NodeId[] others = [AddressBed.Id(5), AddressBed.Id(6)];
        Assert.False(_fault.Lost(AddressBed.Id(0), [AddressBed.Id(1), AddressBed.Id(2), .. others], _now));
        _now += OwnFault.Window + TimeSpan.FromTicks(ticksMore);
        Assert.False(_fault.Lost(AddressBed.Id(1), [AddressBed.Id(2), .. others], _now));
        Assert.Equal(ours, _fault.Lost(AddressBed.Id(2), others, _now));
        _now += OwnFault.Window;
        Assert.Equal(ours, _fault.Holds(_now));
        _now += TimeSpan.FromTicks(1);
        Assert.False(_fault.Holds(_now));
    }

    // Who was lost twice is one of the lost until both are a minute old.
    [Fact]
    public void Lost_TwiceByOne_CountsUntilTheSecondIsOver()
    {
        NodeId[] others = [AddressBed.Id(5), AddressBed.Id(6)];
        _fault.Lost(AddressBed.Id(0), [AddressBed.Id(1), AddressBed.Id(2), .. others], _now);
        _now += TimeSpan.FromSeconds(30);
        _fault.Lost(AddressBed.Id(0), [AddressBed.Id(1), AddressBed.Id(2), .. others], _now);
        _now += TimeSpan.FromSeconds(45);
        Assert.False(_fault.Lost(AddressBed.Id(1), [AddressBed.Id(2), .. others], _now));
        Assert.True(_fault.Lost(AddressBed.Id(2), others, _now));
    }

    // Long forgotten losses are no part of the whole either.
    [Fact]
    public void Lost_ManyLongAgo_DoNotMakeTheWholeLarger()
    {
        for (int i = 10; i < 20; i++)
        {
            _fault.Lost(AddressBed.Id(i), [.. Enumerable.Range(20, 30).Select(AddressBed.Id)], _now);
        }

        _now += TimeSpan.FromMinutes(5);
        Assert.False(_fault.Lost(AddressBed.Id(1), [AddressBed.Id(2), AddressBed.Id(3)], _now));
        Assert.True(_fault.Lost(AddressBed.Id(2), [AddressBed.Id(3)], _now));
    }
}
