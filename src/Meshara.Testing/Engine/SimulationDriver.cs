namespace Meshara.Testing.Engine;

/// <summary>
/// Runs everything on a thread pool of one thread. The driver is itself a work item: when nothing else is pending it fires the next timer,
/// otherwise it goes to the end of the line. So the order of everything follows from the order in which it was queued.
/// </summary>
internal sealed class SimulationDriver(VirtualTime time)
{
    private readonly TaskCompletionSource _done = new();
    private Task? _scenario;
    private int _idle;

    /// <summary>Runs the scenario to its end.</summary>
    /// <exception cref="InvalidOperationException">The scenario waits for something that no timer will bring.</exception>
    public static void Run(VirtualTime time, Func<Task> scenario)
    {
        if (!ThreadPool.SetMinThreads(1, 1) || !ThreadPool.SetMaxThreads(1, 1))
        {
            throw new InvalidOperationException("The thread pool does not take one thread.");
        }

        SimulationDriver driver = new(time);
        ThreadPool.UnsafeQueueUserWorkItem(
            _ =>
            {
                driver._scenario = scenario();
                driver.Queue();
            },
            null);
#pragma warning disable VSTHRD002 // The main thread has nothing else to do; everything happens on the pool's one thread.
        driver._done.Task.GetAwaiter().GetResult();
#pragma warning restore VSTHRD002
    }

    private void Queue() => ThreadPool.UnsafeQueueUserWorkItem(static driver => driver.Step(), this, preferLocal: false);

    private void Step()
    {
        if (_scenario!.IsCompleted)
        {
            if (_scenario.Exception is { } fault)
            {
                _done.SetException(fault.InnerException!);
            }
            else
            {
                _done.SetResult();
            }

            return;
        }

        // An empty queue is looked at twice: an item taken from it may be about to queue the next.
        _idle = ThreadPool.PendingWorkItemCount == 0 ? _idle + 1 : 0;
        if (_idle >= 2)
        {
            _idle = 0;
            if (!time.FireNext())
            {
                _done.SetException(new InvalidOperationException("Nothing is pending, no timer is set, and the scenario has not ended."));
                return;
            }
        }

        Queue();
    }
}
