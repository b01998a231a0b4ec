namespace Meshara.Net;

/// <summary>Holds work that nobody awaits while it runs, so that a fault is logged and a shutdown can wait for it.</summary>
/// <param name="onFault">Hears of faults.</param>
/// <param name="run">Begins work in another way than on the pool; for who has but one thread.</param>
internal sealed class TaskTracker(Action<Exception> onFault, Func<Func<Task>, Task>? run = null)
{
    private readonly Func<Func<Task>, Task> _run = run ?? Task.Run;
    private readonly Lock _sync = new();
    private readonly HashSet<Task> _running = [];

    public int Count
    {
        get
        {
            lock (_sync)
            {
                return _running.Count;
            }
        }
    }

    /// <summary>Runs the work on the pool.</summary>
    public void Start(Func<Task> work)
    {
        // Task.Run outside the lock would let the work end before it is held.
        lock (_sync)
        {
            Task? task = null;
            task = _run(async () =>
            {
                try
                {
                    await work().ConfigureAwait(false);
                }
                catch (Exception fault)
                {
                    onFault(fault);
                }

                lock (_sync)
                {
                    _running.Remove(task!);
                }
            });
            _running.Add(task);
        }
    }

    /// <summary>Ends when all work that has been started has ended.</summary>
    public async Task WhenAllAsync()
    {
        while (true)
        {
            Task[] tasks;
            lock (_sync)
            {
                tasks = [.. _running];
            }

            if (tasks.Length == 0)
            {
                return;
            }

            await Task.WhenAll(tasks).ConfigureAwait(false);
        }
    }
}
