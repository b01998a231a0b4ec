using System.Threading.Tasks.Sources;

namespace Meshara.Net;

/// <summary>An auto-reset signal for exactly one waiter; allocates nothing. Continuations run on the pool, never inside <see cref="Set"/>, but where it is asked for.</summary>
internal sealed class AsyncSignal : IValueTaskSource
{
    private readonly Lock _sync = new();
    private ManualResetValueTaskSourceCore<bool> _source = new() { RunContinuationsAsynchronously = true };
    private bool _set;
    private bool _waiting;

    /// <summary>Lets the waiter go on.</summary>
    /// <param name="here">On this thread, before this returns.</param>
    public void Set(bool here = false)
    {
        lock (_sync)
        {
            if (!_waiting)
            {
                _set = true;
                return;
            }

            _waiting = false;
        }

        _source.RunContinuationsAsynchronously = !here;
        _source.SetResult(true);
    }

    public ValueTask WaitAsync()
    {
        lock (_sync)
        {
            if (_set)
            {
                _set = false;
                return ValueTask.CompletedTask;
            }

            _source.Reset();
            _waiting = true;
            return new ValueTask(this, _source.Version);
        }
    }

    void IValueTaskSource.GetResult(short token) => _source.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}
