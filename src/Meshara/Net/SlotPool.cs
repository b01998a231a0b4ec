namespace Meshara.Net;

/// <summary>Places for large messages that are being put together. Who gets none waits in line and takes nothing meanwhile, so those begun can always end.</summary>
internal sealed class SlotPool(int slots)
{
    private readonly Lock _sync = new();
    private readonly LinkedList<Place> _waiting = [];
    private int _free = slots;

    public static SlotPool From(long budget, long maxMessage) => new((int)Math.Max(1, budget / maxMessage));

    /// <summary>How many are free.</summary>
    public int Free
    {
        get
        {
            lock (_sync)
            {
                return _free;
            }
        }
    }

    /// <summary>How many wait in line.</summary>
    public int Waiting
    {
        get
        {
            lock (_sync)
            {
                return _waiting.Count;
            }
        }
    }

    /// <summary>True: one is taken. False: the place waits in line, and is told by <see cref="Place.TryAccept"/>.</summary>
    public bool TryTake(Place place)
    {
        lock (_sync)
        {
            if (_free == 0)
            {
                place.Node = _waiting.AddLast(place);
                return false;
            }

            _free--;
            return true;
        }
    }

    /// <summary>Leaves the line; nothing happens if it is not in it.</summary>
    public void Leave(Place place)
    {
        lock (_sync)
        {
            if (place.Node is { } node && ReferenceEquals(node.List, _waiting))
            {
                _waiting.Remove(node);
            }
        }
    }

    /// <summary>Hands one on to the next in line that still wants it.</summary>
    public void Release()
    {
        // A loop and not a call from one to the next: a line of thousands that gave up must not be thousands of frames of stack.
        while (true)
        {
            Place next;
            lock (_sync)
            {
                if (_waiting.First is not { } first)
                {
                    _free++;
                    return;
                }

                next = first.Value;
                _waiting.RemoveFirst();
            }

            if (next.TryAccept())
            {
                return;
            }
        }
    }
}
