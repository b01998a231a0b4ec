namespace Meshara.Cli.Demo;

/// <summary>What happened so far, and a way to wait for what has not.</summary>
internal sealed class Journal<T>
{
    private readonly Lock _lock = new();
    private readonly List<T> _entries = [];
    private TaskCompletionSource _more = New();

    /// <summary>How many entries there are: a place to look on from.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _entries.Count;
            }
        }
    }

    /// <summary>All entries so far.</summary>
    public T[] ToArray()
    {
        lock (_lock)
        {
            return [.. _entries];
        }
    }

    public void Add(T entry)
    {
        TaskCompletionSource more;
        lock (_lock)
        {
            _entries.Add(entry);
            more = _more;
            _more = New();
        }

        more.SetResult();
    }

    /// <summary>The first entry from place <paramref name="from"/> on that matches, now or when it comes.</summary>
    public async Task<T> FirstAsync(Predicate<T> matches, int from, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task more;
            lock (_lock)
            {
                int found = _entries.FindIndex(Math.Min(from, _entries.Count), matches);
                if (found >= 0)
                {
                    return _entries[found];
                }

                from = Math.Max(from, _entries.Count);
                more = _more.Task;
            }

            await more.WaitAsync(cancellationToken);
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
