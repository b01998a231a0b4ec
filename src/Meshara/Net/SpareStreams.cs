namespace Meshara.Net;

/// <summary>Streams of a link that have ended and can be used again, the latest first.</summary>
/// <param name="most">No more are kept.</param>
internal sealed class SpareStreams<T>(int most)
    where T : LinkStream
{
    private readonly Lock _sync = new();
    private readonly Stack<T> _spares = new();

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
            return _spares.TryPop(out T? stream) ? stream : null;
        }
    }

    /// <summary>Keeps none, nor the memory for their places.</summary>
    public void Clear()
    {
        lock (_sync)
        {
            if (_spares.Count > 0)
            {
                _spares.Clear();
                _spares.TrimExcess();
            }
        }
    }
}
