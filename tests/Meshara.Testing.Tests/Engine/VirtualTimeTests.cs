using Meshara.Testing.Engine;
using Xunit;

namespace Meshara.Testing.Tests.Engine;

public sealed class VirtualTimeTests
{
    private readonly VirtualTime _time = new();

    [Fact]
    public void FireNext_TimersOfOneTime_ComeInTheOrderInWhichTheyWereSet()
    {
        List<int> fired = [];
        foreach (int n in (int[])[1, 2, 3])
        {
            _time.CreateTimer(_ => fired.Add(n), null, TimeSpan.FromSeconds(n == 2 ? 1 : 2), Timeout.InfiniteTimeSpan);
        }

        while (_time.FireNext())
        {
        }

        Assert.Equal([2, 1, 3], fired);
        Assert.Equal(TimeSpan.FromSeconds(2), _time.Now);
        Assert.Equal(VirtualTime.Epoch + TimeSpan.FromSeconds(2), _time.GetUtcNow());
    }

    [Fact]
    public void Change_OfADisposedTimer_StaysDead()
    {
        int fired = 0;
        ITimer timer = _time.CreateTimer(_ => fired++, null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
        timer.Dispose();

        Assert.False(timer.Change(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1)));
        Assert.False(_time.FireNext());
        Assert.Equal(0, fired);
    }

    [Fact]
    public void FireNext_CallbackThrows_ComesOutAndTheNextIsNotLost()
    {
        bool fired = false;
        _time.CreateTimer(_ => throw new InvalidOperationException("mine"), null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
        _time.CreateTimer(_ => fired = true, null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);

        Assert.Equal("mine", Assert.Throws<InvalidOperationException>(() => _time.FireNext()).Message);
        Assert.True(_time.FireNext());
        Assert.True(fired);
    }

    [Fact]
    public void Change_AgainAndAgain_TheHeapStaysSmallAndTheTimerComesOnce()
    {
        int fired = 0;
        ITimer[] timers = [.. Enumerable.Range(0, 100).Select(_ => _time.CreateTimer(_ => fired++, null, TimeSpan.FromSeconds(30), Timeout.InfiniteTimeSpan))];
        for (int i = 0; i < 10_000; i++)
        {
            timers[i % 100].Change(TimeSpan.FromSeconds(30), Timeout.InfiniteTimeSpan);
        }

        Assert.InRange(_time.HeapSize, 100, 250);
        Assert.Equal(100, _time.Pending);
        while (_time.FireNext())
        {
        }

        Assert.Equal(100, fired);
        Assert.Equal(TimeSpan.FromSeconds(30), _time.Now);
    }

    [Fact]
    public void Dispose_OfMany_LeavesNothingPending()
    {
        ITimer[] timers = [.. Enumerable.Range(0, 1000).Select(n => _time.CreateTimer(_ => { }, null, TimeSpan.FromSeconds(n), Timeout.InfiniteTimeSpan))];
        foreach (ITimer timer in timers)
        {
            timer.Dispose();
        }

        Assert.Equal(0, _time.Pending);
        Assert.False(_time.FireNext());
        Assert.Equal(TimeSpan.Zero, _time.Now);
    }

    [Fact]
    public void Period_Set_ComesAgainUntilItIsChanged()
    {
        List<TimeSpan> fired = [];
        ITimer timer = _time.CreateTimer(_ => fired.Add(_time.Now), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2));
        _time.FireNext();
        _time.FireNext();
        timer.Change(TimeSpan.FromSeconds(7), TimeSpan.Zero);
        _time.FireNext();

        Assert.Equal([TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(10)], fired);
        Assert.False(_time.FireNext());
    }

    [Theory]
    [InlineData(-2)]
    [InlineData(4_294_967_295)]
    public void CreateTimer_TimeThatTheSystemDoesNotTake_Throws(long milliseconds) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => _time.CreateTimer(_ => { }, null, TimeSpan.FromMilliseconds(milliseconds), Timeout.InfiniteTimeSpan));

    [Fact]
    public void Close_WithTimers_NothingComesAnyMore()
    {
        _time.CreateTimer(_ => { }, null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        _time.Close();
        _time.CreateTimer(_ => { }, null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));

        Assert.False(_time.FireNext());
        Assert.Equal(0, _time.Pending);
    }

    [Fact]
    public void Callback_WithAsyncLocal_SeesThatOfItsMaker()
    {
        AsyncLocal<int> local = new() { Value = 1 };
        int seen = 0;
        using ITimer timer = _time.CreateTimer(_ => seen = local.Value, null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
        local.Value = 2;
        _time.FireNext();

        Assert.Equal(1, seen);
    }
}
