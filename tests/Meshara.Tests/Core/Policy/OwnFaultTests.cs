using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core.Policy;

public sealed class OwnFaultTests
{
    private readonly OwnFault _fault = new();
    private TimeSpan _now = TimeSpan.FromSeconds(100);

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
}
