namespace Meshara.Mdns.Engine;

/// <summary>What can stand in one <see cref="IndexedHeap{T}"/>.</summary>
internal abstract class HeapItem
{
    /// <summary>The lowest comes first.</summary>
    public long Key { get; internal set; }

    /// <summary>Of equal keys the lowest of these comes first, so that the order is the same in each run.</summary>
    public long Order { get; internal set; }

    /// <summary>Where it stands; below 0: it does not.</summary>
    public int Place { get; internal set; } = -1;
}

/// <summary>A binary heap whose items know their place: one that is set again moves, and leaves nothing behind that could pile up.</summary>
internal sealed class IndexedHeap<T>
    where T : HeapItem
{
    private readonly List<T> _items = [];
    private long _lastOrder;

    public int Count => _items.Count;

    /// <summary>The first; null: none.</summary>
    public T? First => _items.Count == 0 ? null : _items[0];

    /// <summary>The one after the first; null: none.</summary>
    public T? Second => _items.Count switch
    {
        < 2 => null,
        2 => _items[1],
        _ => IsBefore(_items[1], _items[2]) ? _items[1] : _items[2],
    };

    /// <summary>Puts an item in, or moves it; of equal keys the one that was set first comes first.</summary>
    public void Set(T item, long key) => Set(item, key, ++_lastOrder);

    /// <summary>Puts an item in, or moves it.</summary>
    public void Set(T item, long key, long order)
    {
        (item.Key, item.Order) = (key, order);
        if (item.Place < 0)
        {
            item.Place = _items.Count;
            _items.Add(item);
        }

        Up(item.Place);
        Down(item.Place);
    }

    /// <summary>Takes an item out, if it is in.</summary>
    public void Remove(T item)
    {
        if (item.Place < 0)
            return;
        int place = item.Place;
        T last = _items[^1];
        _items.RemoveAt(_items.Count - 1);
        item.Place = -1;
        if (ReferenceEquals(last, item))
            return;
        Put(last, place);
        Up(place);
        Down(last.Place);
    }

    private static bool IsBefore(T a, T b) => a.Key != b.Key ? a.Key < b.Key : a.Order < b.Order;

    private void Put(T item, int place)
    {
        _items[place] = item;
        item.Place = place;
    }

    private void Up(int place)
    {
        T item = _items[place];
        for (int parent = (place - 1) / 2; place > 0 && IsBefore(item, _items[parent]); parent = (place - 1) / 2)
        {
            Put(_items[parent], place);
            place = parent;
        }

        Put(item, place);
    }

    private void Down(int place)
    {
        T item = _items[place];
        while (true)
        {
            int child = (2 * place) + 1;
            if (child + 1 < _items.Count && IsBefore(_items[child + 1], _items[child]))
                child++;
            if (child >= _items.Count || !IsBefore(_items[child], item))
                break;
            Put(_items[child], place);
            place = child;
        }

        Put(item, place);
    }
}
