namespace Meshara.Core.Policy;

/// <summary>A time for each key, at most so many; when there are more, the earliest goes.</summary>
internal sealed class BoundedTimes<TKey>(int most)
    where TKey : struct
{
    private readonly Dictionary<TKey, (TimeSpan Time, long Order)> _byKey = [];
    private readonly SortedDictionary<(TimeSpan Time, long Order), TKey> _byTime = [];
    private long _lastOrder;

    public int Count => _byKey.Count;

    public (TKey Key, TimeSpan Time)? First => _byTime.Count == 0 ? null : FirstOf();

    public TimeSpan? Of(TKey key) => _byKey.TryGetValue(key, out (TimeSpan Time, long Order) entry) ? entry.Time : null;

    /// <summary>Sets the time of a key.</summary>
    /// <returns>The key that had to go; null: none.</returns>
    public TKey? Set(TKey key, TimeSpan time)
    {
        Remove(key);
        (TimeSpan Time, long Order) entry = (time, ++_lastOrder);
        _byKey.Add(key, entry);
        _byTime.Add(entry, key);
        if (_byKey.Count <= most)
        {
            return null;
        }

        TKey first = FirstOf().Key;
        Remove(first);
        return first;
    }

    public void Remove(TKey key)
    {
        if (_byKey.Remove(key, out (TimeSpan Time, long Order) entry))
        {
            _byTime.Remove(entry);
        }
    }

    private (TKey Key, TimeSpan Time) FirstOf()
    {
        SortedDictionary<(TimeSpan Time, long Order), TKey>.Enumerator all = _byTime.GetEnumerator();
        all.MoveNext();
        return (all.Current.Value, all.Current.Key.Time);
    }
}
