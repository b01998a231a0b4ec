namespace Meshara.Testing.Engine;

/// <summary>Counts steps and sees when there are none, or too many at one virtual instant.</summary>
internal sealed class StepWatch
{
    /// <summary>So long may one step take, in real time.</summary>
    public static TimeSpan LongestStep { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>So many may happen at one virtual instant.</summary>
    public const long MostAtOneInstant = 1_000_000;

    private long _steps;
    private long _stepsBefore;
    private int _looks;
    private volatile bool _outside;
    private int _thread;
    private TimeSpan _instant = TimeSpan.MinValue;
    private long _atInstant;

    /// <summary>Until now.</summary>
    public long Steps => Volatile.Read(ref _steps);

    /// <summary>The engine has its turn. An exception: something is wrong with the pool.</summary>
    public SimulationException? Enter()
    {
        _outside = false;
        int thread = Environment.CurrentManagedThreadId;
        Volatile.Write(ref _steps, _steps + 1);
        _atInstant++;
        if (_thread == 0)
        {
            _thread = thread;
            return ThreadPool.ThreadCount == 1 ? null : Watchdogs.ManyThreads(ThreadPool.ThreadCount);
        }

        return thread == _thread ? _atInstant > MostAtOneInstant ? Watchdogs.TimeStands(_instant, _atInstant) : null : Watchdogs.OtherThread();
    }

    /// <summary>Something is about to be fired. An exception: virtual time does not move.</summary>
    public SimulationException? Step(TimeSpan now)
    {
        Volatile.Write(ref _steps, _steps + 1);
        if (now != _instant)
        {
            _instant = now;
            _atInstant = 0;
        }

        return ++_atInstant > MostAtOneInstant ? Watchdogs.TimeStands(now, _atInstant) : null;
    }

    /// <summary>From here to the next turn real work is waited for.</summary>
    public void Outside() => _outside = true;

    /// <summary>From the waiting thread, each second. An exception: there was no step for too long.</summary>
    public SimulationException? Look()
    {
        long steps = Steps;
        bool moved = steps != _stepsBefore || _outside;
        _stepsBefore = steps;
        _looks = moved ? 0 : _looks + 1;
        return _looks >= LongestStep.TotalSeconds ? Watchdogs.Stuck(LongestStep) : null;
    }
}
