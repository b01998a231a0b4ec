namespace Meshara.Net;

/// <summary>What the streams of one link may grow their windows by, beyond the initial window that each has for sure.</summary>
internal sealed class WindowBudget(long growth, long maxWindow)
{
    private readonly long _growth = Math.Max(0, growth);
    private long _free = Math.Max(0, growth);

    public static WindowBudget From(LinkLimits limits) =>
        new(limits.LinkBudget - (2L * limits.MaxStreams * limits.InitialWindow), limits.MaxWindow);

    /// <summary>What is left to grow by.</summary>
    public long Free => Volatile.Read(ref _free);

    /// <summary>By what windows have grown.</summary>
    public long Used => _growth - Free;

    /// <summary>Doubles a window as far as the budget and the maximum allow; returns by how much.</summary>
    public long Grow(long window)
    {
        long wanted = Math.Min(window, maxWindow - window);
        while (wanted > 0)
        {
            long free = Volatile.Read(ref _free);
            long granted = Math.Min(wanted, free);
            if (granted == 0)
            {
                return 0;
            }

            if (Interlocked.CompareExchange(ref _free, free - granted, free) == free)
            {
                return granted;
            }
        }

        return 0;
    }

    public void Return(long growth) => Interlocked.Add(ref _free, growth);
}
