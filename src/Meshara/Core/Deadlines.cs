namespace Meshara.Core;

/// <summary>One deadline for each key, in order of time.</summary>
internal sealed class Deadlines
{
    private readonly SortedSet<(TimeSpan Due, long Key)> _order = [];
    private readonly Dictionary<long, TimeSpan> _byKey = [];

    public TimeSpan? Next => _order.Count == 0 ? null : _order.Min.Due;

    public int Count => _byKey.Count;

    public TimeSpan? Of(long key) => _byKey.TryGetValue(key, out TimeSpan due) ? due : null;

    public void Set(long key, TimeSpan due)
    {
        Clear(key);
        _byKey[key] = due;
        _order.Add((due, key));
    }

    public void Clear(long key)
    {
        if (_byKey.Remove(key, out TimeSpan due))
        {
            _order.Remove((due, key));
        }
    }

    public bool TryTake(TimeSpan now, out long key)
    {
        key = 0;
        if (_order.Count == 0 || _order.Min.Due > now)
        {
            return false;
        }

        key = _order.Min.Key;
        Clear(key);
        return true;
    }

    public void Clear()
    {
        _order.Clear();
        _byKey.Clear();
    }
}
