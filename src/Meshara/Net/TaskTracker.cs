namespace Meshara.Net;

/// <summary>Counts work that nobody awaits while it runs, so that a fault is logged and a shutdown can wait for it.</summary>
/// <param name="onFault">Hears of faults.</param>
/// <param name="queue">Begins work in another way than on the pool; for who has but one thread.</param>
internal sealed class TaskTracker(Action<Exception> onFault, Action<IThreadPoolWorkItem>? queue = null)
{
    private readonly Lock _sync = new();
    private int _count;
    private TaskCompletionSource? _ended;

    /// <summary>How much work has been started and has not ended.</summary>
    public int Count
    {
        get
        {
            lock (_sync)
            {
                return _count;
            }
        }
    }

    /// <summary>Runs the work on the pool.</summary>
    public void Start(Func<Task> work) => Start(new Work(this, work));

    /// <summary>Counts work that will hand what it does to <see cref="Hold"/>, once.</summary>
    public void Begin()
    {
        lock (_sync)
        {
            _count++;
        }
    }

    /// <summary>Runs work that is its own item on the pool, where it hands what it does to <see cref="Hold"/>, once.</summary>
    public void Start(IThreadPoolWorkItem work)
    {
        Begin();
        Queue(work);
    }

    /// <summary>Runs work on the pool that has been counted.</summary>
    public void Queue(IThreadPoolWorkItem work)
    {
        if (queue is null)
        {
            ThreadPool.UnsafeQueueUserWorkItem(work, preferLocal: false);
        }
        else
        {
            queue(work);
        }
    }

    /// <summary>The work that was started ends with this task.</summary>
    public void Hold(Task task)
    {
        if (task.IsCompleted)
        {
            End(task);
        }
        else
        {
            EndWith(task);
        }
    }

    /// <summary>Ends when all work that has been started has ended.</summary>
    public Task WhenAllAsync()
    {
        lock (_sync)
        {
            return _count == 0 ? Task.CompletedTask : (_ended ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    // By itself: a lambda's captures are allocated at the head of its method, used or not.
    private void EndWith(Task task) => task.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(() => End(task));

    private void End(Task task)
    {
        if (!task.IsCompletedSuccessfully)
        {
            onFault(task.Exception?.InnerException ?? new TaskCanceledException(task));
        }

        lock (_sync)
        {
            if (--_count == 0)
            {
                _ended?.TrySetResult();
                _ended = null;
            }
        }
    }

    private sealed class Work(TaskTracker tracker, Func<Task> work) : IThreadPoolWorkItem
    {
        public void Execute() => tracker.Hold(DoAsync());

        // What it throws before its first await is a fault like any other.
        private async Task DoAsync() => await work().ConfigureAwait(false);
    }
}
