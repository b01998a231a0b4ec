namespace Meshara.Net;

/// <summary>Credit of one direction towards this node, wire protocol section 8.3.</summary>
internal sealed class ReceiveWindow(long initial, WindowBudget budget)
{
    private readonly long _initial = initial;
    private long _available = initial;
    private long _unreported;
    private long _size = initial;
    private bool _closed;

    /// <summary>Guards the window; also what its stream has received, since one lock a stream is enough.</summary>
    public Lock Sync { get; } = new();

    /// <summary>Credit the peer has left.</summary>
    public long Available => Volatile.Read(ref _available);

    /// <summary>Whether less than half of the window is left to the peer.</summary>
    public bool IsLow => Available * 2 <= Volatile.Read(ref _size);

    /// <summary>Takes the cost of a frame that arrived; false: the peer had no such credit.</summary>
    public bool TrySpend(long cost) => Interlocked.Add(ref _available, -cost) >= 0;

    /// <summary>Gives credit back; returns the increment that is due to be sent now, or 0. Half a window is saved up, and a consumer that keeps up gets a larger one.</summary>
    public long GiveBack(long cost)
    {
        lock (Sync)
        {
            _unreported += cost;
            if (_closed || _unreported * 2 < _size)
            {
                return 0;
            }

            long growth = budget.Grow(_size);
            long increment = _unreported + growth;
            _size += growth;
            _unreported = 0;
            Interlocked.Add(ref _available, increment);
            return increment;
        }
    }

    /// <summary>A closed window is as it was at first.</summary>
    public void Renew()
    {
        lock (Sync)
        {
            _available = _size = _initial;
            _unreported = 0;
            _closed = false;
        }
    }

    /// <summary>The direction has ended; what the window had grown by goes back to the link.</summary>
    public void Close()
    {
        lock (Sync)
        {
            if (!_closed)
            {
                _closed = true;
                budget.Return(_size - _initial);
            }
        }
    }
}
