using System.Runtime.CompilerServices;

namespace Meshara.Net;

/// <summary>
/// Gives the thread of a loop to what it has just received; the loop goes on from the pool. Who waits is served one way through the pool earlier,
/// and what it does cannot hold the loop up. One for each loop, which awaits it: it allocates nothing.
/// </summary>
internal sealed class HandOver : ICriticalNotifyCompletion, IThreadPoolWorkItem
{
    private IAwaited? _what;
    private Action? _loop;

    public bool IsCompleted => false;

    public HandOver To(IAwaited what)
    {
        _what = what;
        return this;
    }

    public HandOver GetAwaiter() => this;

    public void GetResult()
    {
    }

    public void OnCompleted(Action continuation) => UnsafeOnCompleted(continuation);

    public void UnsafeOnCompleted(Action continuation)
    {
        // Taken first: once queued, the loop may be here again.
        IAwaited what = _what!;
        _what = null;
        _loop = continuation;
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        what.Run();
    }

    void IThreadPoolWorkItem.Execute() => _loop!();
}
