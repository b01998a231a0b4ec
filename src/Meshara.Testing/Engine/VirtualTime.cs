using System.Runtime.InteropServices;

namespace Meshara.Testing.Engine;

/// <summary>A clock that only its driver moves, always to what is due next. What is due at the same time comes in the order in which it was set.</summary>
internal sealed class VirtualTime : TimeProvider
{
    /// <summary>When every simulation begins.</summary>
    public static readonly DateTimeOffset Epoch = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    // Below that a heap is not worth cleaning.
    private const int SmallHeap = 64;

    private readonly Lock _sync = new();
    private PriorityQueue<Entry, When> _heap = new(Soonest.First);
    private TimeSpan _now;
    private long _order;
    private int _stale;
    private bool _closed;

    /// <summary>Time since <see cref="Epoch"/>.</summary>
    public TimeSpan Now => _now;

    /// <summary>How often something was fired.</summary>
    public long Fired { get; private set; }

    /// <summary>How many are due at some time.</summary>
    public int Pending
    {
        get
        {
            lock (_sync)
            {
                return _heap.Count - _stale;
            }
        }
    }

    /// <summary>Entries of the heap, with those that mean nothing any more. For tests.</summary>
    internal int HeapSize => _heap.Count;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => Epoch + _now;

    public override long GetTimestamp() => _now.Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ArgumentNullException.ThrowIfNull(callback);
        VirtualTimer timer = new(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Sets when something is due, instead of any time it had. A time that has passed is now.</summary>
    public void Schedule(Scheduled what, TimeSpan at)
    {
        lock (_sync)
        {
            what.Order = ++_order;
            Enqueue(what, at);
        }
    }

    /// <summary>The same, for what keeps its turn among those of one time.</summary>
    public void ScheduleAgain(Scheduled what, TimeSpan at)
    {
        lock (_sync)
        {
            Enqueue(what, at);
        }
    }

    /// <summary>It is not due any more.</summary>
    public void Cancel(Scheduled what)
    {
        lock (_sync)
        {
            Outdate(what);
        }
    }

    /// <summary>Goes to what is due next and fires it; false: there is nothing. What that throws comes out of here.</summary>
    public bool FireNext()
    {
        if (!TryTake(out Scheduled? next))
        {
            return false;
        }

        Fired++;
        next.Fire();
        return true;
    }

    /// <summary>Nothing is due any more, and nothing will be: a run has ended.</summary>
    public void Close()
    {
        lock (_sync)
        {
            _closed = true;
            _heap.Clear();
            _stale = 0;
        }
    }

    private bool TryTake([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Scheduled? next)
    {
        lock (_sync)
        {
            while (_heap.TryDequeue(out Entry entry, out When when))
            {
                if (entry.Version != entry.What.Version)
                {
                    _stale--;
                    continue;
                }

                next = entry.What;
                next.IsDue = false;
                next.Version++;
                _now = when.At > _now ? when.At : _now;
                return true;
            }
        }

        next = null;
        return false;
    }

    private void Enqueue(Scheduled what, TimeSpan at)
    {
        Outdate(what);
        if (!_closed)
        {
            what.IsDue = true;
            _heap.Enqueue(new Entry(what, what.Version), new When(at > _now ? at : _now, what.Order));
        }
    }

    private void Outdate(Scheduled what)
    {
        what.Version++;
        if (!what.IsDue)
        {
            return;
        }

        what.IsDue = false;
        _stale++;
        if (_heap.Count > SmallHeap && _stale * 2 > _heap.Count)
        {
            // A node sets its timer anew after each event, and requests end long before their deadlines.
            _heap = new PriorityQueue<Entry, When>(_heap.UnorderedItems.Where(item => item.Element.Version == item.Element.What.Version), Soonest.First);
            _stale = 0;
        }
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Entry(Scheduled What, int Version);

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct When(TimeSpan At, long Order);

    private sealed class Soonest : IComparer<When>
    {
        public static readonly Soonest First = new();

        public int Compare(When x, When y) => x.At != y.At ? x.At.CompareTo(y.At) : x.Order.CompareTo(y.Order);
    }

    private sealed class VirtualTimer(VirtualTime time, TimerCallback callback, object? state) : Scheduled, ITimer
    {
        private readonly ExecutionContext? _context = ExecutionContext.Capture();
        private TimeSpan _period = Timeout.InfiniteTimeSpan;
        private bool _disposed;

        public override void Fire()
        {
            if (_period != Timeout.InfiniteTimeSpan)
            {
                time.Schedule(this, time.Now + _period);
            }

            TimerCalls.Call(_context, callback, state);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            TimerCalls.Check(dueTime, period);
            if (_disposed)
            {
                return false;
            }

            _period = period > TimeSpan.Zero ? period : Timeout.InfiniteTimeSpan;
            if (dueTime == Timeout.InfiniteTimeSpan)
            {
                time.Cancel(this);
            }
            else
            {
                time.Schedule(this, time.Now + dueTime);
            }

            return true;
        }

        public void Dispose()
        {
            _disposed = true;
            time.Cancel(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
