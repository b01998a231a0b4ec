namespace Meshara.Core.Policy;

/// <summary>Whose turn it is: who was served longest ago, those never served first. Remembers a bounded number; who is forgotten counts as never served.</summary>
internal sealed class Turns(int capacity)
{
    private readonly Dictionary<AddressKey, long> _last = [];
    private readonly Queue<(AddressKey Key, long Turn)> _order = new();
    private long _turn;

    public int Count => _last.Count;

    /// <summary>The number of its last turn; 0: never.</summary>
    public long LastOf(AddressKey key) => _last.GetValueOrDefault(key);

    public void Take(AddressKey key)
    {
        _last[key] = ++_turn;
        _order.Enqueue((key, _turn));

        // Turns that were followed by a later one of the same key say nothing; of the rest the oldest go.
        while (_last.Count > capacity || _order.Count > 2 * capacity)
        {
            (AddressKey oldest, long turn) = _order.Dequeue();
            if (_last[oldest] == turn)
            {
                _last.Remove(oldest);
            }
        }
    }
}
