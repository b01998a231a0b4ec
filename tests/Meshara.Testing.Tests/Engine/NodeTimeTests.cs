using Meshara.Testing.Engine;
using Xunit;

namespace Meshara.Testing.Tests.Engine;

public sealed class NodeTimeTests
{
    private readonly VirtualTime _time = new();
    private readonly NodeTime _node;
    private readonly List<string> _fired = [];

    public NodeTimeTests() => _node = new NodeTime(_time);

    [Fact]
    public void Frozen_TimersWait_AndComeAtTheThawInTheirOrder()
    {
        Timer("b", 2);
        Timer("a", 1);
        Timer("later", 20);
        _node.Stop(ClockState.Frozen);
        RunTo(10);
        Assert.Empty(_fired);

        _node.Continue();
        RunTo(30);

        Assert.Equal(["a 10", "b 10", "later 20"], _fired);
        Assert.Equal(TimeSpan.FromSeconds(30), _node.Monotonic);
    }

    [Fact]
    public void Frozen_PeriodMissedManyTimes_ComesOnce()
    {
        _node.CreateTimer(_ => _fired.Add($"{_time.Now.TotalSeconds}"), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(4));
        _node.Stop(ClockState.Frozen);
        RunTo(10);
        _node.Continue();
        RunTo(15);

        Assert.Equal(["10", "14"], _fired);
    }

    [Fact]
    public void Suspended_MonotonicTimeStandsStill_AndTimersComeLaterByAsMuch()
    {
        Timer("short", 3);
        Timer("long", 60);
        RunTo(1);
        _node.Stop(ClockState.Suspended);
        RunTo(41);
        Assert.Equal(TimeSpan.FromSeconds(1), _node.Monotonic);
        Assert.Equal(VirtualTime.Epoch + TimeSpan.FromSeconds(41), _node.GetUtcNow());

        _node.Continue();
        RunTo(200);

        Assert.Equal(["short 43", "long 100"], _fired);
        Assert.Equal(TimeSpan.FromSeconds(160), _node.Monotonic);
    }

    [Fact]
    public void Jump_OfTheWallClock_MovesNoTimer()
    {
        Timer("a", 5);
        _node.Jump(TimeSpan.FromHours(-2));

        Assert.Equal(VirtualTime.Epoch - TimeSpan.FromHours(2), _node.GetUtcNow());
        Assert.Equal(0, _node.GetTimestamp());
        RunTo(10);
        Assert.Equal(["a 5"], _fired);
    }

    [Fact]
    public void Dead_NoTimerComes_AndNoneCanBeSet()
    {
        Timer("a", 5);
        _node.Stop(ClockState.Frozen);
        RunTo(6);
        _node.Stop(ClockState.Dead);
        Timer("b", 1);
        RunTo(60);

        Assert.Empty(_fired);
    }

    [Fact]
    public void Change_WhileItWaits_CountsAndTheOldTimeIsForgotten()
    {
        ITimer timer = Timer("a", 1);
        ITimer gone = Timer("gone", 1);
        _node.Stop(ClockState.Frozen);
        RunTo(10);
        timer.Change(TimeSpan.FromSeconds(5), Timeout.InfiniteTimeSpan);
        gone.Dispose();
        _node.Continue();
        RunTo(60);

        Assert.Equal(["a 15"], _fired);
    }

    [Fact]
    public void Change_OfADisposedTimer_StaysDead()
    {
        ITimer timer = Timer("a", 1);
        timer.Dispose();

        Assert.False(timer.Change(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1)));
        RunTo(60);
        Assert.Empty(_fired);
    }

    private ITimer Timer(string name, int seconds) =>
        _node.CreateTimer(_ => _fired.Add($"{name} {_time.Now.TotalSeconds}"), null, TimeSpan.FromSeconds(seconds), Timeout.InfiniteTimeSpan);

    private void RunTo(int seconds)
    {
        bool there = false;
        using ITimer stop = _time.CreateTimer(_ => there = true, null, TimeSpan.FromSeconds(seconds) - _time.Now, Timeout.InfiniteTimeSpan);
        while (!there)
        {
            _time.FireNext();
        }
    }
}
