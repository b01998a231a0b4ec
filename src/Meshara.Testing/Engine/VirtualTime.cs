namespace Meshara.Testing.Engine;

/// <summary>A clock that stands still until it is told to go to its next timer. Timers of one moment fire in the order in which they were set.</summary>
internal sealed class VirtualTime : TimeProvider
{
    private static readonly DateTimeOffset Epoch = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Lock _sync = new();
    private readonly PriorityQueue<(VirtualTimer Timer, long Version), (TimeSpan Due, long Order)> _due = new();
    private TimeSpan _now;
    private long _order;

    public TimeSpan Now
    {
        get
        {
            lock (_sync)
            {
                return _now;
            }
        }
    }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => Epoch + Now;

    public override long GetTimestamp() => Now.Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        VirtualTimer timer = new(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Goes to the next timer and calls it; false: there is none.</summary>
    public bool FireNext()
    {
        VirtualTimer? timer = null;
        lock (_sync)
        {
            while (timer is null && _due.TryDequeue(out (VirtualTimer Timer, long Version) entry, out (TimeSpan Due, long Order) when))
            {
                if (entry.Timer.Version == entry.Version)
                {
                    timer = entry.Timer;
                    _now = when.Due > _now ? when.Due : _now;
                    Schedule(timer, timer.Period);
                }
            }
        }

        timer?.Call();
        return timer is not null;
    }

    private void Schedule(VirtualTimer timer, TimeSpan after)
    {
        timer.Version++;
        if (after != Timeout.InfiniteTimeSpan)
        {
            _due.Enqueue((timer, timer.Version), (_now + after, _order++));
        }
    }

    private sealed class VirtualTimer(VirtualTime time, TimerCallback callback, object? state) : ITimer
    {
        public long Version { get; set; }

        public TimeSpan Period { get; private set; } = Timeout.InfiniteTimeSpan;

        public void Call() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time._sync)
            {
                Period = period > TimeSpan.Zero ? period : Timeout.InfiniteTimeSpan;
                time.Schedule(this, dueTime);
                return true;
            }
        }

        public void Dispose() => Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
