using Meshara.Testing.Running;

namespace Meshara.Testing.Engine;

/// <summary>
/// Runs everything on a thread pool of one thread. The engine is itself a work item: when nothing else is pending it fires what is due next,
/// otherwise it goes to the end of the line. So the order of everything follows from the order in which it was queued.
/// </summary>
internal sealed class SimulationEngine : IThreadPoolWorkItem
{
    // What still runs after the end of a scenario has ended by then, or never will.
    private const int MostTurnsAfterTheEnd = 100_000;

    private static SimulationEngine? _current;
    private static bool _oneThread;

    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SimulationRun _run;
    private readonly Func<int, Task> _scenario;
    private readonly StepWatch _watch = new();
    private Task? _running;
    private Exception? _failure;
    private bool _ending;
    private int _turnsAfterTheEnd;
    private bool _askedTwice;
    private int _outside;

    private SimulationEngine(SimulationRun run, Func<int, Task> scenario)
    {
        _run = run;
        _scenario = scenario;
        Trace = new Trace(Time, run.TraceTo);
    }

    /// <summary>The run of this process; null: there is none.</summary>
    public static SimulationEngine? Current => _current;

    /// <summary>The clock.</summary>
    public VirtualTime Time { get; } = new();

    /// <summary>What happened.</summary>
    public Trace Trace { get; }

    /// <summary>The network that the scenario made; null: none yet.</summary>
    public SimulatedNetwork? Network { get; set; }

    /// <summary>Steps until now: work items that ran between two looks, and what was fired.</summary>
    public long Steps => _watch.Steps;

    /// <summary>Whether the run has failed.</summary>
    public bool HasFailed => _failure is not null || _running is { IsFaulted: true };

    /// <summary>Runs one scenario to its end, on the pool, while the caller's thread waits. One at a time in a process, as many as wanted one after the other.</summary>
    /// <exception cref="Exception">What the scenario threw, or a callback.</exception>
    /// <exception cref="SimulationException">The scenario waits for something that will not come, or does not let go of the thread.</exception>
    public static void Run(SimulationRun run, Func<int, Task> scenario)
    {
        TakeOneThread();
        SimulationEngine engine = new(run, scenario);
        run.TailOf = engine.Trace.TailOf;
        if (Interlocked.CompareExchange(ref _current, engine, null) is not null)
        {
            throw new InvalidOperationException("A simulation runs in this process already: one at a time.");
        }

        try
        {
            engine.Queue();
            engine.Wait();
        }
        finally
        {
            run.Hash = engine.Trace.Hash;
            run.VirtualTime = engine.Time.Now;
            run.Counted.Add("steps", engine.Steps);
            run.Counted.Add("fired", engine.Time.Fired);
            run.Counted.Add("connections", engine.Network?.Internet.Connections ?? 0);
            run.Counted.Add("writes", engine.Network?.Internet.Writes ?? 0);
            engine.Trace.Dispose();
            _current = null;
        }
    }

    /// <summary>The run has failed; the first failure counts. The scenario goes no further.</summary>
    public void Fail(Exception why) => _failure ??= why;

    /// <summary>Holds virtual time while real work is done.</summary>
    public async Task<T> OutsideAsync<T>(Func<Task<T>> work)
    {
        _outside++;
        try
        {
            return await work().ConfigureAwait(false);
        }
        finally
        {
            _outside--;
        }
    }

    void IThreadPoolWorkItem.Execute()
    {
        if (_watch.Enter() is { } wrong)
        {
            Fail(wrong);
        }

        if (_running is null && _failure is null)
        {
            Start();
        }
        else if (!_ending && (_failure is not null || _running!.IsCompleted))
        {
            End();
        }
        else if (_ending)
        {
            if (ThreadPool.PendingWorkItemCount == 0 && _outside == 0)
            {
                Finish();
                return;
            }

            if (++_turnsAfterTheEnd > MostTurnsAfterTheEnd)
            {
                _failure = Watchdogs.GoesOn(_failure);
                Finish();
                return;
            }
        }
        else
        {
            GoOn();
        }

        Again();
    }

    private static void TakeOneThread()
    {
        if (_oneThread)
        {
            return;
        }

        if (!ThreadPool.SetMinThreads(1, 1) || !ThreadPool.SetMaxThreads(1, 1))
        {
            throw new InvalidOperationException("The thread pool of this process does not take one thread as its limit, which a simulation needs. Was DOTNET_ThreadPool_ForceMinWorkerThreads set?");
        }

        _oneThread = true;
    }

    private void Queue() => ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);

    private void Again()
    {
        if (_outside > 0 && ThreadPool.PendingWorkItemCount == 0)
        {
            // Real work is on its way: a look each millisecond instead of a thread that spins.
            _watch.Outside();
            ITimer[] once = new ITimer[1];
            once[0] = TimeProvider.System.CreateTimer(_ =>
            {
                once[0].Dispose();
                Queue();
            }, null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            once[0].Change(TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
            return;
        }

        Queue();
    }

    private void Start()
    {
        try
        {
            _running = _scenario(_run.Seed);
        }
        catch (Exception e)
        {
            // A scenario that is no async method throws here.
            Fail(e);
        }
    }

    // Fires until something is queued: no work item of another can run in the meantime, there is no second thread.
    private void GoOn()
    {
        while (ThreadPool.PendingWorkItemCount == 0 && _outside == 0 && _failure is null && !_running!.IsCompleted)
        {
            if (!_askedTwice)
            {
                // Looked at twice, with a turn in between.
                _askedTwice = true;
                return;
            }

            if (_watch.Step(Time.Now) is { } wrong)
            {
                Fail(wrong);
                return;
            }

            FireNext();
        }

        _askedTwice = false;
    }

    private void FireNext()
    {
        try
        {
            if (!Time.FireNext())
            {
                Fail(Watchdogs.NothingLeft(Time.Now));
            }
        }
        catch (Exception e)
        {
            // On the system's timers this would end the process.
            Fail(Watchdogs.CallbackThrew(e));
        }
    }

    private void End()
    {
        _ending = true;
        if (_failure is null && _running!.IsFaulted)
        {
            _failure = _running.Exception!.InnerException;
        }
        else if (_failure is null && _running!.IsCanceled)
        {
            _failure = new SimulationException("The scenario was cancelled.");
        }

        Network?.Close();
        Time.Close();
    }

    private void Finish()
    {
        if (_failure is null)
        {
            _done.TrySetResult();
        }
        else
        {
            _done.TrySetException(_failure);
        }
    }

    private void Wait()
    {
#pragma warning disable VSTHRD002 // The caller's thread has nothing else to do; everything happens on the pool's one thread.
        while (Task.WaitAny([_done.Task], TimeSpan.FromSeconds(1)) < 0)
        {
            if (_watch.Look() is { } stuck)
            {
                throw stuck;
            }
        }

        _done.Task.GetAwaiter().GetResult();
#pragma warning restore VSTHRD002
    }
}
