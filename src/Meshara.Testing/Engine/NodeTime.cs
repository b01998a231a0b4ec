namespace Meshara.Testing.Engine;

/// <summary>What the machine of a node is doing.</summary>
internal enum ClockState
{
    /// <summary>It runs.</summary>
    Running,

    /// <summary>The process is stopped (SIGSTOP): no timer comes, all time goes on.</summary>
    Frozen,

    /// <summary>The machine sleeps: no timer comes, and monotonic time stands still; wall-clock time goes on.</summary>
    Suspended,

    /// <summary>The process is gone, and with it its timers.</summary>
    Dead,
}

/// <summary>The clock of one node: the virtual time, with a wall clock that can jump, and timers that wait while the node is frozen or asleep.</summary>
internal sealed class NodeTime(VirtualTime time) : TimeProvider
{
    private readonly List<(NodeTimer Timer, int Version)> _waiting = [];
    private TimeSpan _offset;
    private TimeSpan _slept;
    private TimeSpan _since;

    /// <summary>What the machine is doing.</summary>
    public ClockState State { get; private set; }

    /// <summary>Monotonic time: that of the simulation without what this machine slept.</summary>
    public TimeSpan Monotonic => (State == ClockState.Suspended ? _since : time.Now) - _slept;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => VirtualTime.Epoch + time.Now + _offset;

    public override long GetTimestamp() => Monotonic.Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ArgumentNullException.ThrowIfNull(callback);
        NodeTimer timer = new(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>The wall clock is set.</summary>
    public void Jump(TimeSpan by) => _offset += by;

    /// <summary>Its timers wait from now on.</summary>
    public void Stop(ClockState why)
    {
        State = why;
        _since = time.Now;
        if (why == ClockState.Dead)
        {
            _waiting.Clear();
        }
    }

    /// <summary>Its timers come again: those that were due meanwhile now, in the order in which they were due.</summary>
    public void Continue()
    {
        if (State == ClockState.Suspended)
        {
            _slept += time.Now - _since;
        }

        State = ClockState.Running;
        (NodeTimer Timer, int Version)[] waited = [.. _waiting.Where(w => w.Version == w.Timer.Version).OrderBy(w => w.Timer.Due).ThenBy(w => w.Timer.Order)];
        _waiting.Clear();
        foreach ((NodeTimer timer, _) in waited)
        {
            time.Schedule(timer, time.Now + Positive(timer.Due - Monotonic));
        }
    }

    private static TimeSpan Positive(TimeSpan span) => span > TimeSpan.Zero ? span : TimeSpan.Zero;

    private sealed class NodeTimer(NodeTime node, TimerCallback callback, object? state) : Scheduled, ITimer
    {
        private readonly NodeTime _node = node;
        private readonly VirtualTime _time = node.VirtualTime;
        private readonly ExecutionContext? _context = ExecutionContext.Capture();
        private TimeSpan _period = Timeout.InfiniteTimeSpan;
        private bool _disposed;

        /// <summary>When, by the node's monotonic time.</summary>
        public TimeSpan Due { get; private set; }

        public override void Fire()
        {
            switch (_node.State)
            {
                case ClockState.Dead:
                    return;
                case ClockState.Frozen or ClockState.Suspended:
                    _node._waiting.Add((this, Version));
                    return;
            }

            TimeSpan early = Due - _node.Monotonic;
            if (early > TimeSpan.Zero)
            {
                // The machine slept in between.
                _time.ScheduleAgain(this, _time.Now + early);
                return;
            }

            if (_period != Timeout.InfiniteTimeSpan)
            {
                Set(_period);
            }

            TimerCalls.Call(_context, callback, state);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            TimerCalls.Check(dueTime, period);
            if (_disposed || _node.State == ClockState.Dead)
            {
                return !_disposed;
            }

            _period = period > TimeSpan.Zero ? period : Timeout.InfiniteTimeSpan;
            if (dueTime == Timeout.InfiniteTimeSpan)
            {
                _time.Cancel(this);
            }
            else
            {
                Set(dueTime);
            }

            return true;
        }

        public void Dispose()
        {
            _disposed = true;
            _time.Cancel(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Set(TimeSpan after)
        {
            Due = _node.Monotonic + after;
            _time.Schedule(this, _time.Now + after);
        }
    }

    private VirtualTime VirtualTime => time;
}
