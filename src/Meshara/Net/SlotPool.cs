namespace Meshara.Net;

/// <summary>Places for large messages that are being put together. Who gets none waits in line and takes nothing meanwhile, so those begun can always end.</summary>
internal sealed class SlotPool(int slots)
{
    private readonly Lock _sync = new();
    private readonly Queue<Action> _waiting = new();
    private int _free = slots;

    public static SlotPool From(long budget, long maxMessage) => new((int)Math.Max(1, budget / maxMessage));

    /// <summary>Calls <paramref name="granted"/> now or when a place is free, outside any lock of the pool. A caller that wants it no more releases at once.</summary>
    public void Acquire(Action granted)
    {
        lock (_sync)
        {
            if (_free == 0)
            {
                _waiting.Enqueue(granted);
                return;
            }

            _free--;
        }

        granted();
    }

    public void Release()
    {
        Action? next;
        lock (_sync)
        {
            if (!_waiting.TryDequeue(out next))
            {
                _free++;
                return;
            }
        }

        next();
    }
}
