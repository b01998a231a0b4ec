namespace Meshara.Net;

/// <summary>
/// The deadlines of a node's requests under one timer. Requests of one length fall due in the order in which they began,
/// so a line for each length keeps them sorted: to enter and to leave costs the same for one request as for a million.
/// </summary>
internal sealed class RequestDeadlines(NodeClock clock) : IDisposable
{
    /// <summary>Lengths that have a line; a request of yet another length has a timer of its own.</summary>
    public const int MaxLines = 16;

    // Timers of the framework end at 49.7 days; a request that is to wait longer waits so long.
    private static readonly TimeSpan Longest = TimeSpan.FromDays(49);

    private readonly Lock _sync = new();
    private readonly List<Line> _lines = [];
    private ITimer? _timer;
    private TimeSpan _armedFor = TimeSpan.MaxValue;
    private bool _disposed;

    /// <summary>Requests that wait in line.</summary>
    public int Count
    {
        get
        {
            lock (_sync)
            {
                return _lines.Sum(static line => line.Count);
            }
        }
    }

    /// <summary>Lets <see cref="RequestOut.OnDeadline"/> be called after this time, unless the request leaves before.</summary>
    public void Enter(RequestOut request, TimeSpan after)
    {
        if (!TryEnter(request, after > Longest ? Longest : after))
        {
            request.OnStopped();
        }
    }

    // False: too late.
    private bool TryEnter(RequestOut request, TimeSpan after)
    {
        lock (_sync)
        {
            TimeSpan now = clock.Now;
            if (_disposed)
            {
                return false;
            }

            if (FindLine(after) is { } line)
            {
                request.Deadline.At = now + after;
                line.Add(request);
                Arm(request.Deadline.At, now);
            }
            else
            {
                request.Deadline.Own = clock.Provider.CreateTimer(static state => ((RequestOut)state!).OnDeadline(), request, after, Timeout.InfiniteTimeSpan);
            }

            return true;
        }
    }

    /// <summary>The request has ended; nothing happens if it is in no line.</summary>
    /// <returns>Whether it is sure not to be called any more.</returns>
    public bool Leave(RequestOut request)
    {
        lock (_sync)
        {
            bool sure = request.Deadline.Line is not null || (request.Deadline.Own is null && request.Deadline.At == default);
            request.Deadline.Line?.Remove(request);
            request.Deadline.Own?.Dispose();
            request.Deadline = default;
            return sure;
        }
    }

    /// <summary>No deadline falls due any more; requests that wait still, on links that will never end, end now. Any number of times.</summary>
    public void Dispose()
    {
        List<RequestOut> left = [];
        lock (_sync)
        {
            _disposed = true;
            _timer?.Dispose();
            foreach (Line line in _lines)
            {
                for (; line.First is { } first; line.Remove(first))
                {
                    left.Add(first);
                }
            }
        }

        foreach (RequestOut request in left)
        {
            request.OnStopped();
        }
    }

    private Line? FindLine(TimeSpan length)
    {
        Line? empty = null;
        foreach (Line line in _lines)
        {
            if (line.Length == length)
            {
                return line;
            }

            empty ??= line.Count == 0 ? line : null;
        }

        if (empty is not null)
        {
            empty.Length = length;
        }
        else if (_lines.Count < MaxLines)
        {
            _lines.Add(empty = new Line { Length = length });
        }

        return empty;
    }

    // Left armed when the request it was for has ended: the next is due later, and one wake-up in that time is cheaper than a timer for each.
    private void Arm(TimeSpan at, TimeSpan now)
    {
        if (at >= _armedFor)
        {
            return;
        }

        TimeSpan wait = at - now;
        _armedFor = at;
        _timer ??= NewTimer();

        // Timers drop fractions of a millisecond.
        _timer.Change(TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds)), Timeout.InfiniteTimeSpan);
    }

    // Without the context of the first who asked, which it would keep for the node's life.
    private ITimer NewTimer()
    {
        using AsyncFlowControl? none = ExecutionContext.IsFlowSuppressed() ? null : ExecutionContext.SuppressFlow();
        return clock.Provider.CreateTimer(static state => ((RequestDeadlines)state!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    private void OnTimer()
    {
        List<RequestOut> due = [];
        lock (_sync)
        {
            TimeSpan now = clock.Now;
            TimeSpan next = TimeSpan.MaxValue;
            if (_disposed)
            {
                return;
            }

            _armedFor = TimeSpan.MaxValue;
            foreach (Line line in _lines)
            {
                for (; line.First is { } first && first.Deadline.At <= now; line.Remove(first))
                {
                    due.Add(first);
                }

                next = line.First is { } head && head.Deadline.At < next ? head.Deadline.At : next;
            }

            if (next < TimeSpan.MaxValue)
            {
                Arm(next, now);
            }
        }

        foreach (RequestOut request in due)
        {
            request.OnDeadline();
        }
    }

    /// <summary>A request's place in line; the line's lock guards it.</summary>
    internal struct Entry
    {
        public TimeSpan At;
        public Line? Line;
        public RequestOut? Before;
        public RequestOut? Behind;
        public ITimer? Own;
    }

    /// <summary>Requests that have the same time, the earliest first.</summary>
    internal sealed class Line
    {
        private RequestOut? _last;

        public TimeSpan Length { get; set; }

        public int Count { get; private set; }

        public RequestOut? First { get; private set; }

        public void Add(RequestOut request)
        {
            request.Deadline.Line = this;
            request.Deadline.Before = _last;
            if (_last is null)
            {
                First = request;
            }
            else
            {
                _last.Deadline.Behind = request;
            }

            _last = request;
            Count++;
        }

        public void Remove(RequestOut request)
        {
            ref Entry entry = ref request.Deadline;
            if (entry.Before is null)
            {
                First = entry.Behind;
            }
            else
            {
                entry.Before.Deadline.Behind = entry.Behind;
            }

            if (entry.Behind is null)
            {
                _last = entry.Before;
            }
            else
            {
                entry.Behind.Deadline.Before = entry.Before;
            }

            (entry.Line, entry.Before, entry.Behind) = (null, null, null);
            Count--;
        }
    }
}
