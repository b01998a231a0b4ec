namespace Meshara.Net;

/// <summary>Streams of a link that have ended and can be used again, the latest first.</summary>
/// <param name="most">No more are kept.</param>
internal sealed class SpareStreams<T>(int most)
    where T : LinkStream
{
    private readonly Lock _sync = new();
    private readonly Stack<T> _spares = new();
    private int _untouched;

    public int Count
    {
        get
        {
            lock (_sync)
            {
                return _spares.Count;
            }
        }
    }

    public void Add(T stream)
    {
        lock (_sync)
        {
            if (_spares.Count < most)
            {
                _spares.Push(stream);
            }
        }
    }

    /// <summary>One of them, or null.</summary>
    public T? Take()
    {
        lock (_sync)
        {
            if (!_spares.TryPop(out T? stream))
            {
                return null;
            }

            _untouched = Math.Min(_untouched, _spares.Count);
            return stream;
        }
    }

    /// <summary>Drops as many as have lain unused since the last time.</summary>
    public void Trim()
    {
        lock (_sync)
        {
            for (; _untouched > 0; _untouched--)
            {
                _spares.Pop();
            }

            _untouched = _spares.Count;
        }
    }

    /// <summary>Keeps none, nor the memory for their places.</summary>
    public void Clear()
    {
        lock (_sync)
        {
            _untouched = 0;
            if (_spares.Count > 0)
            {
                _spares.Clear();
                _spares.TrimExcess();
            }
        }
    }
}
