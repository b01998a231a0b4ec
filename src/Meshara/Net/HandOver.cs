using System.Runtime.CompilerServices;

namespace Meshara.Net;

/// <summary>
/// Gives the thread of a loop to what it has just received; the loop goes on where its next read ends. Who waits is served one way through the pool earlier,
/// and what it does cannot hold the loop up. One for each loop, which awaits it: it allocates nothing.
/// </summary>
internal sealed class HandOver : ICriticalNotifyCompletion, IThreadPoolWorkItem
{
    private IAwaited? _what;
    private ValueTask<bool> _next;
    private Action? _loop;

    public bool IsCompleted => false;

    /// <summary>Runs it here.</summary>
    /// <param name="what">What was received.</param>
    /// <param name="next">The next read, which has begun; the loop, too, awaits it.</param>
    public HandOver To(IAwaited what, ValueTask<bool> next)
    {
        (_what, _next) = (what, next);
        return this;
    }

    public HandOver GetAwaiter() => this;

    public void GetResult()
    {
    }

    public void OnCompleted(Action continuation) => UnsafeOnCompleted(continuation);

    public void UnsafeOnCompleted(Action continuation)
    {
        // Taken first: once it can go on, the loop may be here again.
        IAwaited what = _what!;
        ConfiguredValueTaskAwaitable<bool>.ConfiguredValueTaskAwaiter next = _next.ConfigureAwait(false).GetAwaiter();
        (_what, _next) = (null, default);
        if (next.IsCompleted)
        {
            _loop = continuation;
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
        else
        {
            next.UnsafeOnCompleted(continuation);
        }

        what.Run();
    }

    void IThreadPoolWorkItem.Execute() => _loop!();
}
