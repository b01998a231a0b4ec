namespace Meshara.Core.Policy;

/// <summary>A token bucket for each key, of bounded number: full ones are forgotten, and when all are in use newcomers share.</summary>
/// <param name="pace">Rate and burst of each.</param>
/// <param name="capacity">Most buckets of their own; one shared bucket for every 64 of them besides.</param>
/// <param name="seed">Decides who shares with whom, so that nobody can choose it.</param>
internal sealed class BucketTable(Pace pace, int capacity, ulong seed)
{
    private readonly Dictionary<AddressKey, TimeSpan> _fullAt = [];

    // When each was full again as of its first token or its last look: never later than it is.
    private readonly PriorityQueue<AddressKey, TimeSpan> _order = new();
    private readonly TimeSpan[] _shared = new TimeSpan[Math.Max(1, capacity / 64)];

    /// <summary>Keys with a bucket of their own.</summary>
    public int Count => _fullAt.Count;

    public bool Allows(AddressKey key, TimeSpan now) => pace.Allows(Find(key), now);

    /// <summary>Takes a token, allowed or not.</summary>
    public void Spend(AddressKey key, TimeSpan now)
    {
        // Whoever had shared begins with what the shared bucket has left: changing buckets must not pay.
        bool isOwn = _fullAt.TryGetValue(key, out TimeSpan own);
        TimeSpan after = pace.Spend(isOwn ? own : Shared(key), now);
        if (!isOwn && !HasRoom(now))
        {
            Shared(key) = after;
            return;
        }

        _fullAt[key] = after;
        if (!isOwn)
        {
            _order.Enqueue(key, after);
        }
    }

    private TimeSpan Find(AddressKey key) => _fullAt.TryGetValue(key, out TimeSpan own) ? own : Shared(key);

    private ref TimeSpan Shared(AddressKey key)
    {
        ulong mixed = Mix(key.Bits.Low ^ seed) + key.Bits.High;
        return ref _shared[Mix(mixed ^ seed) % (ulong)_shared.Length];
    }

    // The finalizer of SplitMix64.
    private static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
        x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
        return x ^ (x >> 31);
    }

    // Forgets two that are full for each that comes, so that the table shrinks after a flood; more only while there is no room.
    private bool HasRoom(TimeSpan now)
    {
        for (int forgotten = 0; (forgotten < 2 || _fullAt.Count >= capacity) && _order.TryPeek(out AddressKey key, out TimeSpan looked) && looked <= now;)
        {
            TimeSpan actual = _fullAt[key];
            if (actual > now)
            {
                // It was used since; each such look is paid for by a token.
                _order.EnqueueDequeue(key, actual);
                continue;
            }

            _order.Dequeue();
            _fullAt.Remove(key);
            forgotten++;
        }

        return _fullAt.Count < capacity;
    }
}
