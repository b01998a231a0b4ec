using System.Runtime.CompilerServices;

namespace Meshara.Net;

/// <summary>
/// Where the busy links of a node wait for a thread, each after its share of work. Few of them stand in the pool's own line at a time, so that a link with little to do
/// waits behind these few, however many are busy.
/// </summary>
/// <param name="queue">Begins work in another way than on the pool; for who has but one thread.</param>
internal sealed class Turns(Action<IThreadPoolWorkItem>? queue = null) : IThreadPoolWorkItem
{
    /// <summary>Most that stand in the pool's line at a time.</summary>
    public const int InLine = 2;

    /// <summary>Work after which others go first, where any wait here: a hundred small messages, or two frames of bulk.</summary>
    public const int Share = 32 << 10;

    /// <summary>Work after which one goes to the end of the pool's line in any case: others than links need a thread, too.</summary>
    public const int Most = 64 << 10;

    /// <summary>So many bytes that have come at once are work that is worth a turn by itself.</summary>
    public const int Much = 2 << 10;

    // Bytes that take as long as a small message takes, whatever is in it.
    private const int FrameCost = 256;

    private readonly Lock _sync = new();
    private readonly Queue<Action> _waiting = new();
    private int _inLine;

    /// <summary>Whether any wait here.</summary>
    public bool AreWaited => Volatile.Read(ref _inLine) > 0;

    /// <summary>Whether who has done this much since others had the thread is to call <see cref="NextAsync"/>.</summary>
    public bool IsOver(int work) => work >= Share && (work >= Most || AreWaited);

    /// <summary>What a frame or message of this length counts as work, in bytes.</summary>
    public static int CostOf(int length) => FrameCost + length;

    /// <summary>Goes on when those who waited before have had their turn; allocates nothing.</summary>
    public Awaitable NextAsync() => new(this);

    // Back into line before the turn is taken: a handler that blocks must keep nobody else from going on.
    void IThreadPoolWorkItem.Execute()
    {
        Action turn;
        bool more;
        lock (_sync)
        {
            turn = _waiting.Dequeue();
            more = _waiting.Count >= _inLine;
            if (!more)
            {
                _inLine--;
            }
        }

        if (more)
        {
            Queue();
        }

        turn();
    }

    private void Wait(Action turn)
    {
        lock (_sync)
        {
            _waiting.Enqueue(turn);
            if (_inLine == InLine)
            {
                return;
            }

            _inLine++;
        }

        Queue();
    }

    private void Queue()
    {
        if (queue is null)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
        else
        {
            queue(this);
        }
    }

    /// <summary>What <see cref="NextAsync"/> gives to be awaited.</summary>
    internal readonly struct Awaitable(Turns turns) : ICriticalNotifyCompletion
    {
        public bool IsCompleted => false;

        public Awaitable GetAwaiter() => this;

        public void GetResult()
        {
            // Nothing comes of a turn.
        }

        public void OnCompleted(Action continuation) => turns.Wait(continuation);

        public void UnsafeOnCompleted(Action continuation) => turns.Wait(continuation);
    }
}
